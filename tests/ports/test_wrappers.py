"""AWS_LAMBDA_EXEC_WRAPPER: scripts that start a managed runtime in its stead, for Python and Node.js alike."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from emulator.ports import InvocationResult
from emulator.settings import LiveSettings
from tests.ports.functions import REQUEST_ID, Bench, error_of, invocation, runner, texts
from tests.ports.programs import layer, packaged
from tests.ports.test_python_environments import FOREIGN

PYTHON = """
import boto3, importlib.util, os, sys, time
calls = 0
def handler(event, context):
    global calls
    calls += 1
    time.sleep(1)
    return {"set": os.environ.get("SET"), "handler": os.environ["_HANDLER"], "calls": calls, "time": time.time(),
            "region": os.environ["AWS_REGION"], "path": os.environ["AWS_LAMBDA_EXEC_WRAPPER"], "cwd": os.getcwd(),
            "ours": [name for name in os.environ if "EMULATOR" in name],
            "options": list(sys._xoptions),
            "leaks": [name for name in ("moto", "wire") if importlib.util.find_spec(name)]}
def other(event, context):
    return "other"
"""
NODE = """
let calls = 0;
exports.handler = async (event) => {
  calls += 1;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return {set: process.env.SET, handler: process.env._HANDLER, calls, time: Date.now() / 1000,
          region: process.env.AWS_REGION, path: process.env.AWS_LAMBDA_EXEC_WRAPPER, cwd: process.cwd(),
          ours: Object.keys(process.env).filter((name) => name.includes('EMULATOR')),
          options: process.execArgv.filter((option) => option.startsWith('--no-')), leaks: []};
};
exports.other = async (event) => 'other';
"""
SETS = "#!/bin/sh\necho wrapping\nexport SET=by-the-wrapper\n"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js (`node`) on the PATH")
FUNCTIONS: dict[str, dict[str, Any]] = {
    "python": {"source": ("app.py", PYTHON), "handler": "app.handler", "runtime": f"python3.{sys.version_info.minor}"},
    "another python": {"source": ("app.py", PYTHON), "handler": "app.handler", "runtime": "python3.10"},
    "node": {"source": ("index.js", NODE), "handler": "index.handler", "runtime": "nodejs20.x"},
}


@pytest.fixture(params=["python", "another python", pytest.param("node", marks=needs_node)])
def language(request: pytest.FixtureRequest) -> str:
    if request.param == "another python" and FOREIGN is None:
        pytest.skip("no second Python on this machine")
    return request.param


@pytest.fixture(params=["processes", "spawned"])
def on_either(request: pytest.FixtureRequest, tmp_path: Path, settings: LiveSettings) -> Any:
    return runner(request.param, tmp_path, settings, {"3.10": FOREIGN} if FOREIGN else {})


async def run(
    bench: Bench,
    language: str,
    files: Mapping[str, str] | None = None,
    wrapper: str = "/var/task/wrapper",
    **changes: Any,
) -> InvocationResult:
    values = dict(FUNCTIONS[language])
    name, source = values.pop("source")
    values |= {"environment": {"AWS_LAMBDA_EXEC_WRAPPER": wrapper}, **changes}
    return await bench.drive(bench.runtime.run(packaged({name: source, **(files or {})}, **values), invocation()))


def test_a_wrapper_starts_the_runtime_once_and_what_it_exports_is_the_functions(on_either: Any, language: str) -> None:
    async def test(bench: Bench) -> None:
        files = {"wrapper": SETS + 'exec "$@"\n'}
        begun = bench.clock.now()
        first, second = await run(bench, language, files), await run(bench, language, files)
        answer = json.loads(first.payload)
        assert answer == answer | {
            "set": "by-the-wrapper", "handler": FUNCTIONS[language]["handler"], "calls": 1, "region": "us-east-1",
            "time": begun + 1, "path": "/var/task/wrapper", "ours": [], "leaks": [],
        }  # fmt: skip
        assert json.loads(second.payload) == {**answer, "calls": 2, "time": begun + 2}
        assert "wrapping\n" in texts(first)
        assert first.init_seconds is not None

    on_either(test)


def test_a_wrapper_may_name_another_handler(on_processes: Any, language: str) -> None:
    async def test(bench: Bench) -> None:
        files = {"wrapper": '#!/bin/sh\nexport _HANDLER="${_HANDLER%.*}.other"\nexec "$@"\n'}
        assert (await run(bench, language, files)).payload == b'"other"'

    on_processes(test)


@pytest.mark.parametrize(("language", "option", "seen"), [
    ("python", "-X faulthandler", "faulthandler"),
    pytest.param("node", "--no-deprecation", "--no-deprecation", marks=needs_node),
])  # fmt: skip
def test_the_script_comes_last_so_that_a_wrapper_can_put_options_of_the_interpreter_before_it(
    on_processes: Any, language: str, option: str, seen: str
) -> None:
    async def test(bench: Bench) -> None:
        script = f'#!/bin/bash\nargs=("$@")\nexec "${{args[@]:0:$#-1}}" {option} "${{args[@]: -1}}"\n'
        assert json.loads((await run(bench, language, {"wrapper": script})).payload)["options"] == [seen]

    on_processes(test)


def test_a_layer_can_bring_the_wrapper_which_need_not_replace_itself(on_processes: Any, language: str) -> None:
    async def test(bench: Bench) -> None:
        layers = [layer({"bin/wrapper": SETS + '"$@"\n'})]
        result = await run(bench, language, wrapper="/opt/bin/wrapper", layers=layers)
        assert json.loads(result.payload)["set"] == "by-the-wrapper"

    on_processes(test)


def test_a_wrapper_without_an_interpreter_line_is_run_by_the_shell(on_processes: Any, language: str) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, language, {"wrapper": 'export SET=plain\nexec "$@"\n'})
        assert json.loads(result.payload)["set"] == "plain"

    on_processes(test)


@pytest.mark.parametrize(("files", "mode", "status", "said"), [
    ({}, 0o755, 127, "wrapper: does not exist\n"),
    ({"wrapper": SETS}, 0o644, 126, "wrapper: is not an executable\n"),
    ({"wrapper": "#!/no/such/shell\n"}, 0o755, 127, "wrapper: No such file or directory\n"),
    ({"wrapper": "#!/bin/sh\nexit 3\n"}, 0o755, 3, None),
])  # fmt: skip
def test_a_wrapper_that_does_not_start_the_runtime_is_an_exit_of_the_runtime(
    on_processes: Any, language: str, files: dict[str, str], mode: int, status: int, said: str | None
) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, language, files, mode=mode)
        assert error_of(result) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {REQUEST_ID} Error: Runtime exited with error: exit status {status}",
        }
        assert result.function_error == "Unhandled"
        assert said is None or any(text.endswith(said) for text in texts(result))

    on_processes(test)


def test_instrumentation_that_a_wrapper_puts_on_the_python_path_comes_first(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        files = {
            "wrapper": '#!/bin/sh\nexport PYTHONPATH="$LAMBDA_TASK_ROOT/tracing:$LAMBDA_RUNTIME_DIR"\nexec "$@"\n',
            "tracing/sitecustomize.py": "import os\nos.environ['SET'] = 'by sitecustomize'\n",
        }
        answer = json.loads((await run(bench, "python", files)).payload)
        assert (answer["set"], answer["leaks"]) == ("by sitecustomize", [])

    on_processes(test)
