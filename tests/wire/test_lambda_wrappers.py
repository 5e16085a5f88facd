"""AWS_LAMBDA_EXEC_WRAPPER through boto3: what the wrapper exports is there, and a missing one is an exit."""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import create

PYTHON = "import os\ndef handler(event, context):\n    return {**event, 'set': os.environ.get('SET')}\n"
NODE = "exports.handler = async (event) => ({ ...event, set: process.env.SET });"
WRAPPER = '#!/bin/bash\nexport SET=wrapped\nexec "$@"\n'
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js (`node`) on the PATH")


def package(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o755 << 16
            archive.writestr(info, text)
    return buffer.getvalue()


@pytest.mark.parametrize(("runtime", "name", "source"), [
    (f"python3.{sys.version_info.minor}", "index.py", PYTHON),
    pytest.param("nodejs22.x", "index.js", NODE, marks=needs_node),
])  # fmt: skip
def test_a_function_is_started_by_its_wrapper_or_not_at_all(
    emulator: RunningEmulator, runtime: str, name: str, source: str
) -> None:
    client = emulator.client("lambda")
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/environment_wrapper"}
    more: dict[str, Any] = {
        "Runtime": runtime,
        "Handler": "index.handler",
        "Timeout": 30,
        "Environment": {"Variables": variables},
    }
    code = {"ZipFile": package({name: source, "environment_wrapper": WRAPPER})}
    created = create(client, "wrapped", Code=code, **more)
    assert created["Environment"] == {"Variables": variables}
    client.get_waiter("function_active_v2").wait(FunctionName="wrapped")
    answer = client.invoke(FunctionName="wrapped", Payload=b'{"asked": 1}')
    assert json.loads(answer["Payload"].read()) == {"asked": 1, "set": "wrapped"}
    assert "FunctionError" not in answer

    create(client, "missing", Code={"ZipFile": package({name: source})}, **more)
    client.get_waiter("function_active_v2").wait(FunctionName="missing")
    answer = client.invoke(FunctionName="missing")
    error = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(" Error: Runtime exited with error: exit status 127")
