"""Applications of the shapes that AWS publishes, deployed as they lie there by `emulator up`, and driven."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulator.deploy.up.linting import findings_of
from emulator.deploy.up.project import find
from emulator.deploy.up.session import Options
from tests.stories.telling import send
from tests.stories.up_support import Up

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
NAMES = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())


def deployed(aws, name, **parameters):
    """The outputs of a sample's stack."""
    up = Up(aws, SAMPLES / name)
    assert up.session(Options(parameters=parameters)).deploy(), up.said()
    return up.outputs()


def execution(aws, emulator, machine, given=None):
    """An execution, when it has ended or waits for somebody."""
    aws.stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))
    emulator.settle()
    return emulator.executions()[-1]


def test_a_token_authorizer(aws):
    url = deployed(aws, "authorizer")["Url"]
    answers = [aws.http.get(url, headers=headers) for headers in ({}, {"key": "brass"}, {"key": "tin"})]
    assert [answer.status_code for answer in answers] == [401, 200, 403]
    assert answers[1].text == "hello guest"


def test_json_that_becomes_xml(aws):
    answer = aws.http.get(deployed(aws, "xml")["Url"])
    assert answer.status_code == 200
    assert re.sub(r"\s+", " ", answer.text).strip() == (
        '<book id="7" title="Maps"><word>old</word><word>torn</word></book>'
    )


def test_an_ordered_queue_behind_an_http_api(aws, emulator):
    outputs = deployed(aws, "ordered")
    for number in range(3):
        answer = aws.http.post(outputs["Url"], json={"group": "a", "n": number})
        assert answer.status_code == 200 and answer.json()["SequenceNumber"]
    emulator.settle()
    assert sorted(json.loads(body)["n"] for body in emulator.queue(outputs["Heard"]).bodies()) == [0, 1, 2]


def test_an_express_execution_behind_an_http_api(aws):
    answer = aws.http.post(deployed(aws, "express")["Url"], json={"name": "Ada"}).json()
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"text": "hello Ada"})


def test_a_table_whose_changes_become_schedules_that_send_mail(aws, clock, inbox):
    aws.ses.verify_email_identity(EmailAddress="desk@example.com")
    url = deployed(aws, "reminders", Sender="desk@example.com")["Url"]
    assert aws.http.post(url, json={"what": "tea"}).status_code == 400
    when = datetime.fromtimestamp(clock.now() + 1800, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = aws.http.post(url, json={"what": "tea", "when": when, "who": "ada@example.com"})
    assert (answer.status_code, answer.json()) == (200, {"kept": "tea"})
    clock.advance(minutes=1)
    assert [item["State"] for item in aws.scheduler.list_schedules()["Schedules"]] == ["ENABLED"]
    assert len(inbox) == 0
    clock.advance(minutes=30)
    assert [message.subject for message in inbox] == ["tea"]


def test_a_machine_that_waits_for_a_click_in_a_mail(aws, emulator, inbox):
    machine = deployed(aws, "approval")["Machine"]
    [confirmation] = inbox
    [link] = re.findall(r"https?://\S+ConfirmSubscription\S+", confirmation.text)
    assert aws.http.get(link).status_code == 200
    execution(aws, emulator, machine)
    [question] = inbox.find(subject="May we?")
    [yes] = re.findall(r"Yes: (\S+)", question.text)
    assert aws.http.get(yes).text == "thank you"
    emulator.settle()
    [ended] = emulator.executions()
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", "done: approved")


def test_functions_by_arn_a_choice_and_a_table(aws, emulator):
    outputs = deployed(aws, "trading")
    assert execution(aws, emulator, outputs["Machine"], {"price": 60})["status"] == "SUCCEEDED"
    assert execution(aws, emulator, outputs["Machine"], {"price": 40})["status"] == "SUCCEEDED"
    [item] = aws.dynamodb.scan(TableName=outputs["Table"])["Items"]
    assert item["Price"] == {"N": "40"}


def test_destinations_that_sam_makes(aws, emulator):
    outputs = deployed(aws, "destinations")
    send(aws, outputs["Function"], {"work": 1})
    emulator.settle()
    [body] = emulator.queue(outputs["Queue"]).bodies()
    assert json.loads(body)["responsePayload"] == {"done": 1}


def test_an_openapi_file_with_a_folder_of_functions(aws):
    deployed(aws, "pets")
    assert aws.http.get("/pets").json() == [{"id": 1, "name": "Rex"}]
    assert aws.http.get("/pets/7").text == "7"


@pytest.mark.parametrize("name", NAMES)
def test_lint_finds_nothing_that_fails_for_sure_in_what_works(name):
    given = {"Sender": "desk@example.com"} if name == "reminders" else {}
    found = findings_of(find(SAMPLES / name), given, None, outside=False)
    assert [each for each in found if each.severity == "error"] == []
