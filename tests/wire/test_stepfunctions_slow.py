"""Executions whose expressions are slow: they take turns with others. Measured by order, not by time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.ports import Transaction
from emulator.services.stepfunctions import turns
from emulator.services.stepfunctions.asl import interpreter, workspace
from emulator.services.stepfunctions.asl.data import Data
from emulator.services.stepfunctions.asl.distributed import DistributedMaps
from emulator.services.stepfunctions.asl.messages import Ended, Signal
from emulator.services.stepfunctions.map_runs import driver
from emulator.services.stepfunctions.model import StoredExecution
from emulator.services.stepfunctions.progress import Progress
from emulator.testing import RunningEmulator
from tests.wire.stepfunctions_maps import create, distributed, output

ROLE = "arn:aws:iam::000000000000:role/states"
ENDLESS = "{% ($f := function($x){$f($x)}; $f(1)) %}"
WAIT = {"Type": "Wait", "Seconds": 60, "Next": "Work"}


def tell(queue: str, word: str) -> dict[str, Any]:
    parameters = {"QueueUrl": queue, "MessageBody": word, "MessageGroupId": "g", "MessageDeduplicationId": word}
    return {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": parameters, "End": True}


def told(emulator: RunningEmulator, queue: str) -> list[str]:
    messages = emulator.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in messages]


def start(emulator: RunningEmulator, name: str, states: dict[str, Any], kind: str = "STANDARD") -> None:
    sfn = emulator.client("stepfunctions")
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": WAIT, **states}})
    machine = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE, type=kind)["stateMachineArn"]
    sfn.start_execution(stateMachineArn=machine)


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_an_execution_of_slow_expressions_lets_others_take_turns(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(workspace, "LONGEST_EVALUATION_SECONDS", 0.03)
    monkeypatch.setattr(interpreter, "LONGEST_RUN_SECONDS", 0.02)
    queue = emulator.client("sqs").create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    states: dict[str, Any] = {"Tell": tell(queue, "slow")}
    for name, following in (("Work", "More"), ("More", "Most"), ("Most", "Tell")):
        slow = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": ENDLESS, "End": True}
        branch = {"StartAt": f"Slow{name}", "States": {f"Slow{name}": slow}}
        caught = {"ErrorEquals": ["States.QueryEvaluationError"], "Next": following}
        states[name] = {"Type": "Parallel", "Branches": [branch], "Catch": [caught], "Next": following}
    start(emulator, "slow", states, kind)
    start(emulator, "calm", {"Work": {"Type": "Pass", "Next": "Tell"}, "Tell": tell(queue, "calm")}, kind)
    emulator.advance(61)
    assert told(emulator, queue) == ["calm", "slow"]


def test_items_of_a_batch_are_selected_once_each_in_as_many_commits_as_they_take(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "LONGEST_COMMIT_SECONDS", -1.0)
    selected: list[int] = []
    select = DistributedMaps.select_item

    def noted(run: DistributedMaps, token: str, index: int, item: Data, source: str) -> Data:
        selected.append(index)
        return select(run, token, index, item, source)

    monkeypatch.setattr(DistributedMaps, "select_item", noted)
    state = distributed(
        ItemsPath="$.items", ItemSelector={"n.$": "$$.Map.Item.Value"}, ItemBatcher={"MaxItemsPerBatch": 7}
    )
    found = output(emulator, state, {"items": list(range(20))})
    assert selected == list(range(20))
    assert [[item["n"] for item in child["Items"]] for child in found] == [
        list(range(7)), list(range(7, 14)), list(range(14, 20)),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_many_map_runs_and_executions_with_slow_expressions_all_end(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(turns, "NOTABLE_SECONDS", -1.0)  # every run ends its turn
    sfn = emulator.client("stepfunctions")
    machine = create(emulator, distributed(kind=kind, ItemsPath="$.items", ItemBatcher={"MaxItemsPerBatch": 2}))
    given = json.dumps({"items": [1, 2, 3, 4, 5]})
    arns = [sfn.start_execution(stateMachineArn=machine, input=given)["executionArn"] for _ in range(6)]
    emulator.settle()
    for arn in arns:
        assert json.loads(sfn.describe_execution(executionArn=arn)["output"]) == [
            {"Items": [1, 2]}, {"Items": [3, 4]}, {"Items": [5]},
        ]  # fmt: skip


def test_executions_of_a_slow_machine_take_their_steps_outside_of_the_commits_that_start_them(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "LONGEST_EVALUATION_SECONDS", 0.06)
    monkeypatch.setattr(turns, "SLOW_SECONDS", 0.02)
    sfn = emulator.client("stepfunctions")
    noted: list[tuple[str, str, bool]] = []
    advance = Progress.advance

    def note(progress: Progress, tx: Transaction, execution: StoredExecution, signal: Signal) -> Ended | None:
        ended = advance(progress, tx, execution, signal)
        noted.append((execution.name, type(signal).__name__, ended is not None))
        return ended

    monkeypatch.setattr(Progress, "advance", note)
    for name, output_of in (("slow", ENDLESS), ("calm", "{% 1 %}")):
        state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": output_of, "End": True}
        definition = json.dumps({"StartAt": "P", "States": {"P": state}})
        arn = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
        for number in range(2):
            sfn.start_execution(stateMachineArn=arn, name=f"{name}{number}")
    emulator.settle()
    assert ("slow0", "Start", True) in noted
    assert [event[1:] for event in noted if event[0] == "slow1"] == [("Start", False), ("Resume", True)]
    assert {event[0] for event in noted if event[2]} == {"slow0", "slow1", "calm0", "calm1"}


def test_express_executions_of_a_slow_machine_take_their_steps_one_at_a_time(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "LONGEST_EVALUATION_SECONDS", 0.06)
    monkeypatch.setattr(turns, "SLOW_SECONDS", 0.02)
    monkeypatch.setattr(turns, "REST_SECONDS", 0.001)
    entered: list[str] = []
    one_at_a_time = turns.Turn.one_at_a_time

    def noted(turn: turns.Turn) -> Any:
        entered.append(name)
        return one_at_a_time(turn)

    monkeypatch.setattr(turns.Turn, "one_at_a_time", noted)
    sfn = emulator.client("stepfunctions")
    for name, output_of in (("slow", ENDLESS), ("calm", "{% 1 %}")):
        state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": output_of, "End": True}
        definition = json.dumps({"StartAt": "P", "States": {"P": state}})
        arn = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE, type="EXPRESS")
        for _ in range(3):
            sfn.start_sync_execution(stateMachineArn=arn["stateMachineArn"])
    assert entered == ["slow", "slow"]
