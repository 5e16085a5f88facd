"""Python functions that go wrong: each way, what the caller is told, and that nobody else notices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.ports import InvocationResult
from tests.ports.functions import REQUEST_ID, Bench, alive, error_of, function, invocation, texts, until

WELL = "def handler(event, context):\n    return 'well'\n"


async def is_well(bench: Bench) -> None:
    """Other functions run as if nothing had happened."""
    assert (await bench.run(WELL)).payload == b'"well"'


async def again(bench: Bench, source: str, events: list[Any], **changes: Any) -> list[InvocationResult]:
    """One function, invoked several times in a row."""
    spec = function(source, **changes)
    return [await bench.drive(bench.runtime.run(spec, invocation(event))) for event in events]


# ── exceptions ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("raise Custom", "Custom", ""),
        ("raise Custom()", "Custom", ""),
        ("raise Exception('a', 3)", "Exception", "('a', 3)"),
        ("raise Exception('two\\nlines')", "Exception", "two\nlines"),
        ("raise KeyError('k') from ValueError('v')", "KeyError", "'k'"),
        ("raise ValueError('ü€𝒳')", "ValueError", "ü€𝒳"),
        ("raise ValueError('\\ud800')", "ValueError", "\ud800"),
        ("next(iter([]))", "StopIteration", ""),
        ("assert False, 'no'", "AssertionError", "no"),
        ("open('/nowhere/at/all')", "FileNotFoundError", "[Errno 2] No such file or directory: '/nowhere/at/all'"),
        ("return handler(event, context)", "RecursionError", "maximum recursion depth exceeded"),
        ("raise ExceptionGroup('g', [ValueError(1), KeyError(2)])", "ExceptionGroup", "g (2 sub-exceptions)"),
        ("json.loads('{')", "JSONDecodeError",
         "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)  # fmt: skip
def test_every_kind_of_exception_is_a_function_error_and_the_environment_lives_on(
    on_each: Any, body: str, error_type: str, message: str
) -> None:
    source = (
        "import json\nclass Custom(Exception):\n    pass\ncount = 0\n"
        "def handler(event, context):\n    global count\n    count += 1\n"
        f"    if event == 1:\n        return count\n    {body}\n"
    )

    async def test(bench: Bench) -> None:
        failed, after = await again(bench, source, [0, 1])
        error = error_of(failed)
        assert (error["errorType"], error["requestId"]) == (error_type, REQUEST_ID)
        assert error["errorMessage"].startswith(message)
        assert all(line.startswith("  File ") or "repeated" in line for line in error["stackTrace"])
        assert int(after.payload) > 1

    on_each(test)


def test_an_error_is_one_log_event_without_a_line_break_at_its_end(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("def handler(event, context):\n    raise ValueError('x')\n")
        (error,) = [text for text in texts(result) if text.startswith("[ERROR]")]
        assert error.split("\n")[:2] == ["[ERROR] ValueError: x", "Traceback (most recent call last):"]
        assert error.endswith("\n\u00a0\u00a0\u00a0\u00a0raise ValueError('x')")

    on_each(test)


@pytest.mark.parametrize("body", ["raise KeyboardInterrupt", "raise GeneratorExit", "raise BrokenText"])
def test_what_awss_runtime_does_not_catch_ends_the_process(on_processes: Any, body: str) -> None:
    source = (
        "class BrokenText(Exception):\n    def __str__(self):\n        raise RuntimeError\n"
        f"def handler(event, context):\n    {body}\n"
    )

    async def test(bench: Bench) -> None:
        error = error_of(await bench.run(source))
        reason = "Runtime exited with error: exit status 1"
        assert error == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {REQUEST_ID} Error: {reason}"}
        await is_well(bench)

    on_processes(test)


# ── results ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        ("Point(1, Point(2, 3))", b'{"x": 1, "y": {"x": 2, "y": 3}}'),
        ("{'a': b'x', b'k': [(b'y',)]}", b'{"a": "x", "k": [["y"]]}'),
        ("b'not json'", b"not json"),
        ("[float('nan'), float('inf')]", b"[NaN, Infinity]"),
        ("{1: 2, None: 3, 2.5: [Decimal('1E+5')]}", b'{"1": 2, "null": 3, "2.5": [1E+5]}'),
    ],
)
def test_results_are_written_as_awss_runtime_writes_them(on_each: Any, value: str, payload: bytes) -> None:
    source = (
        "from collections import namedtuple\nfrom decimal import Decimal\nPoint = namedtuple('Point', 'x y')\n"
        f"def handler(event, context):\n    return {value}\n"
    )

    async def test(bench: Bench) -> None:
        assert (await bench.run(source)).payload == payload

    on_each(test)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{1}", "Object of type set is not JSON serializable"),
        ("{(1, 2): 3}", "keys must be str, int, float, bool or None, not tuple"),
        ("loop", "Circular reference detected"),
        ("deep", "maximum recursion depth exceeded"),
        ("{'a': b'\\xff'}", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ("'\\ud800'", "'utf-8' codec can't encode character"),
    ],
)
def test_a_result_that_cannot_be_json_is_a_marshal_error(on_each: Any, value: str, message: str) -> None:
    source = (
        "loop, deep = [], []\nloop.append(loop)\nfor _ in range(100_000):\n    deep = [deep]\n"
        f"def handler(event, context):\n    return {value}\n"
    )

    async def test(bench: Bench) -> None:
        error = error_of(await bench.run(source, runtime="python3.12", log_format="JSON"))
        assert error["errorType"] == "Runtime.MarshalError"
        assert error["errorMessage"].startswith(f"Unable to marshal response: {message}")

    on_each(test)


# ── the process ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("ctypes.string_at(0)", "signal: segmentation fault"),
        ("os.abort()", "signal: aborted"),
        ("os.kill(os.getpid(), signal.SIGTERM); signal.pause()", "signal: terminated"),
        ("os.kill(os.getpid(), signal.SIGFPE); signal.pause()", "signal: floating point exception"),
        ("sys.exit('text')", "exit status 1"),
        ("sys.exit(3)", "exit status 3"),
        ("os._exit(300)", "exit status 44"),
    ],
)  # fmt: skip
def test_a_process_that_dies_is_told_by_its_exit_status_or_signal(on_processes: Any, body: str, reason: str) -> None:
    source = f"import ctypes, os, signal, sys\ndef handler(event, context):\n    {body}\n"

    async def test(bench: Bench) -> None:
        result = await bench.run(source)
        assert error_of(result) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {REQUEST_ID} Error: Runtime exited with error: {reason}",
        }
        assert texts(result)[-1].endswith("Status: error\tError Type: Runtime.ExitError\n")
        await is_well(bench)

    on_processes(test)


def test_a_stack_that_overflows_harms_only_its_invocation(on_processes: Any) -> None:
    source = (
        "import sys, threading\nsys.setrecursionlimit(10**9)\nthreading.stack_size(65536)\n"
        "def deep(n):\n    return [0].sort(key=deep)\n"
        "def handler(event, context):\n    thread = threading.Thread(target=deep, args=[0])\n"
        "    thread.start()\n    thread.join()\n"
    )

    async def test(bench: Bench) -> None:
        result = await bench.run(source)  # a segmentation fault before Python 3.12, an exception in the thread since
        assert result.error_type in ("Runtime.ExitError", None)
        await is_well(bench)

    on_processes(test)


def test_memory_beyond_the_configured_ends_the_process_and_the_report_says_all_was_used(on_processes: Any) -> None:
    source = (
        "def handler(event, context):\n    kept = []\n    while True:\n        kept.append(bytearray(10_000_000))\n"
    )

    async def test(bench: Bench) -> None:
        result = await bench.run(source, memory_mb=256, timeout_seconds=60.0)
        assert error_of(result)["errorMessage"].endswith("Runtime exited with error: signal: killed")
        assert result.used_memory_mb == 256
        assert "Memory Size: 256 MB\tMax Memory Used: 256 MB\t" in texts(result)[-1]
        assert texts(result)[-1].endswith("Status: error\tError Type: Runtime.OutOfMemory\n")
        await is_well(bench)

    on_processes(test)


@pytest.mark.parametrize(
    "body",
    [
        "sys.stdout.close(); sys.stderr.close()",
        "os.close(1); os.close(2); logging.getLogger().warning('unheard')",
        "sys.stdout = sys.stderr = None",
        "os.chdir('/'); os.environ.clear()",
        "sys.settrace(lambda *_: None); threading.settrace(lambda *_: None)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        "logging.getLogger().handlers.clear(); logging.basicConfig(force=True)",
        "os.read = os.write = json.dumps = json.loads = time.time = None",
        "sys.modules.clear()",
        "threading.Thread(target=lambda: 1 / 0).start()",
        "sys.setrecursionlimit(60)",
    ],
)
def test_what_a_handler_does_to_its_process_does_not_cost_it_its_answer(on_processes: Any, body: str) -> None:
    source = (
        "import json, logging, os, signal, sys, threading, time\n"
        f"def handler(event, context):\n    {body}\n    return event\n"
    )

    async def test(bench: Bench) -> None:
        first, second = await again(bench, source, [1, 1])
        assert first.payload == b"1"
        assert second.function_error is None or second.error_type != "Sandbox.Timedout"
        await is_well(bench)

    on_processes(test)


def test_a_loop_in_c_that_holds_the_interpreter_is_ended(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = "def handler(event, context):\n    return 7 ** 10 ** 9\n"
        result = await bench.run(source, timeout_seconds=0.3)
        assert result.error_type == "Sandbox.Timedout"
        await is_well(bench)

    on_processes(test)


def test_a_handler_that_ignores_signals_is_ended_at_its_timeout(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os, signal\n"
            "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n    signal.signal(number, signal.SIG_IGN)\n"
            "def handler(event, context):\n    print(os.getpid())\n    while True:\n        pass\n"
        )
        result = await bench.run(source, timeout_seconds=0.3)
        assert result.error_type == "Sandbox.Timedout"
        pid = next(int(text) for text in texts(result) if text.strip().isdigit())
        assert not alive(pid)

    on_processes(test)


def test_a_daemon_that_outlives_its_session_ends_with_the_environment(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os, time, signal\n"
            "def handler(event, context):\n"
            "    read, write = os.pipe()\n"
            "    if os.fork() == 0:\n"
            "        os.setsid()\n"
            "        if os.fork():\n            os._exit(0)\n"
            "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "        os.write(write, str(os.getpid()).encode())\n"
            "        while True:\n            signal.pause()\n"
            "    return int(os.read(read, 100))\n"
        )
        spec = function(source)
        pid = int((await bench.drive(bench.runtime.run(spec, invocation()))).payload)
        assert alive(pid)
        await bench.runtime.discard(spec.arn)
        await until(lambda: not alive(pid))

    on_processes(test)


def test_a_thread_that_outlives_the_invocation_writes_into_the_next_ones_log(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import threading\ngo, done = threading.Event(), threading.Event()\n"
            "def late():\n    go.wait()\n    print('late')\n    done.set()\n"
            "threading.Thread(target=late, daemon=True).start()\n"
            "def handler(event, context):\n"
            "    if event:\n        go.set()\n        done.wait()\n    return event\n"
        )
        first, second = await again(bench, source, [0, 1])
        assert "late\n" not in texts(first) and "late\n" in texts(second)

    on_processes(test)


def test_nuls_and_bytes_that_are_no_text_reach_the_log_as_text(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        result = await bench.run("import os\ndef handler(event, context):\n    os.write(1, b'a\\0b\\xff\\xc3\\n')\n")
        assert "a\0b\\xff\\xc3\n" in texts(result)
        json.dumps(texts(result)).encode()

    on_processes(test)


def test_a_flood_without_line_breaks_is_bounded_too(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os\ndef handler(event, context):\n    for _ in range(300):\n        os.write(1, b'x' * 65536)\n"
        )
        result = await bench.run(source, timeout_seconds=30.0)
        assert result.function_error is None
        assert sum(map(len, texts(result))) < 2_000_000

    on_processes(test)


def test_a_thousand_empty_lines_a_time_are_bounded_too(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os\ndef handler(event, context):\n    for _ in range(300):\n        os.write(1, b'\\n' * 4096)\n"
        )
        assert len((await bench.run(source, timeout_seconds=30.0)).logs) < 60_000

    on_processes(test)
