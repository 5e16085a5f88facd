"""What handlers see of AWS time, from a test: every clock they have, what is left to them, and no host time spent."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from emulator.testing import Emulator
from emulator.testing.aws import Aws
from emulator.testing.clock import Clock
from tests.testing.functions import create, invoke, package

SLEEPS = {
    "time.sleep": "time.sleep(45)",
    "asyncio.sleep": "asyncio.run(asyncio.sleep(45))",
}
CLOCKS = """
import asyncio, datetime, time
def handler(event, context):
    begun = time.time(), time.monotonic(), datetime.datetime.now(datetime.timezone.utc)
    left = context.get_remaining_time_in_millis()
    SLEEP
    return {
        "time": time.time() - begun[0],
        "monotonic": time.monotonic() - begun[1],
        "datetime": (datetime.datetime.now(datetime.timezone.utc) - begun[2]).total_seconds(),
        "agree": abs(time.time() - datetime.datetime.now(datetime.timezone.utc).timestamp()) < 0.01,
        "left": (left - context.get_remaining_time_in_millis()) / 1000,
        "now": time.time(),
    }
"""
NODE = """
exports.handler = async (event, context) => {
    const begun = Date.now(), tick = performance.now(), left = context.getRemainingTimeInMillis();
    await new Promise((resolve) => setTimeout(resolve, 45000));
    return {
        time: (Date.now() - begun) / 1000,
        monotonic: Math.round(performance.now() - tick) / 1000,
        datetime: (new Date() - begun) / 1000,
        agree: true,
        left: (left - context.getRemainingTimeInMillis()) / 1000,
        now: Date.now() / 1000,
    };
};
"""


def check(answer: Any, begun: float) -> None:
    for name in ("time", "monotonic", "datetime", "left"):
        assert answer[name] == pytest.approx(45, abs=0.01), name
    assert answer["agree"]
    assert answer["now"] == pytest.approx(begun + 45, abs=0.01)


@pytest.mark.parametrize("sleep", SLEEPS.values(), ids=SLEEPS)
def test_all_clocks_of_python_follow_aws_time(aws: Aws, clock: Clock, sleep: str) -> None:
    create(aws, source=CLOCKS.replace("SLEEP", sleep))
    begun = clock.now()
    check(invoke(aws), begun)
    assert clock.now() == begun + 45


def test_all_clocks_of_python_follow_aws_time_in_threads_too() -> None:
    with Emulator(functions="threads") as emulator:
        for number, sleep in enumerate(SLEEPS.values()):
            create(emulator.aws, f"f{number}", source=CLOCKS.replace("SLEEP", sleep))
            begun = emulator.clock.now()
            check(invoke(emulator.aws, f"f{number}"), begun)
            assert emulator.clock.now() == begun + 45
    assert time.monotonic.__module__ == "time", "the process has its own functions again"


WAYS_TO_TELL = {
    "time.time": "time.time()",
    "time.time_ns": "time.time_ns() / 1e9",
    "time.monotonic": "time.monotonic()",
    "time.monotonic_ns": "time.monotonic_ns() / 1e9",
    "time.perf_counter": "time.perf_counter()",
    "datetime.now": "datetime.now().timestamp()",
    "datetime.now(UTC)": "datetime.now(timezone.utc).timestamp()",
    "datetime.utcnow": "datetime.utcnow().replace(tzinfo=timezone.utc).timestamp()",
    "datetime.today": "datetime.today().timestamp()",
    "loop.time": "loop.time()",
}
IN_WHOLE_SECONDS = {
    "time.gmtime": "calendar.timegm(time.gmtime())",
    "time.localtime": "time.mktime(time.localtime(None))",
    "time.ctime": "time.mktime(time.strptime(time.ctime()))",
    "time.ctime(None)": "time.mktime(time.strptime(time.ctime(None)))",
    "time.asctime": "time.mktime(time.strptime(time.asctime()))",
    "time.strftime": "time.mktime(time.strptime(time.strftime('%Y-%m-%d %H:%M:%S'), '%Y-%m-%d %H:%M:%S'))",
}


@pytest.mark.parametrize("functions", ["processes", "threads"])
def test_every_way_to_ask_for_the_time_agrees(functions: str) -> None:
    told = ", ".join(f"{name!r}: {code}" for name, code in (WAYS_TO_TELL | IN_WHOLE_SECONDS).items())
    source = f"""
import asyncio, calendar, logging, time
from datetime import date, datetime, timezone
class Formatter(logging.Formatter):
    converter = time.gmtime
def handler(event, context):
    loop = asyncio.new_event_loop()
    tell = lambda: {{{told}}}
    before = tell()
    time.sleep(400)
    loop.run_until_complete(asyncio.sleep(300))
    after = tell()
    loop.close()
    assert isinstance(datetime(2024, 1, 2), datetime) and datetime(2024, 1, 2) == datetime.fromisoformat("2024-01-02")
    assert date.today() == datetime.now().date()
    assert [time.ctime(0), time.asctime((2026, 1, 2, 3, 4, 5, 4, 2, 0))] == [
        time.asctime(time.localtime(0)), "Fri Jan  2 03:04:05 2026"]
    assert Formatter("%(asctime)s", "%Y").format(logging.makeLogRecord({{"created": 0.0}})) == "1970"
    return {{name: after[name] - before[name] for name in before}}
"""
    with Emulator(functions=functions) as emulator:
        create(emulator.aws, source=source, timeout=900)
        passed = invoke(emulator.aws)
    within = dict.fromkeys(WAYS_TO_TELL, 0.01) | dict.fromkeys(IN_WHOLE_SECONDS, 1.01)
    assert passed == {name: pytest.approx(700, abs=error) for name, error in within.items()}


def test_all_clocks_of_node_follow_aws_time(aws: Aws, clock: Clock) -> None:
    aws.lambda_.create_function(
        FunctionName="worker",
        Runtime="nodejs20.x",
        Role=f"arn:aws:iam::{aws.account}:role/tests",
        Handler="app.handler",
        Code={"ZipFile": package(NODE, "app.js")},
        Timeout=60,
    )
    begun = clock.now()
    check(invoke(aws), begun)


def test_a_gateway_gives_up_at_29_s_and_its_function_ends_at_450(aws: Aws, clock: Clock, emulator: Emulator) -> None:
    sleeper = "import time\ndef handler(event, context):\n    time.sleep(450)\n    print('done')\n"
    function = create(aws, source=sleeper, timeout=900)
    api = aws.apigateway.create_rest_api(name="slow")
    [root] = aws.apigateway.get_resources(restApiId=api["id"])["items"]
    method = {"restApiId": api["id"], "resourceId": root["id"], "httpMethod": "GET"}
    aws.apigateway.put_method(**method, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    aws.apigateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    aws.apigateway.create_deployment(restApiId=api["id"], stageName="test")
    aws.lambda_.add_permission(
        FunctionName="worker", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    aws.http.get("/")  # the environment is warm now: what follows is AWS time alone
    clock.advance(minutes=1)
    begun, host = clock.now(), time.monotonic()
    assert aws.http.get("/").status_code == 504
    assert clock.now() - begun == 29
    emulator.settle()
    attempt = emulator.attempts()[-1]
    assert attempt["outcome"] == "success"
    assert attempt["ended_at"] - begun == 450
    assert [each["text"] for each in emulator.timeline().events if each["kind"] == "log"] == ["worker | done"] * 2
    assert time.monotonic() - host < 300, "host time: it is milliseconds, but this machine may be busy"


def test_six_hours_of_throttled_back_off(aws: Aws, clock: Clock, emulator: Emulator) -> None:
    create(aws)
    queue = aws.sqs.create_queue(QueueName="dead")["QueueUrl"]
    aws.lambda_.update_function_configuration(
        FunctionName="worker", DeadLetterConfig={"TargetArn": f"arn:aws:sqs:us-east-1:{aws.account}:dead"}
    )
    emulator.faults.function("worker", "throttle", times=None)
    before = clock.now()
    aws.lambda_.invoke(FunctionName="worker", InvocationType="Event", Payload=json.dumps({}))
    emulator.settle()
    assert 6 * 3600 - 300 <= clock.now() - before <= 6 * 3600, "the next try would be too late"
    assert aws.sqs.receive_message(QueueUrl=queue)["Messages"]
    assert {each["outcome"] for each in emulator.attempts()[:-1]} == {"throttle"}
