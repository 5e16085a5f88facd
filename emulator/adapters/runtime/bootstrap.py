"""A function's process: loads the handler, answers invocations over the control channel, reports errors as AWS does.

The payloads, texts and log lines are those of awslambdaric (reference lambda_invoke.md 1.5–1.7). This file's name
matters: AWS leaves out of stack traces the leading frames of a file called bootstrap.py.
Runs in the child process and imports the standard library only. Knows no pool, no timeout and no AWS time.
"""

from __future__ import annotations

import _thread
import atexit
import importlib
import importlib.machinery
import io
import json
import logging
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import api_addresses, aws_paths, wire, wrapper
from .context import Context
from .errors import Fault, describe
from .function_log import INIT_WARNING, FunctionLog, event_writer
from .results import UNICODE_RESULTS, Marshaller
from .virtual_time import TimeShim

MEMORY_SLACK_BYTES = 96 * 1024 * 1024
"""Beyond the configured memory: the stacks of threads count in full although hardly used."""
MAXIMUM_OPEN_FILES = 1024
HIGH_DESCRIPTOR = 900


# ── the handler ─────────────────────────────────────────────────────────────────────────────────


def load_handler(handler: str) -> Callable[[Any, Any], Any]:
    """Import `module.function`. Raises Fault, or what the module itself raises."""
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {error}") from None
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{module_name}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message, trace) from None
    try:
        found: Callable[[Any, Any], Any] = getattr(module, function_name)
    except AttributeError:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from None
    return found


def layer_folders(layers_root: Path) -> list[Path]:
    """Where Python looks into layers, in AWS's order."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    python = layers_root / "python"
    return [python / "lib" / version / "site-packages", python]


def forget_shadowed(folders: list[str]) -> None:
    """What the package or a layer brings wins over what the zygote has already imported, boto3 for example."""
    entries = [entry.name for folder in folders if Path(folder).is_dir() for entry in Path(folder).iterdir()]
    own = {entry.split(".")[0] for entry in entries if entry.endswith(".py") or "." not in entry}
    essential = {"sys", "os", "time", "json", "logging", "traceback", "importlib", "_lambda_runtime", "encodings"}
    shadowed = own - essential - set(sys.builtin_module_names)
    bundled = {"boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil"}
    if shadowed & bundled:
        shadowed |= bundled
    for name in list(sys.modules):
        if name.split(".")[0] in shadowed:
            del sys.modules[name]


def answer(
    handler: Callable[[Any, Any], Any],
    header: dict[str, Any],
    payload: Any,
    marshaller: Marshaller,
    environment: Any,
    log: FunctionLog,
    largest: Mapping[str, Any],
) -> tuple[int, bytes]:
    """Run the handler once: (RESULT or FAILED, JSON). SystemExit, MemoryError and their like pass.

    `largest`: `bytes` that a result may have, and what is answered `otherwise`.
    """
    try:
        context = Context(header, environment)
        try:
            event = json.loads(payload)
        except Exception as error:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
        result = marshaller.marshal(handler(event, context))
    except MemoryError:
        raise
    except Exception as error:
        described = describe(error, header["id"])
        log.error(described)
        return wire.FAILED, marshaller.marshal_error(described)
    if len(result) > largest["bytes"]:
        return wire.FAILED, largest["otherwise"].encode()
    return wire.RESULT, result


# ── the process ─────────────────────────────────────────────────────────────────────────────────


class Process:
    """One execution environment, from its first to its last breath."""

    def __init__(self, control_fd: int, time_fd: int, shim: TimeShim) -> None:
        self._control, self._time = control_fd, time_fd
        self._shim = shim
        self._buffer = b""
        self._request_id = ""
        self._forked = False
        # Bound now: a handler may replace what it likes in `os`.
        self._read, self._write, self._exit = os.read, os.write, os._exit

    def run(self, config: dict[str, Any] | None = None) -> None:
        """Never returns. Without a `config`, one is asked for over the control channel."""
        code = 1
        try:
            code = self._serve(config)
        except SystemExit as error:
            if error.code is None or isinstance(error.code, int):
                code = (error.code or 0) & 0xFF
            else:
                print(error.code, file=sys.stderr)
        except MemoryError:
            self._flush()
            os.kill(os.getpid(), signal.SIGKILL)  # AWS: the kernel does this
        except BaseException:
            traceback.print_exc()
        finally:
            if not self._forked:
                atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
            self._flush()
            self._exit(code)

    def _serve(self, config: dict[str, Any] | None) -> int:
        if config is None:
            kind, body = self._receive()
            if kind == wire.EXEC:
                return self._become(json.loads(body))
            assert kind == wire.CONFIGURE, kind
            config = json.loads(body)
            assert config is not None
        log = self._prepare(config)
        environment = os.environ
        marshaller = Marshaller(environment.get("AWS_EXECUTION_ENV") in UNICODE_RESULTS)
        try:
            handler = load_handler(config["handler"])
        except MemoryError:
            raise
        except Exception as error:
            described = describe(error, "")
            logging.warning(INIT_WARNING)
            log.error(described)
            self._answer(wire.INIT_FAILED, marshaller.marshal_error(described))
            return 1
        self._answer(wire.READY, b"")
        while True:
            kind, body = self._receive()
            (length,) = wire.QUESTION.unpack_from(body)
            header = json.loads(body[4 : 4 + length].decode())  # of bytes, `json` would guess the encoding first
            self._request_id = header["id"]
            self._shim.set(header["now"], header["virtual"])
            if header["trace"]:
                environment["_X_AMZN_TRACE_ID"] = header["trace"]
            else:
                environment.pop("_X_AMZN_TRACE_ID", None)
            payload = memoryview(body)[4 + length :].tobytes()
            kind, result = answer(handler, header, payload, marshaller, environment, log, config["largest"])
            if self._forked:
                return 0  # a copy that the handler forked has returned: the answer is not its to give
            self._answer(kind, result)

    def _prepare(self, config: dict[str, Any]) -> FunctionLog:
        shim, translate = self._shim, aws_paths.enter(config["room"])
        task_root = translate(config["task_root"])
        if config["environment"] is not None:  # a wrapper has made it otherwise
            os.environ.clear()
            os.environ.update({name: translate(value) for name, value in config["environment"].items()})
        time.tzset()
        os.chdir(task_root)
        folders = [task_root, *([config["required"]] if config["required"] else [])]
        if config["layers_root"]:
            folders += map(str, layer_folders(Path(translate(config["layers_root"]))))
        forget_shadowed(folders)
        extra = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        sys.path[:0] = [*folders, *(entry for entry in extra if entry not in sys.path)]
        sys.argv = ["bootstrap.py"]
        api_addresses.install()
        if config["compiled"]:
            _compile_apart(config["compiled"])
        importlib.invalidate_caches()
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            raw = io.FileIO(descriptor, "w", closefd=False)
            buffered: Any = io.BufferedWriter(raw)
            setattr(sys, name, io.TextIOWrapper(buffered, "utf-8", "backslashreplace", line_buffering=True))
        mark = wire.log_mark(config["log_mark"])
        write_event = event_writer(move_high(os.dup(1)), lambda text: wire.log_record(mark, text))
        log = FunctionLog(write_event, config["log_format"] == "JSON")
        log.install(lambda: self._request_id, config["log_level"])
        shim.connect(lambda sleeper, due: self._write_all(self._time, wire.TICK.pack(sleeper, due)))
        shim.set(config["now"], config["virtual"])
        os.register_at_fork(after_in_child=self._became_copy)
        _thread.start_new_thread(self._watch, ())
        if config["debug"]:
            listening = wire.frame(wire.LISTENING, wire.ANSWER.pack(0))
            _wait_for_debugger(config["debug"], shim, lambda: self._write_all(self._control, listening))
            shim.set(config["now"], config["virtual"])
        else:
            _limit(config["memory_mb"])
        return log

    def _become(self, program: dict[str, Any]) -> int:
        """Be another program from now on: a Node.js function, a custom runtime, an extension (`program.py`)."""
        channels = [self._control, self._time]
        translate = aws_paths.enter(program["room"])
        arguments = [translate(argument) for argument in program["arguments"]]
        environment = {name: translate(value) for name, value in program["environment"].items()}
        if program["channels"]:
            for descriptor in channels:
                os.set_inheritable(descriptor, True)
            environment[wire.CHANNELS_VARIABLE] = " ".join(map(str, channels))
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # Python's own choices would be inherited
        try:
            os.chdir(translate(program["folder"]))
            _limit_files()
            if sys.platform.startswith("linux") and program["memory_bytes"]:
                resource.setrlimit(resource.RLIMIT_DATA, (program["memory_bytes"], program["memory_bytes"]))
            if program["wrapper"]:
                return wrapper.execute(translate(program["wrapper"]), arguments, environment)
            os.execve(translate(program["path"]), arguments, environment)
        except (OSError, ValueError) as error:
            number = error.errno if isinstance(error, OSError) and error.errno else 0
            self._answer(wire.EXEC_FAILED, str(number).encode())
        return 1

    def _watch(self) -> None:
        """Deliver wake-ups; when the engine is gone, so is everything here."""
        self._shim.read_by_this_thread()
        pending = b""
        while True:
            try:
                data = self._read(self._time, 4096)
            except OSError:
                data = b""
            if not data:
                if not self._forked:
                    os.killpg(0, signal.SIGKILL)
                return
            pending += data
            while len(pending) >= wire.TICK.size:
                sleeper, now = wire.TICK.unpack_from(pending)
                pending = pending[wire.TICK.size :]
                self._shim.wake(sleeper, now)

    def _became_copy(self) -> None:
        """In a process that the handler forked: it must not speak for us."""
        self._forked = True
        self._shim.connect(None)
        for descriptor in (self._control, self._time):
            try:
                os.close(descriptor)
            except OSError:
                pass

    def _answer(self, kind: int, body: bytes) -> None:
        self._flush()
        self._shim.end()
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if sys.platform == "darwin":
            used //= 1024
        self._write_all(self._control, wire.frame(kind, wire.ANSWER.pack(used), body))

    def _receive(self) -> tuple[int, bytes]:
        size = wire.HEADER.size
        buffer = self._buffer
        while len(buffer) < size:
            buffer += self._more(65536)
        length, kind = wire.HEADER.unpack_from(buffer)
        parts, missing = [buffer[size:]], length - (len(buffer) - size)
        while missing > 0:
            parts.append(self._more(min(missing, 1 << 20)))
            missing -= len(parts[-1])
        body = b"".join(parts)
        self._buffer = body[length:]
        return kind, body[:length]

    def _more(self, size: int) -> bytes:
        data = self._read(self._control, size)
        if not data:
            self._exit(0)
        return data

    def _write_all(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._write(descriptor, view) :]

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # closed or replaced by the handler: nothing left to flush


def _compile_apart(folder: str) -> None:
    """For code that is being edited: no `__pycache__` beside it, and none that is a second old believed.

    Python compares whole seconds of the modification time; an edit of the same size within one would not be seen.
    """
    loader: Any = importlib.machinery.SourceFileLoader

    def path_stats(_: Any, path: str) -> dict[str, int]:
        status = Path(path).stat()
        return {"mtime": status.st_mtime_ns // 1000, "size": status.st_size}

    loader.path_stats = path_stats
    sys.pycache_prefix = folder


def _wait_for_debugger(debug: dict[str, Any], shim: TimeShim, listening: Callable[[], None]) -> None:
    """Offer this process to a debugger on a loopback port, say so, and return once one has attached."""
    shim.set(time.time(), False)
    shim.real_for = ("pydevd", "_pydev", "debugpy")
    added = debug["folder"] and debug["folder"] not in sys.path
    if added:
        sys.path.append(debug["folder"])
    try:
        debugpy: Any = importlib.import_module("debugpy")
        debugpy.listen(("127.0.0.1", debug["port"]))
        listening()
        debugpy.wait_for_client()
    finally:
        if added:
            sys.path.remove(debug["folder"])


def _limit(memory_mb: int) -> None:
    """AWS's file limit, and the configured memory on top of what the process started with.

    RLIMIT_DATA counts private writable memory, which is what a handler allocates; RLIMIT_AS would count mapped
    libraries and reserved address space too. macOS enforces neither.
    """
    _limit_files()
    if not sys.platform.startswith("linux"):
        return
    status = Path("/proc/self/status").read_text(encoding="ascii")
    used = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
    limit = used + memory_mb * 1024 * 1024 + MEMORY_SLACK_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _limit_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAXIMUM_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MAXIMUM_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def move_high(descriptor: int) -> int:
    """The descriptor at a high number, not inherited by programs that the handler starts."""
    import fcntl

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, min(HIGH_DESCRIPTOR, soft - 16))
    os.close(descriptor)
    return high
