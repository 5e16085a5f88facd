"""Errors of ours in a step: the resource fails with a reason that names them, and nothing waits for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emulator.services.cloudformation.deployment.steps import Steps
from emulator.services.cloudformation.deployment.worker import DeploymentWorker
from emulator.services.cloudformation.resources.table import table
from emulator.services.cloudformation.resources.types import Call
from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, history, queue, settled, template, update

QUEUE = "AWS::SQS::Queue"
BUCKET = "AWS::S3::Bucket"
REASON = "InternalFailure: ZeroDivisionError: on the Moon"


class Broken:
    """A row's function with a mistake; it counts how often it was tried."""

    def __init__(self, tries: int = 1_000) -> None:
        self.tried = 0
        self._tries = tries

    def __call__(self, it: Any) -> Any:
        self.tried += 1
        if self.tried <= self._tries:
            raise ZeroDivisionError("on the Moon")
        return (yield from self.then(it))

    def then(self, it: Any) -> Any:
        """What it would have done."""
        raise NotImplementedError


def put(monkeypatch: pytest.MonkeyPatch, kind: str, step: str, tries: int = 1_000) -> Broken:
    """Break one function of a type's row."""
    row, broken = table()[kind], Broken(tries)
    broken.then = getattr(row, step)
    monkeypatch.setitem(table(), kind, replace(row, **{step: broken}))
    return broken


@pytest.mark.parametrize("kind", [QUEUE, BUCKET])
def test_an_error_of_ours_fails_the_resource_after_three_tries(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    broken = put(monkeypatch, kind, "create")
    topic = {"Type": "AWS::SNS::Topic"}
    stack = create(emulator, template({"First": topic, "Odd": {"Type": kind, "DependsOn": "First"}}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ("Odd", "CREATE_FAILED", REASON) in history(emulator)
    assert ("First", "DELETE_COMPLETE", "") in history(emulator)
    assert broken.tried == 3


@pytest.mark.parametrize("kind", [QUEUE, BUCKET])
def test_an_error_that_passes_is_not_noticed(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    put(monkeypatch, kind, "create", tries=2)
    assert create(emulator, template({"Odd": {"Type": kind}}))["StackStatus"] == "CREATE_COMPLETE"


def test_a_rollback_that_fails_so_has_failed_and_can_be_gone_on_with(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        put(patched, QUEUE, "delete")
        body = template({"A": queue(), "B": {**queue(DelaySeconds=9999), "DependsOn": "A"}})
        assert create(emulator, body)["StackStatus"] == "ROLLBACK_FAILED"
        assert ("A", "DELETE_FAILED", REASON) in history(emulator)
    emulator.client("cloudformation").delete_stack(StackName="demo")
    emulator.settle()
    assert not emulator.client("sqs").list_queues().get("QueueUrls")


def test_an_updates_rollback_that_fails_so_has_failed_and_can_be_continued(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(emulator, template({"A": queue(DelaySeconds=1), "B": queue(DelaySeconds=1)}))
    with monkeypatch.context() as patched:
        put(patched, QUEUE, "update", tries=0).then = once(table()[QUEUE].update)
        body = template({"A": queue(DelaySeconds=2), "B": {**queue(DelaySeconds=9999), "DependsOn": "A"}})
        assert update(emulator, body)["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
        assert ("A", "UPDATE_FAILED", REASON) in history(emulator)
    emulator.client("cloudformation").continue_update_rollback(StackName="demo")
    assert settled(emulator)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def once(function: Any) -> Any:
    """What works once, and then never again."""
    left = [function]

    def step(it: Any) -> Any:
        if not left:
            raise ZeroDivisionError("on the Moon")
        return (yield from left.pop()(it))

    return step


@pytest.mark.parametrize(("phase", "ends"), [("_made", "ROLLBACK_COMPLETE"), ("_remove", "ROLLBACK_FAILED")])
def test_an_error_between_the_resources_ends_the_phase(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, phase: str, ends: str
) -> None:
    async def broken(*given: Any) -> bool:
        raise ZeroDivisionError("on the Moon")

    monkeypatch.setattr("emulator.services.cloudformation.deployment.worker.MOST_TRIES", 1)
    monkeypatch.setattr(DeploymentWorker, phase, broken)
    body = template({"A": queue() if phase == "_made" else queue(DelaySeconds=9999)})
    stack = create(emulator, body)
    assert stack["StackStatus"] == ends
    reasons = [reason for name, _, reason in history(emulator) if name == "demo"]
    assert any(REASON in reason for reason in reasons)


def test_what_is_under_way_when_a_rollback_is_given_up_has_failed(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(emulator, template({"A": queue()}))

    async def broken(*given: Any, **more: Any) -> Any:
        raise ZeroDivisionError("on the Moon")

    with monkeypatch.context() as patched:
        patched.setattr("emulator.services.cloudformation.deployment.worker.MOST_TRIES", 1)
        patched.setattr(Steps, "advance", broken)
        emulator.client("cloudformation").delete_stack(StackName="demo")
        stack = settled(emulator)
    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("DELETE_FAILED", REASON)
    emulator.client("cloudformation").delete_stack(StackName="demo")
    emulator.settle()
    assert not emulator.client("sqs").list_queues().get("QueueUrls")


def test_the_calls_that_a_row_makes_may_fail_so(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    def asks(it: Any) -> Any:
        yield Call("CreateQueue", {"QueueName": it.name})
        raise ZeroDivisionError("on the Moon")

    row = table()[QUEUE]
    monkeypatch.setitem(table(), QUEUE, replace(row, create=asks))
    assert create(emulator, template({"A": queue()}))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert not emulator.client("sqs").list_queues().get("QueueUrls")
