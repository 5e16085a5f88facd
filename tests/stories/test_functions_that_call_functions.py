"""Functions in frozen time that call other functions: what time it is for the caller, meanwhile and afterwards."""

from __future__ import annotations

from typing import Any

from emulator import Emulator
from emulator.testing.aws import Aws
from tests.stories.telling import function, invoke, needs_node, node_function

CALLER = """
import asyncio, boto3, json, threading, time
from concurrent.futures import ThreadPoolExecutor
functions = boto3.client("lambda")
def call(name):
    return json.loads(functions.invoke(FunctionName=name)["Payload"].read())
def in_a_loop(name):
    async def both():
        return await asyncio.wait_for(asyncio.to_thread(call, name), 10)
    return asyncio.run(both())
def in_a_pool(name):
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(call, name).result(timeout=10)
def beside_a_sleep(name):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(call(name)))
    thread.start()
    time.sleep(20)
    thread.join()
    return answers[0]
def handler(event, context):
    left, begun = context.get_remaining_time_in_millis(), time.time()
    try:
        answer = globals()[event["how"]](event["whom"])
    except Exception as error:
        answer = type(error).__name__
    return answer, round(time.time() - begun, 3), round((left - context.get_remaining_time_in_millis()) / 1000, 1)
"""
CALLED = {
    "computes": "import time\ndef handler(event, context):\n    begun = time.thread_time()\n"
    "    while time.thread_time() - begun < 0.2:\n        pass\n    return 'computed'\n",
    "naps": "import time\ndef handler(event, context):\n    time.sleep(5)\n    return 'napped'\n",
    "sleeps": "import time\ndef handler(event, context):\n    time.sleep(45)\n    return 'slept'\n",
}
NODE_CALLER = """
const http = require("http");
const call = (name) => new Promise((resolve, reject) => {
  const { hostname, port } = new URL(process.env.AWS_ENDPOINT_URL);
  const { AWS_ACCESS_KEY_ID: key, AWS_SESSION_TOKEN: token } = process.env;
  const scope = `Credential=${key}/20260101/us-east-1/lambda/aws4_request`;
  const headers = {
    "x-amz-security-token": token, authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0`,
  };
  const path = `/2015-03-31/functions/${name}/invocations`;
  const request = http.request({ hostname, port, method: "POST", path, headers }, (response) => {
    let text = "";
    response.on("data", (part) => { text += part; });
    response.on("end", () => resolve(JSON.parse(text)));
  });
  request.on("error", reject);
  request.end("{}");
});
const after = (seconds, value) => new Promise((resolve) => setTimeout(resolve, seconds * 1000, value));
const ways = {
  call,
  in_a_race: (name) => Promise.race([call(name), after(10, "TimeoutError")]),
  beside_a_sleep: async (name) => { const answer = call(name); await after(20); return answer; },
};
exports.handler = async ({ how, whom }, context) => {
  const left = context.getRemainingTimeInMillis(), begun = Date.now();
  const answer = await ways[how](whom);
  return [answer, (Date.now() - begun) / 1000, (left - context.getRemainingTimeInMillis()) / 1000];
};
"""


def answers(aws: Aws, ways: tuple[str, ...]) -> dict[str, list[Any]]:
    """What the caller says of each way to call each function: the answer, and how long it took by both its clocks."""
    for name, source in CALLED.items():
        function(aws, name, source, Timeout=100)
    return {f"{way} {whom}": invoke(aws, "caller", {"how": way, "whom": whom}) for way in ways for whom in CALLED}


def test_a_caller_s_clock_and_timeouts_follow_the_time_that_its_call_takes(aws: Aws) -> None:
    function(aws, "caller", CALLER, Timeout=100)
    found = answers(aws, ("call", "in_a_loop", "in_a_pool", "beside_a_sleep"))
    assert found == {
        "call computes": ["computed", 0, 0],
        "call naps": ["napped", 5, 5],
        "call sleeps": ["slept", 45, 45],
        "in_a_loop computes": ["computed", 0, 0],
        "in_a_loop naps": ["napped", 5, 5],
        "in_a_loop sleeps": ["TimeoutError", 45, 45],  # `asyncio.run` waits for its threads at the end
        "in_a_pool computes": ["computed", 0, 0],
        "in_a_pool naps": ["napped", 5, 5],
        "in_a_pool sleeps": ["TimeoutError", 45, 45],  # and so does a pool
        "beside_a_sleep computes": ["computed", 20, 20],
        "beside_a_sleep naps": ["napped", 20, 20],
        "beside_a_sleep sleeps": ["slept", 45, 45],
    }


@needs_node
def test_so_do_those_of_a_caller_on_node(aws: Aws) -> None:
    node_function(aws, "caller", NODE_CALLER)
    aws.lambda_.update_function_configuration(FunctionName="caller", Timeout=100)
    found = answers(aws, ("call", "in_a_race", "beside_a_sleep"))
    assert found == {
        "call computes": ["computed", 0, 0],
        "call naps": ["napped", 5, 5],
        "call sleeps": ["slept", 45, 45],
        "in_a_race computes": ["computed", 0, 0],
        "in_a_race naps": ["napped", 5, 5],
        "in_a_race sleeps": ["TimeoutError", 10, 10],
        "beside_a_sleep computes": ["computed", 20, 20],
        "beside_a_sleep naps": ["napped", 20, 20],
        "beside_a_sleep sleeps": ["slept", 45, 45],
    }


def test_so_do_those_of_a_caller_in_a_thread_of_the_test_s_process() -> None:
    with Emulator(functions="threads") as emulator:
        function(emulator.aws, "caller", CALLER, Timeout=100)
        found = answers(emulator.aws, ("call",))
        assert invoke(emulator.aws, "caller", {"how": "in_a_loop", "whom": "naps"}) == ["napped", 5, 5]
        function(emulator.aws, "impatient", CALLER, Timeout=30)
        begun = emulator.clock.now()
        ended = invoke(emulator.aws, "impatient", {"how": "call", "whom": "sleeps"})
        assert ended["errorMessage"].endswith("Task timed out after 30.00 seconds")
        assert emulator.clock.now() == begun + 30
    assert found == {
        "call computes": ["computed", 0, 0],
        "call naps": ["napped", 5, 5],
        "call sleeps": ["slept", 45, 45],
    }
