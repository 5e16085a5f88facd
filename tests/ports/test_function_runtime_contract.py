"""What every FunctionRuntime promises, run on each adapter; below it, what only processes can promise."""

# Other processes tell what they did by files and by being gone: there is no event to wait for.
# ruff: noqa: ASYNC110, ASYNC240

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.adapters.process_runtime import ProcessRuntime
from emulator.adapters.runtime import launcher
from emulator.settings import LiveSettings
from tests.ports.functions import (
    ARN,
    REQUEST_ID,
    Bench,
    alive,
    error_of,
    function,
    invocation,
    runner,
    texts,
    until,
)

# ── every adapter ───────────────────────────────────────────────────────────────────────────────


def test_the_result_is_the_json_of_what_the_handler_returns(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(event, context):\n    return {'got': event, 'n': [1, 2]}\n", {"a": "é"})
        assert json.loads(result.payload) == {"got": {"a": "é"}, "n": [1, 2]}
        assert (result.function_error, result.error_type) == (None, None)
        assert (await bench.run("def handler(event, context):\n    pass\n")).payload == b"null"

    on_each(test)


def test_decimals_become_numbers(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "from decimal import Decimal\ndef handler(event, context):\n    return [Decimal('1.10'), 'x']\n"
        assert (await bench.run(source)).payload == b'[1.10, "x"]'

    on_each(test)


def test_an_exception_becomes_awss_error_payload(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(event, context):\n    raise ValueError('no cash flow')\n")
        error = error_of(result)
        assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
        assert (error["errorMessage"], error["errorType"], error["requestId"]) == (
            "no cash flow", "ValueError", REQUEST_ID,
        )  # fmt: skip
        (line,) = error["stackTrace"]
        assert line.startswith('  File "') and line.endswith(
            "app.py\", line 2, in handler\n    raise ValueError('no cash flow')\n"
        )
        assert any(text.startswith("[ERROR] ValueError: no cash flow\nTraceback") for text in texts(result))
        assert "\n\u00a0\u00a0File " in "".join(texts(result))

    on_each(test)


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("import nope", "app.handler", "Runtime.ImportModuleError",
         "Unable to import module 'app': No module named 'nope'"),
        ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("def f(:", "app.handler", "Runtime.UserCodeSyntaxError",
         "Syntax error in module 'app': invalid syntax (app.py, line 1)"),
        ("", "handler", "Runtime.MalformedHandlerName",
         "Bad handler 'handler': not enough values to unpack (expected 2, got 1)"),
        ("", "other.handler", "Runtime.ImportModuleError", "Unable to import module 'other': No module named 'other'"),
        ("raise KeyError('k')", "app.handler", "KeyError", "'k'"),
    ],
)  # fmt: skip
def test_a_handler_that_cannot_be_loaded_is_an_init_error_without_request_id(
    on_each: Any, source: str, handler: str, error_type: str, message: str
) -> None:
    async def test(bench: Bench) -> None:
        error = error_of(await bench.run(source, handler=handler))
        assert (error["errorType"], error["errorMessage"], error["requestId"]) == (error_type, message, "")

    on_each(test)


def test_a_result_that_is_no_json_is_a_marshal_error(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        error = error_of(await bench.run("def handler(event, context):\n    return object()\n"))
        assert error["errorType"] == "Runtime.MarshalError"
        assert error["errorMessage"] == "Unable to marshal response: Object of type object is not JSON serializable"

    on_each(test)


def test_a_result_larger_than_six_megabytes_is_refused_and_the_next_invocation_works(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "def handler(event, context):\n    return 'x' * event\n"
        assert (await bench.run(source, 6_291_556)).payload == (
            b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
            b'"errorType":"Function.ResponseSizeTooLarge"}'
        )
        assert (await bench.run(source, 3)).payload == b'"xxx"'
        assert len((await bench.run(source, 6_291_554)).payload) == 6_291_556

    on_each(test)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0", "Runtime exited without providing a reason"),
        ("127", "Runtime exited with error: exit status 127"),
        ("", "Runtime exited without providing a reason"),
    ],
)
def test_a_handler_that_exits_is_told_as_aws_tells_it(on_each: Any, code: str, reason: str) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run(f"import sys\ndef handler(event, context):\n    sys.exit({code})\n")
        expected = {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {REQUEST_ID} Error: {reason}"}
        assert error_of(result) == expected

    on_each(test)


def test_a_sleep_takes_aws_time_and_no_host_time(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import time\n"
            "def handler(event, context):\n"
            "    begun, left = time.time(), context.get_remaining_time_in_millis()\n"
            "    time.sleep(600)\n"
            "    return [time.time() - begun, left, context.get_remaining_time_in_millis()]\n"
        )
        result = await bench.run(source, timeout_seconds=900.0)
        assert json.loads(result.payload) == [600.0, 900_000, 300_000]
        assert result.took_seconds == 600.0
        assert bench.clock.now() == 1_800_000_600.0

    on_each(test)


@pytest.mark.parametrize("seconds", [3, 3.5, 1e9])
def test_a_sleep_that_reaches_the_timeout_ends_exactly_then(on_each: Any, seconds: float) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run(f"import time\ndef handler(event, context):\n    time.sleep({seconds})\n")
        assert (
            result.payload
            == (
                f'{{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {REQUEST_ID} '
                'Error: Task timed out after 3.00 seconds"}'
            ).encode()
        )
        assert (result.took_seconds, bench.clock.now()) == (3.0, 1_800_000_003.0)

    on_each(test)


def test_sleeping_functions_run_side_by_side(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event\n"
        spec = function(source, timeout_seconds=900.0)
        runs = [bench.runtime.run(spec, invocation(seconds)) for seconds in (30, 10, 20)]
        results = await bench.drive(asyncio.gather(*runs))
        assert [result.payload for result in results] == [b"30", b"10", b"20"]
        assert bench.clock.now() <= 1_800_000_060.0

    on_each(test)


def test_the_log_is_start_output_end_report(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(event, context):\n    print('multi\\nline')\n    print('a\\rb')\n")
        lines = result.log_tail.decode().split("\n")
        assert lines[0] == f"START RequestId: {REQUEST_ID} Version: $LATEST"
        assert lines[1:5] == ["multi", "line", "a\rb", f"END RequestId: {REQUEST_ID}"]
        assert lines[5].startswith(
            f"REPORT RequestId: {REQUEST_ID}\tDuration: 0.00 ms\tBilled Duration: 0 ms\tMemory Size: 128 MB\t"
        )
        assert {"multi\n", "line\n", "a\rb\n"} <= set(texts(result))

    on_each(test)  # fmt: skip


def test_end_follows_an_uncaught_exception_on_a_line_of_its_own(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(event, context):\n    raise ValueError('x')\n")
        assert f"\nEND RequestId: {REQUEST_ID}\n" in result.log_tail.decode()
        (error,) = [text for text in texts(result) if text.startswith("[ERROR]")]
        assert not error.endswith("\n")

    on_each(test)


def test_the_log_tail_is_the_last_four_kilobytes(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(event, context):\n    print('x' * 10_000)\n")
        assert len(result.log_tail) == 4096
        assert result.log_tail.endswith(b"\n")

    on_each(test)


def test_the_environment_is_awss_with_the_users_variables_and_the_endpoint(
    on_each: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-the-host")

    async def test(bench: Bench) -> None:
        source = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
        variables = json.loads(
            (
                await bench.run(source, environment={"COLOUR": "blue", "AWS_REGION": "mine"}, account="123456789012")
            ).payload
        )
        assert variables["COLOUR"] == "blue"
        assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-east-1"
        assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
        assert variables["AWS_ACCESS_KEY_ID"] == "123456789012"
        assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
        assert (variables["_AWS_XRAY_DAEMON_ADDRESS"], variables["_AWS_XRAY_DAEMON_PORT"]) == ("169.254.100.1", "2000")
        assert variables["_HANDLER"] == "app.handler"
        assert "AWS_PROFILE" not in variables
        assert variables["AWS_LAMBDA_LOG_STREAM_NAME"].startswith("2027/01/15/[$LATEST]")
        assert variables["LAMBDA_RUNTIME_DIR"] == variables["PYTHONPATH"] == "/var/runtime"

    on_each(test)  # fmt: skip


def test_the_context_object_is_awss(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "def handler(event, c):\n"
            "    return [c.aws_request_id, c.function_name, c.function_version, c.invoked_function_arn,\n"
            "            c.memory_limit_in_mb, c.log_group_name, c.client_context.custom,\n"
            "            c.identity.cognito_identity_id, c.tenant_id, type(c).__name__]\n"
        )
        work = bench.runtime.run(
            function(source), invocation(client_context='{"custom": {"k": 1}}', invoked_function_arn=ARN + ":prod")
        )
        assert json.loads((await bench.drive(work)).payload) == [
            REQUEST_ID, "reports", "$LATEST", ARN + ":prod", "128", "/aws/lambda/reports", {"k": 1}, None, None,
            "LambdaContext",
        ]  # fmt: skip

    on_each(test)


def test_a_warm_environment_keeps_its_globals_and_is_used_by_one_invocation_at_a_time(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import time\ncount = 0\n"
            "def handler(event, context):\n"
            "    global count\n    count += 1\n    seen = count\n    time.sleep(1)\n"
            "    assert count == seen\n    return count\n"
        )
        spec = function(source)
        both = await bench.drive(asyncio.gather(*(bench.runtime.run(spec, invocation()) for _ in range(2))))
        assert [result.payload for result in both] == [b"1", b"1"]
        assert (await bench.drive(bench.runtime.run(spec, invocation()))).payload == b"2"
        await bench.runtime.discard(ARN)
        assert (await bench.drive(bench.runtime.run(spec, invocation()))).payload == b"1"

    on_each(test)


def test_environments_of_one_version_end_and_those_of_others_stay(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        latest = function(
            "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n"
        )
        first = replace(latest, version="1", key=f"{latest.key}:1")
        for expected in (b"1", b"2"):
            for spec in (latest, first):
                assert (await bench.drive(bench.runtime.run(spec, invocation()))).payload == expected
        await bench.runtime.discard(ARN, "$LATEST")
        assert (await bench.drive(bench.runtime.run(first, invocation()))).payload == b"3"
        assert (await bench.drive(bench.runtime.run(latest, invocation()))).payload == b"1"
        await bench.runtime.discard(ARN)
        assert (await bench.drive(bench.runtime.run(first, invocation()))).payload == b"1"

    on_each(test)


def test_two_functions_with_modules_of_the_same_name_do_not_meet(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "from helper import name\ndef handler(event, context):\n    return name\n"
        first = await bench.run(source, files={"helper": "name = 'first'"})
        second = await bench.run(source, files={"helper": "name = 'second'"})
        assert (first.payload, second.payload) == (b'"first"', b'"second"')

    on_each(test)


def test_a_runtime_that_is_not_emulated_is_named(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        assert "ruby3.4" in error_of(await bench.run("", runtime="ruby3.4"))["errorMessage"]

    on_each(test)


def test_an_unsafe_package_is_refused_and_writes_nothing(on_each: Any, tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("../../escaped.py", "x = 1")

        async def load() -> bytes:
            return buffer.getvalue()

        result = await bench.run("", load_code=load, code_sha256="unsafe")
        assert result.error_type == "InvalidZipFileException"
        assert not list(tmp_path.rglob("escaped.py"))

    on_each(test)


# ── processes ───────────────────────────────────────────────────────────────────────────────────


def test_a_fresh_process_serves_like_a_forked_one(tmp_path: Path, settings: LiveSettings) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import time\ndef handler(event, context):\n    time.sleep(100)\n    print('x')\n    return time.time()\n"
        )
        result = await bench.run(source, timeout_seconds=200.0)
        assert json.loads(result.payload) == 1_800_000_100.0
        gone = await bench.run("import sys\ndef handler(event, context):\n    sys.exit(4)\n")
        assert error_of(gone)["errorMessage"].endswith("exit status 4")

    runner("spawned", tmp_path, settings)(test)


def test_after_a_timeout_globals_are_new_and_temporary_files_are_kept(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os, tempfile, time\ncount = 0\n"
            "def handler(event, context):\n"
            "    global count\n    count += 1\n"
            "    with open(os.path.join(tempfile.gettempdir(), 'kept'), 'a') as f:\n        f.write('x')\n"
            "    if event == 'sleep':\n        time.sleep(99)\n"
            "    return [count, os.path.getsize(f.name)]\n"
        )
        assert (await bench.run(source)).payload == b"[1, 1]"
        assert (await bench.run(source, "sleep")).error_type == "Sandbox.Timedout"
        assert (await bench.run(source)).payload == b"[1, 3]"

    on_processes(test)


def test_an_endless_loop_is_ended_in_host_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "def handler(event, context):\n    print('before')\n    while True:\n        pass\n"
        result = await bench.run(source, timeout_seconds=0.2)
        assert result.error_type == "Sandbox.Timedout"
        assert "before\n" in texts(result)
        assert result.took_seconds == 0.2

    on_processes(test)


def test_coroutines_sleep_side_by_side_in_virtual_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import asyncio, datetime\n"
            "async def work():\n"
            "    begun = datetime.datetime.now()\n"
            "    await asyncio.gather(*(asyncio.sleep(n) for n in (10, 60, 30)))\n"
            "    return (datetime.datetime.now() - begun).total_seconds()\n"
            "def handler(event, context):\n    return asyncio.run(work())\n"
        )
        result = await bench.run(source, timeout_seconds=900.0)
        assert json.loads(result.payload) == pytest.approx(60.0, abs=0.01)

    on_processes(test)


def test_threads_sleep_side_by_side_in_virtual_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import time\nfrom concurrent.futures import ThreadPoolExecutor\n"
            "def handler(event, context):\n"
            "    with ThreadPoolExecutor(4) as pool:\n        list(pool.map(time.sleep, [10, 20, 30, 40]))\n"
            "    return time.time()\n"
        )
        result = await bench.run(source, timeout_seconds=900.0)
        assert 1_800_000_040.0 <= json.loads(result.payload) <= 1_800_000_100.0

    on_processes(test)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "Runtime exited with error: signal: killed"),
        ("os.killpg(0, signal.SIGKILL)", "Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "Runtime exited with error: signal: segmentation fault"),
        ("bytearray(2_000_000_000)", "Runtime exited with error: signal: killed"),
        ("os._exit(9)", "Runtime exited with error: exit status 9"),
        ("os.closerange(3, 65536)", "Runtime exited with error: exit status 1"),
    ],
)
def test_a_process_that_dies_harms_only_its_invocation(on_processes: Any, body: str, reason: str) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run(f"import os, signal\ndef handler(event, context):\n    {body}\n")
        assert error_of(result)["errorType"] == "Runtime.ExitError"
        if "closerange" not in body:
            assert error_of(result)["errorMessage"] == f"RequestId: {REQUEST_ID} Error: {reason}"
        assert (await bench.run("def handler(event, context):\n    return 1\n")).payload == b"1"

    on_processes(test)


def test_a_handler_cannot_forge_its_result_by_printing(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os, struct, subprocess\n"
            "def handler(event, context):\n"
            "    forged = struct.pack('<IBI', 8, 13, 0) + b'666\\n'\n"
            "    os.write(1, forged)\n    os.write(2, forged)\n"
            "    subprocess.run(['sh', '-c', 'echo 666 >&9; echo 666'], stderr=subprocess.DEVNULL)\n"
            "    return 'true result'\n"
        )
        assert (await bench.run(source)).payload == b'"true result"'

    on_processes(test)


def test_a_forked_copy_that_returns_does_not_answer(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os\ndef handler(event, context):\n"
            "    pid = os.fork()\n    if pid:\n        os.waitpid(pid, 0)\n        return 'parent'\n    return 'copy'\n"
        )
        spec = function(source)
        for _ in range(3):
            assert (await bench.drive(bench.runtime.run(spec, invocation()))).payload == b'"parent"'

    on_processes(test)


def test_a_flood_of_output_is_bounded(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "def handler(event, context):\n    for n in range(60_000):\n        print('x' * 99)\n"
            "    print('last')\n    return 1\n"
        )
        result = await bench.run(source)
        assert result.payload == b"1"
        assert sum(map(len, texts(result))) < 1_400_000
        assert "last\n" in texts(result)
        assert any("bytes of output are left out" in line for line in texts(result))

    on_processes(test)


def test_a_record_of_logging_is_one_log_event(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import logging\ndef handler(event, context):\n    logging.getLogger().warning('two\\nlines')\n"
        result = await bench.run(source)
        assert f"[WARNING]\t2027-01-15T08:00:00.000Z\t{REQUEST_ID}\ttwo\nlines\n" in texts(result)

    on_processes(test)


def test_an_init_phase_that_is_too_long_runs_again_within_the_invocation(
    on_processes: Any, settings: LiveSettings
) -> None:
    async def test(bench: Bench) -> None:
        source = "import time\ntime.sleep(11)\ndef handler(event, context):\n    return time.time()\n"
        result = await bench.run(source, timeout_seconds=60.0)
        assert json.loads(result.payload) == 1_800_000_021.0
        assert result.took_seconds == 11.0
        assert any(line.startswith("INIT_REPORT") and "Status: timeout" in line for line in texts(result))
        assert (await bench.run(source, timeout_seconds=5.0)).error_type == "Sandbox.Timedout"

    on_processes(test)


def test_a_cancelled_invocation_takes_its_environment_along(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        marker = bench.folder / "pid"
        source = (
            "import os\ndef handler(event, context):\n"
            f"    open({str(marker) + '.new'!r}, 'w').write(str(os.getpid()))\n"
            f"    os.rename({str(marker) + '.new'!r}, {str(marker)!r})\n"
            "    while True:\n        pass\n"
        )
        task = asyncio.create_task(bench.runtime.run(function(source, timeout_seconds=60.0), invocation()))
        while not marker.exists():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not alive(int(marker.read_text())))

    on_processes(test)


def test_processes_that_the_handler_left_running_end_with_its_environment(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import subprocess\ndef handler(event, context):\n"
            "    new = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
            "    return [subprocess.Popen(['sleep', '1000']).pid for _ in range(20)] + [new.pid]\n"
        )
        result = await bench.run(source)
        pids = json.loads(result.payload)
        assert len(pids) == 21 and all(map(alive, pids))
        await bench.runtime.discard(ARN)
        await until(lambda: not any(map(alive, pids)))

    on_processes(test)


def test_an_idle_environment_ends_after_its_time(on_processes: Any, settings: LiveSettings) -> None:
    settings.environment_idle_seconds = 0.05

    async def test(bench: Bench) -> None:
        pid = json.loads((await bench.run("import os\ndef handler(event, context):\n    return os.getpid()\n")).payload)
        await until(lambda: not alive(pid))

    on_processes(test)


def test_a_zygote_that_was_killed_is_replaced(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os, signal\ndef handler(event, context):\n    os.kill(os.getppid(), signal.SIGKILL)\n"
            "    signal.pause()\n"
        )
        if not sys.platform.startswith("linux"):
            pytest.skip("there is no zygote")
        assert (await bench.run(source)).error_type == "Runtime.ExitError"
        assert (await bench.run("def handler(event, context):\n    return 1\n")).payload == b"1"

    on_processes(test)


def test_a_zygote_that_does_not_answer_is_replaced(on_processes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("there is no zygote")
    start = launcher.ZygoteLauncher._start_zygote  # pyright: ignore[reportPrivateUsage]

    def start_patiently(self: launcher.ZygoteLauncher) -> Any:
        monkeypatch.undo()
        return start(self)

    async def test(bench: Bench) -> None:
        parent = "import os\ndef handler(event, context):\n    return os.getppid()\n"
        zygote = json.loads((await bench.run(parent)).payload)
        os.kill(zygote, signal.SIGSTOP)
        monkeypatch.setattr(launcher, "LONGEST_START_SECONDS", 0.2)
        monkeypatch.setattr(launcher.ZygoteLauncher, "_start_zygote", start_patiently)
        assert (await bench.run("def handler(event, context):\n    return 1\n")).payload == b"1"
        await until(lambda: not alive(zygote))

    on_processes(test)


def test_reset_ends_running_invocations(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "import time\ndef handler(event, context):\n    time.sleep(100)\n"
        task = asyncio.create_task(bench.runtime.run(function(source, timeout_seconds=900.0), invocation()))
        await until(lambda: bench.clock.next_sleeper() is not None)
        await bench.runtime.reset()
        assert (await task).error_type == "Runtime.ExitError"

    on_processes(test)


def test_a_function_that_waits_for_the_emulator_lets_time_pass(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        assert isinstance(bench.runtime, ProcessRuntime)
        token_file, answer_file = bench.folder / "token", bench.folder / "answer"
        os.mkfifo(answer_file)
        source = (
            "import os\ndef handler(event, context):\n"
            f"    open({str(token_file) + '.new'!r}, 'w').write(os.environ['AWS_SESSION_TOKEN'])\n"
            f"    os.rename({str(token_file) + '.new'!r}, {str(token_file)!r})\n"
            f"    open({str(answer_file)!r}).read()\n"
            "    return 'answered'\n"
        )

        async def edge() -> None:
            while not token_file.exists():
                await asyncio.sleep(0.002)
            async with bench.runtime.calling(token_file.read_text()):
                await bench.clock.sleep_until(bench.clock.now() + 10)
            answer_file.write_text("x")

        result, _ = await bench.drive(
            asyncio.gather(bench.runtime.run(function(source, timeout_seconds=60.0), invocation()), edge())
        )
        assert (result.payload, result.took_seconds) == (b'"answered"', 10.0)

    on_processes(test)


KILLED_PARENT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.ports.functions import Bench, function, invocation
from emulator.settings import LiveSettings
SOURCE = '''
import os, subprocess
def handler(event, context):
    child = subprocess.Popen(['sleep', '1000'])
    detached = subprocess.Popen(['sleep', '1000'], start_new_session=True)
    os.write(1, b'x')
    open(event + '.new', 'w').write(f'{{os.getppid()}} {{os.getpid()}} {{child.pid}} {{detached.pid}}')
    os.rename(event + '.new', event)
    while True:
        pass
'''
async def main():
    bench = Bench('processes', Path({folder!r}), LiveSettings())
    await bench.runtime.run(function(SOURCE, timeout_seconds=900.0), invocation({folder!r} + '/pids'))
asyncio.run(main())
"""


@pytest.mark.real_process
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a handler that holds the GIL dies by Linux's means")
def test_nothing_is_left_when_the_emulator_is_killed(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    script = KILLED_PARENT.format(root=root, folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        pids: list[int] = []

        async def kill() -> None:
            await until(lambda: (tmp_path / "pids").exists())
            pids.extend(map(int, (tmp_path / "pids").read_text().split()))
            assert all(map(alive, pids))
            parent.send_signal(signal.SIGKILL)
            await until(lambda: not any(map(alive, pids)))

        asyncio.run(kill())
