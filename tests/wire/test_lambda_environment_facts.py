"""What a function is told about its time, and what is said about its runtime, in agreement."""

from __future__ import annotations

import json
import shutil

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.lambda_support import create, package

START_WITH_A_FRACTION = 1_800_000_000.0007
PYTHON = "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"
NODE = "exports.handler = async (event, context) => context.getRemainingTimeInMillis();\n"


@pytest.mark.real_process
@pytest.mark.parametrize(
    ("runtime", "handler", "file", "code"),
    [
        ("python3.12", "app.handler", "app.py", PYTHON),
        pytest.param(
            "nodejs22.x",
            "index.handler",
            "index.js",
            NODE,
            marks=pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
        ),
    ],
)
def test_the_remaining_time_never_exceeds_the_timeout(runtime: str, handler: str, file: str, code: str) -> None:
    settings = Settings(port=0, data=None, frozen=True, start_at=START_WITH_A_FRACTION)
    with RunningEmulator(settings) as emulator:
        lambda_ = emulator.client("lambda")
        create(lambda_, Runtime=runtime, Handler=handler, Code={"ZipFile": package(code, file)}, Timeout=3)
        answer = lambda_.invoke(FunctionName="f")
        assert 2990 <= json.loads(answer["Payload"].read()) <= 3000


@pytest.mark.real_process
def test_the_log_and_the_configuration_name_the_same_version_of_the_functions_own_runtime(
    emulator: RunningEmulator,
) -> None:
    lambda_ = emulator.client("lambda")
    create(lambda_, Runtime="python3.13")
    arn = lambda_.get_function_configuration(FunctionName="f")["RuntimeVersionConfig"]["RuntimeVersionArn"]
    lambda_.invoke(FunctionName="f")
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    expected = f"INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: {arn}\n"
    assert events[0]["message"] == expected
