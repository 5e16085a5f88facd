"""The inbox over plain HTTP: search, waiting, what a message carries along, pages, releasing, who has sent it."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.crash.support import package
from tests.stuck import STUCK_SECONDS
from tests.wire.smtp_support import Mailbox

PIXEL = b"\x89PNG\r\n\x1a\npixel"


def ask(emulator: RunningEmulator, path: str, accept: str = "*/*", method: str = "GET") -> tuple[int, Any, bytes]:
    request = urllib.request.Request(f"{emulator.url}/_emulator/{path}", headers={"Accept": accept}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=STUCK_SECONDS) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def found(emulator: RunningEmulator, **query: str) -> list[str]:
    status, _, body = ask(emulator, "inbox?" + urllib.parse.urlencode(query))
    assert status == 200, body
    return [message["subject"] for message in json.loads(body)["messages"]]


def send(emulator: RunningEmulator, subject: str, **simple: Any) -> str:
    content = {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "See https://example.com/a?b=1."}}, **simple}
    return emulator.client("sesv2").send_email(
        FromEmailAddress="Reports <reports@example.com>",
        Destination={"ToAddresses": ["ada@example.org"], "BccAddresses": ["secret@example.org"]},
        Content={"Simple": content},
    )["MessageId"]


@pytest.fixture
def verified(emulator: RunningEmulator) -> RunningEmulator:
    emulator.client("sesv2").create_email_identity(EmailIdentity="example.com")
    return emulator


def test_messages_are_found_by_addresses_subject_words_and_time(verified: RunningEmulator) -> None:
    send(verified, "First Größe")
    verified.advance(60)
    later = verified.now()
    send(verified, "Second", Body={"Html": {"Data": "<p>Umsatz</p>"}})
    assert found(verified) == ["First Größe", "Second"]
    assert found(verified, to="SECRET@") == ["First Größe", "Second"]
    assert found(verified, subject="GRÖSSE".lower()) == found(verified, q="größe reports") == ["First Größe"]
    assert found(verified, q="umsatz") == found(verified, since=str(later - 1)) == ["Second"]
    assert found(verified, limit="1") == ["Second"]
    assert found(verified, **{"from": "nobody"}) == found(verified, to="nobody") == []
    assert found(verified, **{"from": "reports@"}) == ["First Größe", "Second"]
    assert ask(verified, "inbox?since=yesterday")[0] == 400
    assert ask(verified, "inbox?wait=-1")[0] == 400


def test_a_wait_ends_with_the_message_it_waits_for(verified: RunningEmulator) -> None:
    answers: list[tuple[int, Any, bytes]] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(verified, "inbox?to=ada@example.org&wait=30")))
    waiting.start()
    while not verified.control("GET", "clock")["sleeping"]:
        time.sleep(0.01)
    send(verified, "Here")
    waiting.join(STUCK_SECONDS)
    [(status, _, body)] = answers
    assert status == 200
    assert json.loads(body)["messages"][0]["subject"] == "Here"


def test_a_wait_for_nothing_ends_in_aws_time_and_says_so(verified: RunningEmulator) -> None:
    answers: list[tuple[int, Any, bytes]] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(verified, "inbox?to=nobody&wait=30")))
    waiting.start()
    while not verified.control("GET", "clock")["sleeping"]:
        time.sleep(0.01)
    verified.advance(31)
    waiting.join(STUCK_SECONDS)
    [(status, _, body)] = answers
    assert status == 408
    assert json.loads(body) == {"message": "no such message came within 30 s of AWS time", "messages": []}


def test_what_a_message_carries_along_can_be_had(verified: RunningEmulator) -> None:
    identifier = send(
        verified,
        "Files",
        Body={"Html": {"Data": '<a href="https://example.com/x">x</a><img src="cid:logo"><script>1</script>'}},
        Attachments=[
            {"FileName": "größe.csv", "RawContent": b"1,2\n"},
            {"FileName": "l.png", "RawContent": PIXEL, "ContentId": "logo", "ContentDisposition": "INLINE"},
        ],
    )
    message = verified.control("GET", f"inbox/{identifier}")
    assert message["links"] == ["https://example.com/x"]
    assert [part["filename"] for part in message["attachments"]] == ["größe.csv", "l.png"]
    status, headers, body = ask(verified, f"inbox/{identifier}/attachments/0")
    assert (status, body, headers["Content-Type"]) == (200, b"1,2\n", "text/csv")
    assert headers["Content-Disposition"].startswith("attachment; ")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ask(verified, f"inbox/{identifier}/attachments/2")[0] == 404
    status, headers, body = ask(verified, f"inbox/{identifier}/raw")
    assert headers["Content-Type"] == "message/rfc822"
    assert b"\r\nSubject: Files\r\n" in body
    status, headers, body = ask(verified, f"inbox/{identifier}/html")
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert b'<img src="data:image/png;base64,iVBORw0K' in body
    for path in ("raw", "html", "attachments/0"):
        assert ask(verified, f"inbox/nobody/{path}")[0] == 404


def test_pages_are_harmless_and_the_list_can_be_searched(verified: RunningEmulator) -> None:
    identifier = send(verified, "<b>Bold</b>", Body={"Html": {"Data": "<script>alert(1)</script>"}})
    _, headers, body = ask(verified, "mail?q=bold", "text/html")
    assert b"&lt;b&gt;Bold&lt;/b&gt;" in body
    assert "script-src" not in headers["Content-Security-Policy"]
    assert b"No message has these words" in ask(verified, "mail?q=%22%3E%3Cscript%3E")[2]
    assert b"<script>" not in ask(verified, "mail?q=%22%3E%3Cscript%3E")[2]
    _, headers, body = ask(verified, f"inbox/{identifier}", "text/html")
    assert b"<script>" not in body
    assert b'sandbox=""' in body


def test_messages_can_be_forgotten(verified: RunningEmulator) -> None:
    first = send(verified, "one")
    send(verified, "two")
    send(verified, "three")
    assert json.loads(ask(verified, f"inbox/{first}", method="DELETE")[2]) == {"deleted": 1}
    assert ask(verified, f"inbox/{first}", method="DELETE")[0] == 404
    assert json.loads(ask(verified, "inbox", method="DELETE")[2]) == {"deleted": 2}
    assert verified.inbox() == []
    verified.settle()


def test_a_message_is_released_to_a_mail_server(verified: RunningEmulator) -> None:
    identifier = send(verified, "Out")
    with Mailbox() as mailbox:
        answer = verified.control("POST", f"inbox/{identifier}/release", {"smtp": mailbox.address})
        assert answer["to"] == ["ada@example.org", "secret@example.org"]
        answer = verified.control("POST", f"inbox/{identifier}/release", {"smtp": mailbox.address, "to": ["me@x.org"]})
        assert answer["to"] == ["me@x.org"]
    assert [mail.rcpt_tos for mail in mailbox.received] == [["ada@example.org", "secret@example.org"], ["me@x.org"]]
    bad = [{"smtp": mailbox.address, "to": [to]} for to in ("not an address", "me@x.y\r\nRCPT TO:<z@z.z>")]
    for each in (*bad, {"smtp": mailbox.address, "too": ["me@x.org"]}):
        with pytest.raises(urllib.error.HTTPError) as caught:
            verified.control("POST", f"inbox/{identifier}/release", each)
        assert caught.value.code == 400
        caught.value.close()
    for body, status in (({}, 400), ({"smtp": "x:y"}, 400), ({"to": []}, 400), ({"smtp": mailbox.address}, 502)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            verified.control("POST", f"inbox/{identifier}/release", body)
        assert caught.value.code == status
        caught.value.close()


def test_the_inbox_knows_which_execution_has_sent_a_message(verified: RunningEmulator) -> None:
    client = verified.client("stepfunctions")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sesv2:sendEmail",
        "Parameters": {
            "FromEmailAddress": "reports@example.com",
            "Destination": {"ToAddresses": ["ada@example.org"]},
            "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
        },
        "End": True,
    }
    machine = client.create_state_machine(
        name="mailer",
        definition=json.dumps({"StartAt": "Mail", "States": {"Mail": state}}),
        roleArn="arn:aws:iam::000000000000:role/r",
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]
    verified.settle()
    [message] = verified.inbox()
    assert message["sent_by"]["execution_arn"] == execution


MAILER = """
import boto3
def handler(event, context):
    boto3.client("sesv2").send_email(
        FromEmailAddress="reports@example.com",
        Destination={"ToAddresses": ["ada@example.org"]},
        Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": context.aws_request_id}}}},
    )
"""


def test_the_inbox_knows_which_function_and_which_invocation_has_sent_a_message(verified: RunningEmulator) -> None:
    client = verified.client("lambda")
    arn = client.create_function(
        FunctionName="mailer",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": package(MAILER)},
        Timeout=30,
    )["FunctionArn"]
    client.invoke(FunctionName="mailer", InvocationType="Event", Payload=b"{}")
    verified.settle()
    [message] = verified.inbox()
    assert message["sent_by"]["function_arn"].startswith(arn)
    assert message["sent_by"]["invocation"] == message["text"]
    _, _, page = ask(verified, f"inbox/{message['id']}", "text/html")
    assert message["text"].encode() in page


def test_what_could_not_be_delivered_says_why_and_when_it_is_tried_next() -> None:
    with RunningEmulator(Settings(port=0, data=None, frozen=True, smtp="127.0.0.1:9")) as emulator:
        assert json.loads(ask(emulator, "undelivered")[2]) == {"undelivered": []}
        assert b"Everything has been delivered" in ask(emulator, "undelivered", "text/html")[2]
        emulator.client("sesv2").create_email_identity(EmailIdentity="example.com")
        waiting = send(emulator, "<b>Waiting</b>")
        sns = emulator.client("sns")
        topic = sns.create_topic(Name="news")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:9/hook")
        emulator.advance(1)
        mail, notification = json.loads(ask(emulator, "undelivered")[2])["undelivered"]
        assert (mail["what"], mail["id"], mail["state"], mail["attempts"]) == ("mail", waiting, "pending", 1)
        assert mail["why"]
        assert mail["next_try_at"] is not None
        assert (notification["what"], notification["to"]) == ("notification", ["http://127.0.0.1:9/hook"])
        assert notification["why"]
        page = ask(emulator, "undelivered", "text/html")[2]
        assert b"&lt;b&gt;Waiting&lt;/b&gt;" in page
        assert f'href="/_emulator/inbox/{waiting}"'.encode() in page
        emulator.advance(15 * 3600)
        [mail] = [each for each in json.loads(ask(emulator, "undelivered")[2])["undelivered"] if each["id"] == waiting]
        assert (mail["state"], mail["next_try_at"]) == ("bounced", None)


def test_what_a_query_of_the_inbox_does_not_know_is_refused_by_name(verified: RunningEmulator) -> None:
    for method, path in (("GET", "inbox?form=ada"), ("DELETE", "inbox?to=ada"), ("GET", "mail?foo=1")):
        status, _, body = ask(verified, path, method=method)
        assert status == 400
        assert "is not known in this query" in json.loads(body)["message"]
