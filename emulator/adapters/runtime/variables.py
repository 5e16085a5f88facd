"""The environment variables of a function's process (reference lambda_invoke.md 1.7).

Decides who wins: AWS's reserved names, then the user's. Nothing of the host's AWS_* leaks.
"""

from __future__ import annotations

import os
from pathlib import Path

from emulator.ports import FunctionSpec

PLAIN_ACCOUNT = "000000000000"
RUNTIME_DIR = "/var/runtime"
"""AWS's, which is not here: what looks into it finds nothing. Where our own runtime is, is nobody's business."""
OLD_PYTHONS = ("python3.8", "python3.9", "python3.10", "python3.11")
"""Without LC_CTYPE [R:test_introspection_invoke]."""


def function_environment(
    function: FunctionSpec,
    task_root: Path,
    layers_root: Path | None,
    temporary: Path,
    endpoint_url: str,
    log_stream: str,
    session_token: str,
) -> dict[str, str]:
    """AWS's variables, the user's (which win, except where AWS reserves the name), and where the emulator is."""
    account = function.account
    path = [os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")]
    libraries = [str(task_root), str(task_root / "lib")]
    if layers_root is not None:
        path.append(str(layers_root / "bin"))
        libraries.append(str(layers_root / "lib"))
    host_libraries = os.environ.get("LD_LIBRARY_PATH")
    if host_libraries:
        libraries.insert(0, host_libraries)
    replaceable = {
        "PATH": os.pathsep.join(path),
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "AWS_ENDPOINT_URL": endpoint_url,
        # boto3 would send StartSyncExecution to `sync-localhost`, which no resolver knows.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    }
    if function.runtime.startswith("python"):
        replaceable["PYTHONPATH"] = RUNTIME_DIR
        if function.runtime not in OLD_PYTHONS:
            replaceable["LC_CTYPE"] = "C.UTF-8"
    reserved = {
        "_HANDLER": function.handler,
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": function.initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "LAMBDA_TASK_ROOT": str(task_root),
        "LAMBDA_RUNTIME_DIR": RUNTIME_DIR,
        "PWD": str(task_root),
        "SHLVL": "0",
        # A 12-digit access key is the account (emulator.aws.scope).
        "AWS_ACCESS_KEY_ID": "test" if account == PLAIN_ACCOUNT else account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": session_token,
    }
    if function.log_format == "JSON":
        reserved["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    if function.application_log_level:
        reserved["AWS_LAMBDA_LOG_LEVEL"] = function.application_log_level
    return {**replaceable, **function.environment, **reserved}
