"""Step Functions' API beyond the happy path: encryption, qualified ARNs, idempotency, page tokens, names."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.aws.scope import Scope
from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
KEY = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OWNED = {"type": "AWS_OWNED_KEY"}


def create(emulator: RunningEmulator, name: str = "machine", **more: Any) -> str:
    request = {"name": name, "definition": PASS, "roleArn": ROLE, **more}
    return emulator.client("stepfunctions").create_state_machine(**request)["stateMachineArn"]


def refusal(work: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        work()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_encryption_settings_are_shown_with_their_defaults(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    arn = create(emulator)
    assert sfn.describe_state_machine(stateMachineArn=arn)["encryptionConfiguration"] == OWNED
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    of_execution = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert of_execution["encryptionConfiguration"] == OWNED
    chosen = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": KEY}
    before = sfn.update_state_machine(stateMachineArn=arn, encryptionConfiguration=chosen)["revisionId"]
    shown = sfn.describe_state_machine(stateMachineArn=arn)["encryptionConfiguration"]
    assert shown == {**chosen, "kmsDataKeyReusePeriodSeconds": 300}
    assert sfn.update_state_machine(stateMachineArn=arn, encryptionConfiguration=chosen)["revisionId"] == before
    longer = {**chosen, "kmsDataKeyReusePeriodSeconds": 900}
    assert sfn.update_state_machine(stateMachineArn=arn, encryptionConfiguration=longer)["revisionId"] != before


@pytest.mark.parametrize(
    ("configuration", "problem"),
    [
        ({"type": "CUSTOMER_MANAGED_KMS_KEY"}, "kmsKeyId must be specified"),
        ({"type": "AWS_OWNED_KEY", "kmsKeyId": KEY}, "only for the type CUSTOMER_MANAGED_KMS_KEY"),
    ],
)
def test_encryption_settings_that_contradict_themselves_are_refused(
    emulator: RunningEmulator, configuration: dict[str, Any], problem: str
) -> None:
    sfn = emulator.client("stepfunctions")
    code, text = refusal(lambda: create(emulator, encryptionConfiguration=configuration))
    assert (code, problem in text) == ("InvalidEncryptionConfiguration", True)
    code, _ = refusal(lambda: sfn.create_activity(name="a", encryptionConfiguration=configuration))
    assert code == "InvalidEncryptionConfiguration"
    assert sfn.list_state_machines()["stateMachines"] == []
    assert sfn.list_activities()["activities"] == []


def test_another_role_or_other_tags_are_the_same_machine_and_change_nothing(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    arn = create(emulator, tags=[{"key": "a", "value": "1"}])
    assert create(emulator, roleArn=ROLE + "2", tags=[{"key": "b", "value": "2"}]) == arn
    assert sfn.describe_state_machine(stateMachineArn=arn)["roleArn"] == ROLE
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "1"}]
    for change in ({"tracingConfiguration": {"enabled": True}}, {"type": "EXPRESS"}):
        code, _ = refusal(lambda change=change: create(emulator, **change))
        assert code == "StateMachineAlreadyExists"


def test_versions_and_aliases_are_neither_updated_nor_deleted_as_machines(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    arn = create(emulator, publish=True)
    for qualified in (f"{arn}:1", f"{arn}:alias", f"{arn}/label"):
        code, _ = refusal(lambda arn=qualified: sfn.update_state_machine(stateMachineArn=arn, roleArn=ROLE))
        assert code == "ValidationException"
        code, _ = refusal(lambda arn=qualified: sfn.delete_state_machine(stateMachineArn=arn))
        assert code == "ValidationException"
    assert sfn.describe_state_machine(stateMachineArn=f"{arn}:1")["stateMachineArn"] == f"{arn}:1"


def test_a_page_token_can_be_used_for_a_day(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    for name in ("a", "b", "c"):
        create(emulator, name)
    token = sfn.list_state_machines(maxResults=1)["nextToken"]
    emulator.advance(86_000)
    page = sfn.list_state_machines(maxResults=1, nextToken=token)
    assert [machine["name"] for machine in page["stateMachines"]] == ["b"]
    emulator.advance(1_000)
    code, text = refusal(lambda: sfn.list_state_machines(nextToken=token))
    assert (code, text) == ("InvalidToken", f"Invalid Token: 'Invalid token: {token}'")
    for wrong in ("no token", "djE6MTox", "djE6eDox", "w7w="):
        assert refusal(lambda wrong=wrong: sfn.list_executions(stateMachineArn=create(emulator, "a"), nextToken=wrong))[
            0
        ] == ("InvalidToken")


def test_the_logging_of_an_execution_is_that_of_its_start(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    emulator.client("logs").create_log_group(logGroupName="/sfn")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/sfn:*"
    logging = {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
    }
    arn = create(emulator, loggingConfiguration=logging)
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.update_state_machine(stateMachineArn=arn, loggingConfiguration={"level": "OFF"})
    shown = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert shown["loggingConfiguration"] == logging


@pytest.mark.parametrize("name", ["a b", "a\u0085", "a\ufffe", "a/b", "a\x7f", "a*"])
def test_names_with_characters_that_aws_does_not_take_are_refused(emulator: RunningEmulator, name: str) -> None:
    sfn = emulator.client("stepfunctions")
    assert refusal(lambda: create(emulator, name)) == ("InvalidName", f"Invalid Name: '{name}'")
    arn = create(emulator, "good")
    assert refusal(lambda: sfn.start_execution(stateMachineArn=arn, name=name))[0] == "InvalidName"


def test_names_may_have_any_other_character(emulator: RunningEmulator) -> None:
    arn = create(emulator, "Bestellung_ü-1.2+(x)=!@'日")
    assert emulator.client("stepfunctions").describe_state_machine(stateMachineArn=arn)["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid execution input."),
        ("not", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' "
         "or 'false')"),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
        ('{"a": 1', "Unexpected end-of-input: expected close marker for Object"),
        ('{"a": 1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name"),
        ('{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"),
    ],
)  # fmt: skip
def test_an_input_that_is_no_json_is_refused_in_the_words_of_awss_reader(
    emulator: RunningEmulator, text: str, problem: str
) -> None:
    sfn = emulator.client("stepfunctions")
    assert refusal(lambda: sfn.start_execution(stateMachineArn=create(emulator), input=text)) == (
        "InvalidExecutionInput",
        f"Invalid State Machine Execution Input: '{problem}'",
    )


def test_a_tag_without_a_key_is_refused_and_so_are_too_many(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions", config=Config(parameter_validation=False))
    keyless: Any = [{"key": "a", "value": "1"}, {"value": "2"}]
    arn = create(emulator)
    for work in (
        lambda: create(emulator, "other", tags=keyless),
        lambda: sfn.tag_resource(resourceArn=arn, tags=keyless),
        lambda: sfn.create_activity(name="a", tags=keyless),
    ):
        code, text = refusal(work)
        assert (code, "Value null at 'tags.2.member.key'" in text) == ("ValidationException", True)
    many = [{"key": str(number)} for number in range(51)]
    assert refusal(lambda: create(emulator, "other", tags=many))[0] == "TooManyTags"
    assert refusal(lambda: sfn.create_activity(name="a", tags=many))[0] == "TooManyTags"
    sfn.tag_resource(resourceArn=arn, tags=many[:50])
    assert refusal(lambda: sfn.tag_resource(resourceArn=arn, tags=[{"key": "one more"}]))[0] == "TooManyTags"
    assert len(sfn.list_tags_for_resource(resourceArn=arn)["tags"]) == 50


def test_definitions_beyond_a_megabyte_are_refused_everywhere(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions", config=Config(inject_host_prefix=False))
    definition = PASS + " " * 1_048_576
    for work in (
        lambda: create(emulator, definition=definition),
        lambda: sfn.validate_state_machine_definition(definition=definition),
        lambda: sfn.test_state(definition=definition),
    ):
        code, text = refusal(work)
        assert (code, "less than or equal to 1048576" in text) == ("ValidationException", True)


def test_a_page_token_of_another_list_is_refused(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    machines = [create(emulator, name) for name in ("a", "b")]
    for _ in range(3):
        execution = sfn.start_execution(stateMachineArn=machines[0])["executionArn"]
    token = sfn.list_executions(stateMachineArn=machines[0], maxResults=1)["nextToken"]
    assert len(sfn.list_executions(stateMachineArn=machines[0], maxResults=2, nextToken=token)["executions"]) == 2
    events = sfn.get_execution_history(executionArn=execution, maxResults=1)["nextToken"]
    for asked in (
        lambda: sfn.list_executions(stateMachineArn=machines[1], nextToken=token),
        lambda: sfn.list_executions(stateMachineArn=machines[0], statusFilter="FAILED", nextToken=token),
        lambda: sfn.get_execution_history(executionArn=execution, reverseOrder=True, nextToken=events),
    ):
        assert refusal(asked)[0] == "InvalidToken"


def test_tasks_that_wait_for_a_worker_of_an_activity_fail_when_it_is_deleted(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    activity = sfn.create_activity(name="a")["activityArn"]
    task = {"Type": "Task", "Resource": activity, "TimeoutSeconds": 100, "End": True}
    machine = sfn.create_state_machine(
        name="m", definition=json.dumps({"StartAt": "T", "States": {"T": task}}), roleArn=ROLE
    )["stateMachineArn"]
    taken, waiting = (sfn.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(2))
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    sfn.delete_activity(activityArn=activity)
    emulator.advance(1)
    failed = sfn.describe_execution(executionArn=waiting)
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Runtime")
    assert failed["cause"].endswith(f"The activity {activity} does not exist.")
    sfn.send_task_success(taskToken=token, output="1")
    assert sfn.describe_execution(executionArn=taken)["status"] == "SUCCEEDED"


def test_a_worker_gets_a_task_that_comes_in_the_commit_in_which_it_found_none(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    activity = sfn.create_activity(name="work")["activityArn"]
    states = {"A": {"Type": "Task", "Resource": activity, "End": True}}
    definition = json.dumps({"StartAt": "A", "States": states})
    machine = sfn.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    operations = emulator.emulator.stepfunctions.operations
    scope = Scope("000000000000", "us-east-1")

    async def both_at_once() -> Any:
        start = {"stateMachineArn": machine, "input": "{}"}
        taken, _ = await asyncio.gather(
            operations.get_activity_task(scope, {"activityArn": activity}),
            emulator.emulator.store.transact(lambda tx: operations.start_execution(tx, scope, start)),
        )
        return taken

    assert emulator.call(both_at_once)["input"] == "{}"


def test_a_name_is_free_again_90_days_after_the_end(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    arn = sfn.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]

    def start(value: str) -> str:
        execution = sfn.start_execution(stateMachineArn=arn, name="one", input=value)["executionArn"]
        emulator.settle()
        output: str = sfn.describe_execution(executionArn=execution)["output"]
        return output

    assert start("1") == "1"
    emulator.advance(89 * 86_400)
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        start("2")
    emulator.advance(2 * 86_400)
    assert start("2") == "2"
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        start("3")
