"""How an invocation that did not answer is told to the caller: AWS's payloads (reference lambda_invoke.md 1.5)."""

from __future__ import annotations

import json
import os
import signal

SIGNALS = {
    signal.SIGKILL: "killed", signal.SIGSEGV: "segmentation fault", signal.SIGABRT: "aborted",
    signal.SIGTERM: "terminated", signal.SIGBUS: "bus error", signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction", signal.SIGHUP: "hangup", signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit", signal.SIGPIPE: "broken pipe", signal.SIGALRM: "alarm clock",
}  # fmt: skip
"""Go's names, which Lambda prints."""


def _payload(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()


def timed_out(request_id: str, timeout_seconds: float) -> bytes:
    """[R:test_lambda_invoke_with_timeout, 2025]"""
    return _payload(
        "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout_seconds:.2f} seconds"
    )


def exit_reason(status: int) -> str:
    """What a wait status is called."""
    if status == 0:
        return "Runtime exited without providing a reason"
    return f"Runtime exited with error: {end_of_process(status)}"


def end_of_process(status: int) -> str:
    """A wait status as Go prints it."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"signal: {SIGNALS.get(signal.Signals(number), str(number))}"
    return f"exit status {os.waitstatus_to_exitcode(status)}"


def exited(request_id: str, status: int) -> bytes:
    """[R:test_lambda_runtime_exit, test_lambda_handler_exit]"""
    return _payload("Runtime.ExitError", f"RequestId: {request_id} Error: {exit_reason(status)}")


def fault(error_type: str, message: str) -> bytes:
    """A failure that the platform names, before it is known which invocation it meets (`wire.FAULT`)."""
    return _payload(error_type, message)


def fault_of(body: bytes) -> tuple[str, str]:
    """The type and message of a `fault`."""
    value = json.loads(body)
    return value["errorType"], value["errorMessage"]


def platform_failure(request_id: str, error_type: str, message: str) -> bytes:
    """[P: `RequestId: … Error: Couldn't find valid bootstrap(s): …`, several repositories' logs, 2019-24]"""
    return _payload(error_type, f"RequestId: {request_id} Error: {message}")


def not_available(runtime: str) -> bytes:
    """A runtime that no kind of environment runs: ours, not AWS's."""
    advice = {
        "nodejs": "Node.js functions need `node` on the PATH: install Node.js.",
        "java": "Package the function for provided.al2023 with AWS's runtime interface client for Java.",
        "dotnet": "Package the function for provided.al2023 (self-contained, with Amazon.Lambda.RuntimeSupport).",
        "ruby": "Package the function for provided.al2023 with AWS's runtime interface client for Ruby "
        "(gem aws_lambda_ric).",
        "go": "AWS has retired go1.x: build the function for provided.al2023 with aws-lambda-go.",
    }
    found = next((text for name, text in advice.items() if runtime.startswith(name)), None)
    text = found or "Package the function for provided.al2023 with its runtime interface client."
    return _payload(
        "Runtime.NotAvailable", f"The emulator cannot run {runtime} here. {text} See docs/compatibility.md."
    )


def invalid_package(message: str) -> bytes:
    return _payload("InvalidZipFileException", message)


def describe_error(payload: bytes) -> str:
    """An error that a runtime reported, as `Type: message` on one line."""
    try:
        error = json.loads(payload)
    except (ValueError, RecursionError):
        return payload.decode("utf-8", "replace")
    if not isinstance(error, dict) or not error.get("errorMessage"):
        return error_type_of(payload)
    return " ".join(f"{error.get('errorType') or 'Error'}: {error['errorMessage']}".split())


def error_type_of(payload: bytes) -> str:
    """The `errorType` of an error that a runtime reported; `Unknown` if it says none (reference 1.5)."""
    try:
        error = json.loads(payload)
    except (ValueError, RecursionError):
        return "Unknown"
    return str(error["errorType"]) if isinstance(error, dict) and error.get("errorType") else "Unknown"
