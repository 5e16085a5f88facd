"""Applications of the shapes that AWS publishes, deployed as they lie there by `emulator up`, and driven."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.deploy.up.linting import findings_of
from emulator.deploy.up.project import find
from emulator.deploy.up.session import Options
from emulator.testing import RunningEmulator
from tests.stories.up_support import Up

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
NAMES = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
_ON_AWS = re.compile(r"https://(\w+)\.execute-api\.us-east-1\.amazonaws\.com")


def deployed(emulator: RunningEmulator, name: str, **parameters: str) -> Up:
    up = Up(emulator, SAMPLES / name)
    assert up.session(Options(parameters=parameters)).deploy(), up.said()
    return up


def here(up: Up, text: str) -> str:
    """Addresses on AWS as those of the emulator."""
    return _ON_AWS.sub(rf"{up.emulator.url}/_aws/execute-api/\1", text)


def url(up: Up) -> str:
    return here(up, up.outputs()["Url"])


def execution(up: Up, given: dict[str, Any]) -> dict[str, Any]:
    machines = up.emulator.client("stepfunctions")
    arn = machines.start_execution(stateMachineArn=up.outputs()["Machine"], input=json.dumps(given))["executionArn"]
    up.emulator.settle()
    return machines.describe_execution(executionArn=arn)


def test_a_token_authorizer(emulator: RunningEmulator) -> None:
    address = url(deployed(emulator, "authorizer"))
    answers = [httpx.get(address, headers=headers) for headers in ({}, {"key": "brass"}, {"key": "tin"})]
    assert [answer.status_code for answer in answers] == [401, 200, 403]
    assert answers[1].text == "hello guest"


def test_json_that_becomes_xml(emulator: RunningEmulator) -> None:
    answer = httpx.get(url(deployed(emulator, "xml")))
    assert answer.status_code == 200
    assert re.sub(r"\s+", " ", answer.text).strip() == (
        '<book id="7" title="Maps"><word>old</word><word>torn</word></book>'
    )


def test_an_ordered_queue_behind_an_http_api(emulator: RunningEmulator) -> None:
    up = deployed(emulator, "ordered")
    for number in range(3):
        answer = httpx.post(url(up), json={"group": "a", "n": number})
        assert answer.status_code == 200 and answer.json()["SequenceNumber"]
    emulator.settle()
    received = emulator.client("sqs").receive_message(QueueUrl=up.outputs()["Heard"], MaxNumberOfMessages=10)
    assert sorted(json.loads(item["Body"])["n"] for item in received["Messages"]) == [0, 1, 2]


def test_an_express_execution_behind_an_http_api(emulator: RunningEmulator) -> None:
    answer = httpx.post(url(deployed(emulator, "express")), json={"name": "Ada"}).json()
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"text": "hello Ada"})


def test_a_table_whose_changes_become_schedules_that_send_mail(emulator: RunningEmulator) -> None:
    emulator.client("ses").verify_email_identity(EmailAddress="desk@example.com")
    up = deployed(emulator, "reminders", Sender="desk@example.com")
    assert httpx.post(url(up), json={"what": "tea"}).status_code == 400
    when = datetime.fromtimestamp(emulator.now() + 1800, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = httpx.post(url(up), json={"what": "tea", "when": when, "who": "ada@example.com"})
    assert (answer.status_code, answer.json()) == (200, {"kept": "tea"})
    emulator.advance(60)
    assert [item["State"] for item in emulator.client("scheduler").list_schedules()["Schedules"]] == ["ENABLED"]
    assert emulator.inbox() == []
    emulator.advance(1800)
    assert [message["subject"] for message in emulator.inbox()] == ["tea"]


def test_a_machine_that_waits_for_a_click_in_a_mail(emulator: RunningEmulator) -> None:
    up = deployed(emulator, "approval")
    [confirmation] = emulator.inbox()
    link = re.search(r"https?://\S+ConfirmSubscription\S+", str(confirmation["text"]))
    assert link is not None and httpx.get(link.group()).status_code == 200
    machines = emulator.client("stepfunctions")
    arn = machines.start_execution(stateMachineArn=up.outputs()["Machine"])["executionArn"]
    emulator.settle()
    [question] = [message for message in emulator.inbox() if message["subject"] == "May we?"]
    yes = re.search(r"Yes: (\S+)", str(question["text"]))
    assert yes is not None and httpx.get(here(up, yes.group(1))).text == "thank you"
    emulator.settle()
    ended = machines.describe_execution(executionArn=arn)
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", '"done: approved"')


def test_functions_by_arn_a_choice_and_a_table(emulator: RunningEmulator) -> None:
    up = deployed(emulator, "trading")
    assert execution(up, {"price": 60})["status"] == "SUCCEEDED"
    assert execution(up, {"price": 40})["status"] == "SUCCEEDED"
    [item] = emulator.client("dynamodb").scan(TableName=up.outputs()["Table"])["Items"]
    assert item["Price"] == {"N": "40"}


def test_destinations_that_sam_makes(emulator: RunningEmulator) -> None:
    up = deployed(emulator, "destinations")
    emulator.client("lambda").invoke(
        FunctionName=up.outputs()["Function"], InvocationType="Event", Payload=b'{"work": 1}'
    )
    emulator.settle()
    [message] = emulator.client("sqs").receive_message(QueueUrl=up.outputs()["Queue"])["Messages"]
    assert json.loads(message["Body"])["responsePayload"] == {"done": 1}


def test_an_openapi_file_with_a_folder_of_functions(emulator: RunningEmulator) -> None:
    deployed(emulator, "pets")
    [api] = emulator.client("apigateway").get_rest_apis()["items"]
    assert httpx.get(emulator.data_plane(api["id"], "prod", "pets")).json() == [{"id": 1, "name": "Rex"}]
    assert httpx.get(emulator.data_plane(api["id"], "prod", "pets/7")).text == "7"


@pytest.mark.parametrize("name", NAMES)
def test_lint_finds_nothing_that_fails_for_sure_in_what_works(name: str) -> None:
    given = {"Sender": "desk@example.com"} if name == "reminders" else {}
    found = findings_of(find(SAMPLES / name), given, None, outside=False)
    assert [each for each in found if each.severity == "error"] == []
