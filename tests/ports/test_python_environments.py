"""Python functions: layers, interpreters, log formats, init phases."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from emulator.adapters.process_runtime import ProcessRuntime
from emulator.adapters.runtime.interpreters import Interpreters
from emulator.ports import CodeSource
from emulator.settings import LiveSettings
from tests.ports.functions import REQUEST_ID, Bench, error_of, runner, texts

FOREIGN = next((str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.1[0-9].*/bin/python3"))), None)
"""Another Python than the emulator's."""
if FOREIGN is not None and f"3.{sys.version_info.minor}." in FOREIGN:
    FOREIGN = None


def layer(**files: str) -> CodeSource:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name if "/" in name else name.replace("__", "/").replace("_py", ".py"))
            info.external_attr = 0o755 << 16
            archive.writestr(info, text)
    data = buffer.getvalue()

    async def load() -> bytes:
        return data

    return CodeSource(hashlib.sha256(data).hexdigest(), load)


# ── layers ──────────────────────────────────────────────────────────────────────────────────────


def test_modules_of_layers_are_found_after_the_functions_own_and_later_layers_win(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        first = layer(
            python__shared_py="name = 'first'", python__one_py="name = 'one'", python__own_py="name = 'layer'"
        )
        second = layer(python__shared_py="name = 'second'")
        source = "import shared, one, own\ndef handler(event, context):\n    return [shared.name, one.name, own.name]\n"
        result = await bench.run(source, files={"own": "name = 'function'"}, layers=[first, second])
        assert json.loads(result.payload) == ["second", "one", "function"]

    on_each(test)


def test_a_layers_folder_for_the_python_version_is_found_first(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        folder = f"python__lib__python3.{sys.version_info.minor}__site-packages__"
        content = {f"{folder}shared_py": "name = 'versioned'", "python__shared_py": "name = 'plain'"}
        source = "import shared\ndef handler(event, context):\n    return shared.name\n"
        assert (await bench.run(source, layers=[layer(**content)])).payload == b'"versioned"'

    on_each(test)


def test_programs_of_layers_are_on_the_path(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import subprocess\ndef handler(event, context):\n"
            "    return subprocess.run(['greet'], capture_output=True, text=True).stdout\n"
        )
        result = await bench.run(source, layers=[layer(bin__greet="#!/bin/sh\necho hello\n"), layer(x_py="")])
        assert result.payload == b'"hello\\n"'

    on_processes(test)


def test_a_layer_that_brings_the_sdk_wins_over_the_runtimes(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import boto3\ndef handler(event, context):\n    return boto3.__version__\n"
        mine = layer(**{"python/boto3/__init__.py": "__version__ = 'mine'"})
        assert (await bench.run(source, layers=[mine])).payload == b'"mine"'

    on_processes(test)


def test_a_layer_that_is_no_zip_is_refused_by_name(on_each: Any) -> None:
    async def load() -> bytes:
        return b"no zip"

    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(e, c): pass\n", layers=[CodeSource("broken", load)])
        assert result.error_type == "InvalidZipFileException"

    on_each(test)


# ── interpreters ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(FOREIGN is None, reason="no second Python on this machine")
def test_a_function_runs_on_the_interpreter_configured_for_its_runtime(tmp_path: Path, settings: LiveSettings) -> None:
    source = (
        "import sys, time, boto3, datetime\ndef handler(event, context):\n    time.sleep(100)\n"
        "    return [sys.version_info[:2], datetime.datetime.now().timestamp()]\n"
    )

    async def test(bench: Bench) -> None:
        result = await bench.run(source, runtime="python3.10", timeout_seconds=200.0)
        version, now = json.loads(result.payload)
        assert version != list(sys.version_info[:2])
        assert now == 1_800_000_100.0
        assert "INIT_START Runtime Version: python:3." in texts(result)[0]

    assert FOREIGN is not None
    runner("processes", tmp_path, settings, {"3.10": FOREIGN})(test)


def test_a_runtime_without_its_interpreter_runs_on_the_emulators_and_the_log_says_so(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(event, context):\n    return 1\n", runtime="python3.8")
        assert result.payload == b"1"
        assert any("python3.8 runs on Python" in text and "EMULATOR_PYTHON_3_8" in text for text in texts(result))

    on_processes(test)


def test_an_interpreter_that_does_not_start_is_no_interpreter(tmp_path: Path) -> None:
    shim = tmp_path / "python"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    found = Interpreters({"3.12": str(shim), "3.13": str(tmp_path / "none")})
    assert found.find("3.12").executable == found.find("3.13").executable == sys.executable


def test_another_interpreter_is_given_the_sdk_and_nothing_else_of_the_emulators(tmp_path: Path) -> None:
    link = tmp_path / "bin" / "python"
    link.parent.mkdir()
    link.write_text(f'#!/bin/sh\nexec {shutil.which(sys.executable)} "$@"\n')
    link.chmod(0o755)
    found = Interpreters({"3.99": str(link)}).find("3.99")
    assert {"boto3", "botocore"} <= set(found.packages) <= {
        "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "time_machine", "_time_machine",
    }  # fmt: skip


WHAT_IS_THERE = """
import importlib.metadata, importlib.util, sys
import boto3, botocore, s3transfer, jmespath, dateutil, six, urllib3
def handler(event, context):
    return {
        "there": [name for name in event if importlib.util.find_spec(name)],
        "version": importlib.metadata.version("boto3") == boto3.__version__,
        "known": sorted(item.metadata["Name"].lower() for item in importlib.metadata.distributions()),
        "path": [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))],
        "exit": callable(exit),
    }
"""
OF_THE_EMULATOR = ["emulator", "fastapi", "httpx", "moto", "pytest", "requests", "uvicorn", "yaml", "wire", "_pytest"]


@pytest.mark.parametrize("pythons", [{}, {"3.10": FOREIGN}], ids=["own", "another"])
@pytest.mark.parametrize("adapter", ["processes", "spawned"])
def test_functions_can_import_the_standard_library_and_the_sdk_and_nothing_else_of_the_machines(
    adapter: str, pythons: dict[str, str], tmp_path: Path, settings: LiveSettings
) -> None:
    if None in pythons.values():
        pytest.skip("no second Python on this machine")

    async def test(bench: Bench) -> None:
        changes = {"runtime": "python3.10"} if pythons else {}
        result = await bench.run(WHAT_IS_THERE, OF_THE_EMULATOR, memory_mb=512, **changes)
        sdk = ["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"]
        expected = {"there": [], "version": True, "known": sdk, "path": [], "exit": True}
        assert json.loads(result.payload) == expected
        result = await bench.run("import httpx\ndef handler(event, context):\n    return 1\n", **changes)
        assert error_of(result)["errorMessage"] == "Unable to import module 'app': No module named 'httpx'"

    runner(adapter, tmp_path, settings, pythons)(test)


# ── the init phase ──────────────────────────────────────────────────────────────────────────────


def test_a_module_that_fails_once_runs_again_within_the_invocation(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os, tempfile\nmarker = os.path.join(tempfile.gettempdir(), 'seen')\n"
            "if not os.path.exists(marker):\n    open(marker, 'w').close()\n    raise RuntimeError('first time')\n"
            "def handler(event, context):\n    return 'second time'\n"
        )
        result = await bench.run(source)
        assert result.payload == b'"second time"'
        reports = [text for text in texts(result) if text.startswith("INIT_REPORT")]
        assert reports == ["INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\tError Type: RuntimeError\n"]
        assert result.init_seconds is None

    on_processes(test)


def test_an_init_error_is_reported_for_both_phases_and_in_the_report(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("import nope\n")
        error = error_of(result)
        assert error == {
            "errorMessage": "Unable to import module 'app': No module named 'nope'",
            "errorType": "Runtime.ImportModuleError",
            "requestId": "",
            "stackTrace": [],
        }
        lines = texts(result)
        assert lines[0].startswith("INIT_START Runtime Version: python:3.")
        assert lines[1].startswith("[WARNING]\t2027-01-15T08:00:00.000Z\t\tLAMBDA_WARNING: Unhandled exception.")
        assert lines[2] == (
            "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'nope'\n"
            "Traceback (most recent call last):"
        )
        phases = [text.split("\t")[1:] for text in lines if text.startswith("INIT_REPORT")]
        assert phases == [
            [f"Phase: {phase}", "Status: error", "Error Type: Runtime.ImportModuleError\n"]
            for phase in ("init", "invoke")
        ]
        assert lines[-3:-1] == [
            f"START RequestId: {REQUEST_ID} Version: $LATEST\n", f"END RequestId: {REQUEST_ID}\n",
        ]  # fmt: skip
        assert lines[-1].endswith("Status: error\tError Type: Runtime.ImportModuleError\n")

    on_processes(test)


@pytest.mark.parametrize(
    ("code", "reason"),
    [("0", "Runtime exited without providing a reason"), ("127", "Runtime exited with error: exit status 127")],
)
def test_a_module_that_exits_is_told_as_aws_tells_it(on_processes: Any, code: str, reason: str) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run(f"import sys\nsys.exit({code})\n")
        expected = {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {REQUEST_ID} Error: {reason}"}
        assert error_of(result) == expected

    on_processes(test)


def test_a_segmentation_fault_at_import_ends_as_a_timeout(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("import ctypes\nctypes.string_at(0)\n", timeout_seconds=30.0)
        assert error_of(result) == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {REQUEST_ID} Error: Task timed out after 30.00 seconds",
        }
        assert (result.took_seconds, bench.clock.now()) == (30.0, 1_800_000_030.0)

    on_processes(test)


def test_an_environment_made_ahead_may_take_longer_than_ten_seconds(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import time\ntime.sleep(100)\ndef handler(event, context):\n    return time.time()\n"
        result = await bench.run(source, initialization_type="provisioned-concurrency")
        assert (json.loads(result.payload), result.init_seconds) == (1_800_000_100.0, 100.0)

    on_processes(test)


def test_the_initialization_type_is_told(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
        result = await bench.run(source, initialization_type="provisioned-concurrency")
        assert result.payload == b'"provisioned-concurrency"'

    on_processes(test)


# ── logs ────────────────────────────────────────────────────────────────────────────────────────


def test_each_line_carries_the_aws_time_at_which_it_was_written(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import time\ndef handler(event, context):\n    print('a')\n    time.sleep(60)\n    print('b')\n"
        result = await bench.run(source, timeout_seconds=100.0)
        at = {event.message: event.at for event in result.logs}
        assert (at["a\n"], at["b\n"]) == (1_800_000_000.0, 1_800_000_060.0)
        assert result.logs[-1].at == 1_800_000_060.0
        assert result.log_stream.startswith("2027/01/15/[$LATEST]")
        assert result.used_memory_mb > 0

    on_processes(test)


def test_json_logs_are_awss_fields(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import logging\nlog = logging.getLogger('mine')\n"
            "def handler(event, context):\n"
            "    log.info('hello %s', 'you', extra={'order': 7})\n    log.debug('hidden')\n"
            "    try:\n        1 / 0\n    except ZeroDivisionError:\n        log.exception('failed')\n"
        )
        result = await bench.run(source, log_format="JSON", application_log_level="INFO")
        records = [json.loads(text) for text in texts(result) if '"level"' in text]
        stamp = "2027-01-15T08:00:00Z"
        assert records[0] == {
            "timestamp": stamp, "level": "INFO", "message": "hello you", "logger": "mine", "requestId": REQUEST_ID,
            "order": 7,
        }  # fmt: skip
        assert list(records[1]) == [
            "timestamp", "level", "message", "logger", "stackTrace", "errorType", "errorMessage", "requestId",
            "location",
        ]  # fmt: skip
        assert (records[1]["errorType"], records[1]["errorMessage"]) == ("ZeroDivisionError", "division by zero")
        assert records[1]["location"].endswith("app.py:handler:9")
        assert len(records) == 2

    on_processes(test)


def test_an_error_in_json_logs_is_one_json_event(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(event, context):\n    raise ValueError('x')\n", log_format="JSON")
        (error,) = [json.loads(text) for text in texts(result) if '"level"' in text]
        assert list(error) == [
            "timestamp", "level", "errorMessage", "errorType", "requestId", "stackTrace",
        ]  # fmt: skip
        kinds = [json.loads(text)["type"] for text in texts(result) if '"type"' in text]
        assert kinds == ["platform.initStart", "platform.start", "platform.runtimeDone", "platform.report"]
        report = json.loads(texts(result)[-1])["record"]
        assert (report["status"], report["errorType"]) == ("failure", "ValueError")

    on_processes(test)


def test_a_printed_line_that_looks_like_a_record_is_a_line(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import os\ndef handler(event, context):\n    os.write(1, b'a\\0(\\nb\\0\\nc\\0)\\n')\n"
        result = await bench.run(source)
        assert texts(result)[-5:-2] == ["a\0(\n", "b\0\n", "c\0)\n"]

    on_processes(test)


# ── AWS's paths ─────────────────────────────────────────────────────────────────────────────────


WHERE = (
    "import os, subprocess, sys\n"
    "def handler(event, context):\n"
    "    if event == 'fail':\n        raise ValueError('x')\n"
    "    seen = subprocess.run(['ls', os.environ['LAMBDA_TASK_ROOT']], capture_output=True, text=True).stdout.split()\n"
    "    return [__file__, os.getcwd(), os.environ['LAMBDA_TASK_ROOT'], os.environ['PATH'].split(':')[-1], seen]\n"
)


def namespaces_are_allowed() -> bool:
    """Whether a process of this user may have mounts of its own; asked in a process that ends at once."""
    program = (
        "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x20000) and ctypes.CDLL(None).unshare(0x10020000))"
    )
    return (
        sys.platform.startswith("linux")
        and subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    )


needs_namespaces = pytest.mark.skipif(not namespaces_are_allowed(), reason="this system allows no mount namespaces")


@needs_namespaces
def test_a_packaged_function_is_at_var_task_and_its_layers_are_at_opt(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        layers = [layer(bin__tool="x", text_py="")]
        result = await bench.run(WHERE, layers=layers)
        *paths, seen = json.loads(result.payload)
        assert paths == ["/var/task/app.py", "/var/task", "/var/task", "/opt/bin"] and "app.py" in seen
        failed = error_of(await bench.run(WHERE, "fail", layers=layers))
        assert failed["stackTrace"] == ["  File \"/var/task/app.py\", line 4, in handler\n    raise ValueError('x')\n"]
        assert not os.path.exists("/var/task") and not list((bench.folder / "stage").iterdir())  # noqa: ASYNC240 — local

    on_processes(test)


POISON = (
    "import os\ndef handler(event, context):\n"
    "    told = []\n"
    "    for path in event:\n"
    "        try:\n            open(path, 'w').write('def handler(event, context): return 0')\n"
    "            told.append('written')\n"
    "        except OSError as error:\n            told.append(str(error).split(':')[0])\n"
    "    return told\n"
)


@needs_namespaces
def test_code_and_layers_are_read_only(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        paths = ["/var/task/app.py", "/var/task/new.py", "/opt/python/mine.py", "/opt/new"]
        refused = "[Errno 30] Read-only file system"
        layers = [layer(python__mine_py="")]
        result = await bench.run(POISON, paths, layers=layers)
        assert json.loads(result.payload) == [refused] * 4
        two = await bench.run(POISON, paths, layers=[*layers, layer(python__other_py="")])
        assert json.loads(two.payload) == [refused] * 4

    on_processes(test)


@needs_namespaces
def test_without_layers_opt_is_empty_and_read_only(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import os\ndef handler(event, context):\n    return os.listdir('/opt')\n"
        kept = {Path(path).parts[2] for path in (sys.prefix, sys.base_prefix, __file__) if path.startswith("/opt/")}
        folder = bench.folder / "source"
        folder.mkdir()
        (folder / "app.py").write_text(source)
        assert set(json.loads((await bench.run(source)).payload)) == kept
        in_place = await bench.run("", key="edited", source_directory=str(folder))
        assert set(json.loads(in_place.payload)) == kept
        assert json.loads((await bench.run(POISON, ["/opt/new"])).payload) == ["[Errno 30] Read-only file system"]
        assert not os.path.exists("/opt/new")  # noqa: ASYNC240 — local

    on_processes(test)


def test_what_a_function_needs_in_opt_stays_beside_its_layers(tmp_path: Path) -> None:
    if not namespaces_are_allowed() or not os.access("/opt", os.R_OK) or not os.listdir("/opt"):
        pytest.skip("nothing in /opt, or no namespaces")
    needed = sorted(os.listdir("/opt"))[0]
    for name in ("stage", "layers/python", "code"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "layers/greeting").write_text("hello")
    (tmp_path / "layers/link").symlink_to("greeting")
    room = {
        "task_root": str(tmp_path / "code"), "layers_root": str(tmp_path / "layers"), "temporary": None,
        "stage": str(tmp_path / "stage"), "needed": [f"/opt/{needed}/something"],
    }  # fmt: skip
    program = (
        "import json, os, sys\nfrom emulator.adapters.runtime import aws_paths\n"
        "aws_paths.enter(json.loads(sys.argv[1]))\n"
        "print(json.dumps([sorted(os.listdir('/opt')), open('/opt/link').read()]))\n"
        "try:\n    open('/opt/greeting', 'w')\nexcept OSError as error:\n    print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(room)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    seen, errno = done.stdout.splitlines()
    entries, text = json.loads(seen)
    assert {needed, "greeting", "link", "python"} <= set(entries) and text == "hello"
    assert errno == "30"


def test_where_there_are_no_namespaces_code_is_read_only_by_its_permissions(
    on_processes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(bench: Bench) -> None:
        real = ProcessRuntime._room  # pyright: ignore[reportPrivateUsage]

        def without(*arguments: Any) -> Any:  # a stage that is no folder: nothing can be mounted there
            return {**real(*arguments), "stage": "/dev/null"}

        monkeypatch.setattr(ProcessRuntime, "_room", without)
        source = (
            "import os, stat\ndef handler(event, context):\n"
            "    return [oct(os.stat(path).st_mode & 0o222) for path in (__file__, os.path.dirname(__file__))]\n"
        )
        result = await bench.run(source, layers=[layer(python__mine_py="")])
        assert json.loads(result.payload) == ["0o0", "0o0"]

    on_processes(test)


@needs_namespaces
def test_the_variables_name_awss_paths_with_layers_or_without(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
        variables = json.loads((await bench.run(source, runtime="python3.12")).payload)
        assert variables["PATH"].endswith(":/opt/bin")
        assert variables["LD_LIBRARY_PATH"].endswith("/var/task:/var/task/lib:/opt/lib")
        assert variables["LC_CTYPE"] == "C.UTF-8"
        older = json.loads((await bench.run(source, runtime="python3.11", name="older", key="older")).payload)
        assert "LC_CTYPE" not in older

    on_processes(test)


@needs_namespaces
def test_what_is_compiled_of_one_package_is_not_taken_for_anothers(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import mine\ndef handler(event, context):\n    return [mine.name, mine.__cached__]\n"
        one = json.loads((await bench.run(source, files={"mine": "name = 1"})).payload)
        two = json.loads((await bench.run(source, key="other", name="other", files={"mine": "name = 2"})).payload)
        assert (one[0], two[0]) == (1, 2) and one[1] != two[1]
        assert Path(one[1]).is_file() and not one[1].startswith("/var/task")  # noqa: ASYNC240 — a local file

    on_processes(test)


@needs_namespaces
def test_a_private_tmp_is_seen_by_its_environment_only_and_survives_a_reset(
    on_processes: Any, settings: LiveSettings
) -> None:
    settings.private_tmp = True

    async def test(bench: Bench) -> None:
        source = (
            "import os, tempfile\ndef handler(event, context):\n"
            "    open('/tmp/emulator-marker', 'a').write('x')\n"
            "    size = os.path.getsize('/tmp/emulator-marker')\n"
            "    if event:\n        os._exit(1)\n"
            "    return [tempfile.gettempdir(), os.listdir('/tmp'), size]\n"
        )
        assert json.loads((await bench.run(source)).payload) == ["/tmp", ["emulator-marker"], 1]
        assert (await bench.run(source, 1)).error_type == "Runtime.ExitError"
        assert json.loads((await bench.run(source)).payload) == ["/tmp", ["emulator-marker"], 3]
        other = await bench.run(source, name="other", key="other")
        assert json.loads(other.payload)[2] == 1
        assert not os.path.exists("/tmp/emulator-marker")  # noqa: ASYNC240 — a local file

    if sys.prefix.startswith("/tmp/") or __file__.startswith("/tmp/"):
        pytest.skip("this Python lives in /tmp")
    on_processes(test)


def test_code_that_is_edited_in_its_folder_stays_there(on_processes: Any, tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        folder = bench.folder / "source"
        folder.mkdir()
        (folder / "app.py").write_text(WHERE)
        result = await bench.run("", source_directory=str(folder))
        assert json.loads(result.payload)[0] == str(folder / "app.py")

    on_processes(test)


def test_shared_libraries_of_layers_are_found(on_processes: Any) -> None:
    library = next((path for path in Path("/").glob("lib*/**/libz.so.1") if path.is_file()), None)
    if library is None:
        pytest.skip("no library to bring along")
    data = library.read_bytes()

    async def test(bench: Bench) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(zipfile.ZipInfo("lib/libmine.so"), data)

        async def load() -> bytes:
            return buffer.getvalue()

        source = (
            "import ctypes\nmine = ctypes.CDLL('libmine.so')\nmine.zlibVersion.restype = ctypes.c_char_p\n"
            "def handler(event, context):\n    return mine.zlibVersion()\n"
        )
        result = await bench.run(source, layers=[CodeSource("libmine", load)])
        assert result.function_error is None, result.payload

    on_processes(test)
