"""Lambda's operations and its event queue in frozen time, with a scripted function."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import pytest

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.http import HttpResponse
from emulator.ports import FunctionSpec, Invocation, InvocationResult
from tests.unit.services.lambda_.support import SCOPE, START, Bench, fail, succeed, zipped


def on_a_bench(test: Callable[[Bench], Awaitable[None]]) -> Callable[[], None]:
    """Run an async test on a fresh bench."""

    @wraps(test)
    def run() -> None:
        async def main() -> None:
            await test(Bench())

        asyncio.run(main())

    del run.__wrapped__  # type: ignore[attr-defined]  # pytest would ask for a fixture called `bench`
    return run


async def error_of(work: Awaitable[Any]) -> AwsError:
    with pytest.raises(AwsError) as caught:
        await work
    return caught.value


def failing(times: int) -> Callable[[FunctionSpec, Invocation], InvocationResult]:
    left = [times]

    def script(function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        left[0] -= 1
        return fail(function, invocation) if left[0] >= 0 else succeed(function, invocation)

    return script


@on_a_bench
async def test_a_failing_event_is_tried_at_0_60_and_180_seconds_under_one_request_id(bench: Bench) -> None:
    bench.runtime.script = fail
    await bench.create()
    answer = await bench.call("Invoke", FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')
    assert (answer["StatusCode"], answer["Payload"], "ExecutedVersion" in answer) == (202, b"", False)
    await bench.advance(7200)
    assert bench.attempts_at() == [0, 60, 180]
    assert len({invocation.request_id for _, _, invocation in bench.runtime.calls}) == 1
    assert {invocation.payload for _, _, invocation in bench.runtime.calls} == {b'{"a": 1}'}
    records = await bench.timeline()
    assert [(line["attempt"], line["outcome"], line["decision"]) for line in records] == [
        (1, "function_error", "retry"),
        (2, "function_error", "retry"),
        (3, "function_error", "RetriesExhausted"),
    ]
    assert await bench.pending() == 0
    assert bench.worker.failures == []


@on_a_bench
async def test_an_event_that_succeeds_on_its_second_attempt_is_done(bench: Bench) -> None:
    bench.runtime.script = failing(1)
    await bench.create()
    await bench.call("Invoke", FunctionName="f", InvocationType="Event")
    await bench.advance(7200)
    assert bench.attempts_at() == [0, 60]
    assert bench.runtime.calls[0][2].payload == b"{}"
    assert (await bench.timeline())[-1]["decision"] == "done"


@pytest.mark.parametrize(("age", "attempts_at"), [(60, [0]), (90, [0, 60]), (181, [0, 60, 180])])
def test_a_maximum_age_ends_an_event_before_a_wait_that_would_outlast_it(age: int, attempts_at: list[float]) -> None:
    async def main() -> None:
        bench = Bench()
        bench.runtime.script = fail
        await bench.create()
        await bench.call("PutFunctionEventInvokeConfig", FunctionName="f", MaximumEventAgeInSeconds=age)
        await bench.call("Invoke", FunctionName="f", InvocationType="Event")
        await bench.advance(7200)
        assert bench.attempts_at() == attempts_at

    asyncio.run(main())


@on_a_bench
async def test_code_is_resolved_when_the_event_runs(bench: Bench) -> None:
    bench.runtime.script = failing(1)
    await bench.create()
    await bench.call("Invoke", FunctionName="f", InvocationType="Event")
    await bench.advance(30)
    before = bench.runtime.calls[0][1]
    await bench.call("UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"app.py": "new"}))
    await bench.advance(60)
    after = bench.runtime.calls[1][1]
    assert before.key != after.key
    assert before.code_sha256 != after.code_sha256
    assert await after.load_code() == zipped({"app.py": "new"})
    assert bench.runtime.discarded == [f"{before.arn}:$LATEST"]


@on_a_bench
async def test_an_event_for_a_function_with_no_concurrency_is_accepted_and_discarded_unrun(bench: Bench) -> None:
    await bench.create()
    await bench.create("other")
    target = (await bench.call("GetFunction", FunctionName="other"))["Configuration"]["FunctionArn"]
    destinations = {"OnFailure": {"Destination": target}}
    await bench.call("PutFunctionEventInvokeConfig", FunctionName="f", DestinationConfig=destinations)
    await bench.call("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    assert (await bench.call("Invoke", FunctionName="f", InvocationType="Event"))["StatusCode"] == 202
    error = await error_of(bench.call("Invoke", FunctionName="f"))
    assert (error.code, error.status, error.message) == ("TooManyRequestsException", 429, "Rate Exceeded.")
    assert error.members["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    await bench.advance(10)
    (call,) = bench.runtime.calls
    record = json.loads(call[2].payload)
    assert call[1].name == "other"
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


@on_a_bench
async def test_destinations_receive_success_and_failure_records(bench: Bench) -> None:
    await bench.create()
    await bench.create("other")
    target = "arn:aws:lambda:us-east-1:000000000000:function:other"
    both = {"OnSuccess": {"Destination": target}, "OnFailure": {"Destination": target}}
    await bench.call("PutFunctionEventInvokeConfig", FunctionName="f", DestinationConfig=both, MaximumRetryAttempts=0)
    await bench.call("Invoke", FunctionName="f", InvocationType="Event", Payload=b'{"n": 1}')
    await bench.advance(1)
    bench.runtime.script = lambda f, i: fail(f, i) if f.name == "f" else succeed(f, i)
    await bench.call("Invoke", FunctionName="f", InvocationType="Event", Payload=b'{"n": 2}')
    await bench.advance(1)
    records = [json.loads(i.payload) for _, f, i in bench.runtime.calls if f.name == "other"]
    assert [r["requestContext"]["condition"] for r in records] == ["Success", "RetriesExhausted"]
    assert records[0]["responsePayload"] == {"n": 1}
    assert records[1]["responseContext"]["functionError"] == "Unhandled"
    assert records[1]["responsePayload"]["errorType"] == "ValueError"


@on_a_bench
async def test_two_functions_that_are_each_others_destination_are_stopped(bench: Bench) -> None:
    bench.runtime.script = lambda function, invocation: InvocationResult(b"1")
    await bench.create("a")
    await bench.create("b")
    for name, other in (("a", "b"), ("b", "a")):
        success = {"OnSuccess": {"Destination": f"arn:aws:lambda:us-east-1:000000000000:function:{other}"}}
        await bench.call("PutFunctionEventInvokeConfig", FunctionName=name, DestinationConfig=success)
    await bench.call("Invoke", FunctionName="a", InvocationType="Event")
    await bench.advance(10)
    assert Counter(spec.name for _, spec, _ in bench.runtime.calls) == {"a": 17, "b": 16}
    assert await bench.pending() == 0


@on_a_bench
async def test_throttled_events_wait_and_do_not_spend_their_retries(bench: Bench) -> None:
    await bench.create()
    bench.settings.account_concurrency = 0
    await bench.call("Invoke", FunctionName="f", InvocationType="Event")
    await bench.advance(20)
    assert bench.runtime.calls == []
    bench.settings.account_concurrency = 1000
    await bench.advance(20)
    assert bench.attempts_at() == [31]
    assert [line["outcome"] for line in await bench.timeline()] == ["throttle"] * 5 + ["success"]


@on_a_bench
async def test_an_event_that_only_met_lambdas_own_faults_is_a_dead_letter_with_status_500(bench: Bench) -> None:
    def broken(function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        raise OSError("no processes left")

    made = await bench.store.transact(lambda tx: bench.queues.create_queue(tx, SCOPE, {"QueueName": "dead"}))
    await bench.create(DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"})
    bench.runtime.script = broken
    await bench.call("PutFunctionEventInvokeConfig", FunctionName="f", MaximumEventAgeInSeconds=60)
    await bench.call("Invoke", FunctionName="f", InvocationType="Event")
    await bench.advance(100)
    asked = {"QueueUrl": made["QueueUrl"], "MessageAttributeNames": ["All"]}
    [letter] = (await bench.queues.receive_message(SCOPE, asked))["Messages"]
    said = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (said["ErrorCode"], said["ErrorMessage"]) == (
        "500",
        "An error occurred and the request cannot be processed.",
    )


@pytest.mark.parametrize(
    ("answers", "called_at", "undelivered"),
    [
        ([500, 503, 500], [0, 1, 11, 71], 0),
        ([500, 500, 500, 500], [0, 1, 11, 71], 1),
        ([500, 404], [0, 1], 1),
        ([404], [0], 1),
    ],
)
def test_a_bucket_that_fails_is_told_again_and_one_that_refuses_is_not(
    answers: list[int], called_at: list[float], undelivered: int
) -> None:
    async def main() -> None:
        bench = Bench()
        left, calls = list(answers), list[tuple[float, dict[str, Any]]]()

        async def delegated(scope: Any, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
            assert (service, operation) == ("s3", "PutObject")
            calls.append((bench.clock.now() - START, request))
            if left:
                raise AwsError("InternalError", "no", left.pop(0))
            return {}

        counted: list[str] = []
        bench.calls.delegated = delegated  # type: ignore[method-assign]
        bench.operations.telemetry.count = lambda tx, scope, name, qualifier, metric: counted.append(metric)  # type: ignore
        await bench.create()
        failures = {"OnFailure": {"Destination": "arn:aws:s3:::failures"}}
        await bench.call(
            "PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0, DestinationConfig=failures
        )
        bench.runtime.script = fail
        await bench.call("Invoke", FunctionName="f", InvocationType="Event")
        await bench.advance(3600)
        assert [round(at, 3) for at, _ in calls] == called_at
        bodies = {(request["Bucket"], request["Key"], request["Body"]) for _, request in calls}
        assert len(bodies) == 1
        assert counted.count("DestinationDeliveryFailures") == undelivered
        assert await bench.pending() == 0

    asyncio.run(main())


@on_a_bench
async def test_a_runtime_that_cannot_start_is_not_the_functions_fault(bench: Bench) -> None:
    def broken(function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        raise OSError("no processes left")

    await bench.create()
    bench.runtime.script = broken
    await bench.call("Invoke", FunctionName="f", InvocationType="Event")
    assert (await error_of(bench.call("Invoke", FunctionName="f"))).status == 500
    await bench.advance(0)
    bench.runtime.script = succeed
    await bench.advance(5)
    assert [line["outcome"] for line in await bench.timeline()][:1] == ["system_error"]
    assert await bench.pending() == 0


@on_a_bench
async def test_events_of_a_deleted_function_are_dropped_and_recorded(bench: Bench) -> None:
    bench.runtime.script = fail
    await bench.create()
    await bench.call("Invoke", FunctionName="f", InvocationType="Event")
    await bench.advance(1)
    assert await bench.call("DeleteFunction", FunctionName="f") == {"StatusCode": 204}
    await bench.advance(100)
    assert await bench.pending() == 0
    assert (await bench.timeline())[-1]["decision"] == "FunctionDeleted"
    assert bench.worker.failures == []


@on_a_bench
async def test_a_response_that_is_too_large_is_a_function_error(bench: Bench) -> None:
    await bench.create()
    bench.runtime.script = lambda f, i: InvocationResult(b'"' + b"x" * 6_291_555 + b'"')
    answer = await bench.call("Invoke", FunctionName="f")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"]) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    bench.runtime.script = lambda f, i: InvocationResult(b'"' + b"x" * 6_291_554 + b'"')
    assert "FunctionError" not in await bench.call("Invoke", FunctionName="f")


@on_a_bench
async def test_the_context_of_an_invocation_is_what_the_caller_named(bench: Bench) -> None:
    await bench.create(Environment={"Variables": {"KEY": "value"}})
    context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
    await bench.call("Invoke", FunctionName="f:$LATEST", ClientContext=context)
    _, spec, invocation = bench.runtime.calls[0]
    assert invocation.invoked_function_arn.endswith(":function:f:$LATEST")
    assert invocation.client_context == '{"custom": {"a": "b"}}'
    assert invocation.trace_id.startswith("Root=1-")
    assert (spec.environment, spec.timeout_seconds, spec.log_group) == ({"KEY": "value"}, 3.0, "/aws/lambda/f")
    assert (await error_of(bench.call("Invoke", FunctionName="f", ClientContext="!"))).status == 400


@on_a_bench
async def test_invoke_refuses_before_it_runs_or_accepts_anything(bench: Bench) -> None:
    error = await error_of(bench.call("Invoke", FunctionName="f"))
    assert error.message == "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"
    await bench.create()
    error = await error_of(bench.call("Invoke", FunctionName="f", Qualifier="live", InvocationType="Event"))
    assert error.message.endswith(":function:f:live")
    assert (await error_of(bench.call("Invoke", FunctionName="f", Payload=b"x"))).status == 400
    assert (await error_of(bench.call("Invoke", FunctionName="f", InvocationType="Async"))).code == (
        "ValidationException"
    )
    large = bytes(1_048_577)
    assert (await error_of(bench.call("Invoke", FunctionName="f", InvocationType="Event", Payload=large))).status == 413
    with pytest.raises(NotEmulated):
        await bench.call("Invoke", FunctionName="f", DurableExecutionName="d")
    assert (await bench.call("Invoke", FunctionName="f", InvocationType="DryRun"))["StatusCode"] == 204
    assert bench.runtime.calls == []
    assert await bench.pending() == 0


@on_a_bench
async def test_an_accepted_event_is_answered_without_content_type(bench: Bench) -> None:
    await bench.create()
    result = await bench.call("Invoke", FunctionName="f", InvocationType="Event")
    response = HttpResponse(202, [("Content-Type", "application/json"), ("x-amzn-RequestId", "r")])
    bench.service.finish("Invoke", result, response)  # type: ignore[attr-defined]
    headers = dict(response.headers)
    assert "Content-Type" not in headers
    assert headers["x-amzn-Remapped-Content-Length"] == "0"
    assert headers["X-Amzn-Trace-Id"].startswith("root=1-")


@on_a_bench
async def test_a_reset_forgets_what_was_cached(bench: Bench) -> None:
    await bench.create()
    await bench.call("Invoke", FunctionName="f")
    await bench.store.reset()
    bench.operations.forget_cached()
    assert (await error_of(bench.call("Invoke", FunctionName="f"))).status == 404
    assert await bench.timeline() == []


@on_a_bench
async def test_packages_nobody_uses_are_deleted(bench: Bench) -> None:
    await bench.create("a")
    await bench.create("b")
    await bench.call("UpdateFunctionCode", FunctionName="a", ZipFile=zipped({"app.py": "other"}))

    async def kept() -> int:
        return await bench.store.read(lambda tx: tx.execute("SELECT count(*) FROM lambda_code").fetchone()[0])

    assert await kept() == 2
    await bench.call("DeleteFunction", FunctionName="b")
    assert await kept() == 1
    assert await bench.store.read(lambda tx: bench.operations.code_package(tx, SCOPE, "a")) is not None


@on_a_bench
async def test_a_record_too_large_for_the_queue_is_not_delivered_and_the_timeline_says_so(bench: Bench) -> None:
    await bench.create()
    await bench.create("other")
    success = {"OnSuccess": {"Destination": "arn:aws:lambda:us-east-1:000000000000:function:other"}}
    await bench.call("PutFunctionEventInvokeConfig", FunctionName="f", DestinationConfig=success)
    large = b'"' + b"x" * 600_000 + b'"'
    await bench.call("Invoke", FunctionName="f", InvocationType="Event", Payload=large)
    await bench.advance(10)
    assert len(bench.runtime.calls) == 1
    assert (await bench.timeline())[-1]["decision"] == "done, DestinationDeliveryFailures"
