"""Mail that comes in: receipt rule sets, and what their actions do, through real boto3 clients."""

from __future__ import annotations

import json
import smtplib
import urllib.error
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.crash.support import package
from tests.stuck import STUCK_SECONDS

ACCOUNT = "000000000000"
DIARY = """
import json, os, boto3
def handler(event, context):
    ses = event["Records"][0]["ses"]
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
    return {"disposition": "STOP_RULE" if "stop" in ses["mail"]["commonHeaders"]["subject"] else "CONTINUE"}
"""


def rule(name: str, *actions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"Name": name, "Enabled": True, "ScanEnabled": True, "Actions": list(actions), **changes}


def code_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def ses(emulator: RunningEmulator) -> Any:
    client = emulator.client("ses")
    client.verify_domain_identity(Domain="example.com")
    client.create_receipt_rule_set(RuleSetName="set")
    client.set_active_receipt_rule_set(RuleSetName="set")
    return client


def queue_of(emulator: RunningEmulator, topic: str = "") -> str:
    """The URL of a queue that hears what is told to a topic."""
    url = emulator.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    if topic:
        sns = emulator.client("sns")
        arn = sns.create_topic(Name=topic)["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:heard")
    return str(url)


def heard(emulator: RunningEmulator, url: str) -> list[dict[str, Any]]:
    found = emulator.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def mail(emulator: RunningEmulator, to: str = "orders@example.com", subject: str = "Order", **changes: Any) -> str:
    body = {"from": "ada@outside.org", "to": [to], "subject": subject, "text": "One pen, please.", **changes}
    return str(emulator.control("POST", "inbound", body)["id"])


def test_rules_live_in_their_set_in_their_order(ses: Any) -> None:
    add = {"AddHeaderAction": {"HeaderName": "test-header", "HeaderValue": "test"}}
    bucket = {"S3Action": {"BucketName": "bucket", "ObjectKeyPrefix": "template"}}
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("one", add))
    ses.create_receipt_rule(RuleSetName="set", After="one", Rule={"Name": "two", "Actions": [bucket]})
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("zero"))
    described = ses.describe_receipt_rule_set(RuleSetName="set")
    assert [each["Name"] for each in described["Rules"]] == ["zero", "one", "two"]
    assert described["Rules"][1] == {
        "Name": "one", "Enabled": True, "TlsPolicy": "Optional", "Actions": [add], "ScanEnabled": True
    }  # fmt: skip
    ses.clone_receipt_rule_set(RuleSetName="copy", OriginalRuleSetName="set")
    assert ses.describe_receipt_rule_set(RuleSetName="copy")["Rules"] == described["Rules"]
    ses.set_receipt_rule_position(RuleSetName="set", RuleName="zero", After="two")
    ses.reorder_receipt_rule_set(RuleSetName="copy", RuleNames=["two", "one", "zero"])
    names = [each["Name"] for each in ses.describe_active_receipt_rule_set()["Rules"]]
    assert names == ["one", "two", "zero"]
    ses.update_receipt_rule(RuleSetName="set", Rule=rule("two", Recipients=["a@example.com"]))
    assert ses.describe_receipt_rule(RuleSetName="set", RuleName="two")["Rule"]["Recipients"] == ["a@example.com"]
    ses.delete_receipt_rule(RuleSetName="set", RuleName="two")
    assert [each["Name"] for each in ses.list_receipt_rule_sets()["RuleSets"]] == ["copy", "set"]
    assert code_of(ses.delete_receipt_rule_set, RuleSetName="set") == "CannotDelete"
    ses.set_active_receipt_rule_set()
    ses.delete_receipt_rule_set(RuleSetName="set")
    assert "Metadata" not in ses.describe_active_receipt_rule_set()


def test_what_is_wrong_with_rules_is_refused(ses: Any) -> None:
    create = ses.create_receipt_rule
    nobody = f"arn:aws:sns:us-east-1:{ACCOUNT}:nobody"
    assert code_of(create, RuleSetName="x", Rule=rule("r")) == "RuleSetDoesNotExist"
    assert code_of(create, RuleSetName="set", After="x", Rule=rule("r")) == "RuleDoesNotExist"
    assert code_of(create, RuleSetName="set", Rule=rule("r", {"SNSAction": {"TopicArn": nobody}})) == "InvalidSnsTopic"
    two = {"StopAction": {"Scope": "RuleSet"}, "LambdaAction": {"FunctionArn": "a:function:f"}}
    assert code_of(create, RuleSetName="set", Rule=rule("r", two)) == "InvalidParameterValue"
    header = {"AddHeaderAction": {"HeaderName": "X: y\r\nBcc", "HeaderValue": "v"}}
    assert code_of(create, RuleSetName="set", Rule=rule("r", header)) == "InvalidParameterValue"
    function = {"LambdaAction": {"FunctionArn": "arn:aws:lambda:us-east-1:1:nothing"}}
    assert code_of(create, RuleSetName="set", Rule=rule("r", function)) == "InvalidLambdaFunction"
    mailbox = {"WorkmailAction": {"OrganizationArn": "arn:aws:workmail:us-east-1:1:organization/m"}}
    with pytest.raises(ClientError) as caught:
        create(RuleSetName="set", Rule=rule("r", mailbox))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501  # type: ignore[typeddict-item]
    assert code_of(ses.create_receipt_rule_set, RuleSetName="set") == "AlreadyExists"
    assert code_of(ses.set_active_receipt_rule_set, RuleSetName="x") == "RuleSetDoesNotExist"


def test_a_topic_gets_incoming_mail_with_the_headers_that_rules_add(emulator: RunningEmulator, ses: Any) -> None:
    url = queue_of(emulator, "incoming")
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:incoming"
    add = {"AddHeaderAction": {"HeaderName": "X-Kind", "HeaderValue": "order"}}
    tell = {"SNSAction": {"TopicArn": topic, "Encoding": "UTF-8"}}
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("r", add, tell, Recipients=["example.com"]))
    identifier = mail(emulator)
    emulator.settle()
    [notification] = heard(emulator, url)
    assert notification["Subject"] == "Amazon SES Email Receipt Notification"
    told = json.loads(notification["Message"])
    assert list(told) == ["notificationType", "mail", "receipt", "content"]
    assert told["notificationType"] == "Received"
    assert told["content"].startswith("X-Kind: order\r\nReturn-Path: <ada@outside.org>\r\n")
    assert (told["mail"]["messageId"], told["mail"]["source"]) == (identifier, "ada@outside.org")
    assert told["mail"]["commonHeaders"]["subject"] == "Order"
    assert told["receipt"]["recipients"] == ["orders@example.com"]
    assert told["receipt"]["action"] == {"type": "SNS", "topicArn": topic, "encoding": "UTF-8"}


def test_functions_are_invoked_and_may_stop_a_rule(emulator: RunningEmulator, ses: Any) -> None:
    url = queue_of(emulator)
    arn = emulator.client("lambda").create_function(
        FunctionName="diary",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": package(DIARY)},
        Environment={"Variables": {"QUEUE": url}},
    )["FunctionArn"]
    ask = {"LambdaAction": {"FunctionArn": arn, "InvocationType": "RequestResponse"}}
    tell = {"LambdaAction": {"FunctionArn": arn}}
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("r", ask, tell))
    mail(emulator, subject="go on")
    emulator.settle()
    records = [event["Records"][0] for event in heard(emulator, url)]
    kinds = [record["ses"]["receipt"]["action"]["invocationType"] for record in records]
    assert sorted(kinds) == ["Event", "RequestResponse"]
    assert (records[0]["eventSource"], records[0]["eventVersion"]) == ("aws:ses", "1.0")
    assert "content" not in records[0]["ses"]
    emulator.client("sqs").purge_queue(QueueUrl=url)
    mail(emulator, subject="stop here")
    emulator.settle()
    [event] = heard(emulator, url)
    assert event["Records"][0]["ses"]["receipt"]["action"]["invocationType"] == "RequestResponse"


def test_mail_goes_into_buckets_and_back_to_who_sent_it(emulator: RunningEmulator, ses: Any) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="letters")
    keep = {"S3Action": {"BucketName": "letters", "ObjectKeyPrefix": "in/"}}
    bounce = {
        "BounceAction": {
            "SmtpReplyCode": "550", "StatusCode": "5.1.1", "Message": "Nobody here", "Sender": "no@example.com"
        }
    }  # fmt: skip
    stop = {"StopAction": {"Scope": "RuleSet"}}
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("bounce", bounce))
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("stop", stop, Recipients=["stop@example.com"]))
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("keep", keep))
    identifier = mail(emulator, to="stop@example.com")
    emulator.settle()
    body = s3.get_object(Bucket="letters", Key=f"in/{identifier}")["Body"].read()
    assert b"One pen, please." in body
    assert emulator.inbox() == []
    mail(emulator, to="other@example.com")
    emulator.settle()
    [returned] = emulator.inbox()
    assert (returned["from"], returned["to"]) == ("no@example.com", ["ada@outside.org"])
    assert "550 5.1.1 Nobody here" in returned["text"]


def test_mail_for_nobody_and_from_blocked_addresses_is_not_taken(emulator: RunningEmulator, ses: Any) -> None:
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("r", Recipients=["a@example.com", ".sub.example.com"]))
    stop = {"StopAction": {"Scope": "RuleSet"}}
    ses.update_receipt_rule(RuleSetName="set", Rule=rule("r", stop, Recipients=["a@example.com", ".sub.example.com"]))
    assert mail(emulator, to="a+label@example.com")
    assert mail(emulator, to="x@deep.sub.example.com")
    for to, changes in (("b@example.com", {}), ("a@nobody.org", {}), ("a@example.com", {"from": "no address"})):
        with pytest.raises(urllib.error.HTTPError) as caught:
            mail(emulator, to=to, **changes)
        assert caught.value.code == 422
        caught.value.close()
    ses.create_receipt_filter(Filter={"Name": "f", "IpFilter": {"Policy": "Block", "Cidr": "127.0.0.0/8"}})
    assert ses.list_receipt_filters()["Filters"][0]["IpFilter"]["Policy"] == "Block"
    with pytest.raises(urllib.error.HTTPError) as caught:
        mail(emulator, to="a@example.com")
    assert "blocked" in json.load(caught.value)["message"]
    caught.value.close()
    ses.delete_receipt_filter(FilterName="f")
    for body in ({}, {"to": ["a@example.com"]}, {"from": 1, "to": ["a@example.com"]}, {"from": "a@b.co", "to": "x"}):
        with pytest.raises(urllib.error.HTTPError) as caught:
            emulator.control("POST", "inbound", body)
        assert caught.value.code == 400
        caught.value.close()
    emulator.settle()


def test_mail_comes_in_by_smtp_without_login() -> None:
    with RunningEmulator(Settings(port=0, data=None, frozen=True, smtp_port=0)) as emulator:
        client = emulator.client("ses")
        client.verify_domain_identity(Domain="example.com")
        client.create_receipt_rule_set(RuleSetName="set")
        client.set_active_receipt_rule_set(RuleSetName="set")
        url = queue_of(emulator, "incoming")
        tell = {"SNSAction": {"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:incoming", "Encoding": "Base64"}}
        client.create_receipt_rule(RuleSetName="set", Rule=rule("r", tell))
        assert emulator.emulator.smtp_server is not None
        with smtplib.SMTP("127.0.0.1", emulator.emulator.smtp_server.port, timeout=STUCK_SECONDS) as smtp:
            smtp.sendmail("ada@outside.org", ["orders@example.com"], "Subject: s\r\n\r\nx\r\n")
            with pytest.raises(smtplib.SMTPDataError) as caught:
                smtp.sendmail("ada@outside.org", ["orders@nobody.org"], "Subject: s\r\n\r\nx\r\n")
            assert caught.value.smtp_code == 550
        emulator.settle()
        assert len(heard(emulator, url)) == 1
        assert emulator.failures() == []


def receiving(emulator: RunningEmulator, account: str, region: str = "us-east-1") -> None:
    """Make an account take mail for example.com, to do nothing with it."""
    client = emulator.client("ses", aws_access_key_id=account, region_name=region)
    client.verify_domain_identity(Domain="example.com")
    client.create_receipt_rule_set(RuleSetName="set")
    client.create_receipt_rule(RuleSetName="set", Rule=rule("r", {"StopAction": {"Scope": "RuleSet"}}))
    client.set_active_receipt_rule_set(RuleSetName="set")


def refusal(emulator: RunningEmulator, path: str = "inbound", **changes: Any) -> tuple[int, str]:
    body = {"from": "ada@outside.org", "to": ["orders@example.com"], "text": "x", **changes}
    with pytest.raises(urllib.error.HTTPError) as caught:
        emulator.control("POST", path, body)
    with caught.value:
        return caught.value.code, json.load(caught.value)["message"]


def test_mail_comes_to_the_account_whose_identity_and_rules_it_is_for(emulator: RunningEmulator) -> None:
    code, text = refusal(emulator)
    assert (code, "no verified identity is for orders@example.com" in text) == (422, True)
    emulator.client("ses").verify_domain_identity(Domain="example.com")
    assert "an active receipt rule set with rules in 000000000000 us-east-1" in refusal(emulator)[1]
    receiving(emulator, "111111111111")
    assert mail(emulator)
    receiving(emulator, "111111111111", "eu-west-1")
    code, text = refusal(emulator)
    assert code == 422
    assert "111111111111 eu-west-1, 111111111111 us-east-1 receive mail for orders@example.com" in text
    assert mail(emulator, region="eu-west-1")
    assert emulator.control("POST", "inbound?account=111111111111&region=us-east-1", {
        "from": "a@b.co", "to": ["orders@example.com"], "text": "x"
    })["id"]  # fmt: skip
    assert "in 222222222222 is for" in refusal(emulator, account="222222222222")[1]
    receiving(emulator, ACCOUNT)
    assert mail(emulator)  # the default account and region come first
    emulator.settle()


def test_an_owner_of_mail_and_texts_that_is_none_is_refused(emulator: RunningEmulator) -> None:
    for path, changes in (
        ("inbound", {"account": "me"}),
        ("inbound", {"region": 1}),
        ("inbound?account=111111111111", {"account": "222222222222"}),
        ("inbound", {"form": "ada@outside.org"}),
        ("texts", {"to": "x"}),
    ):
        assert refusal(emulator, path, **changes)[0] == 400
    many = [f"r{number}@example.com" for number in range(101)]
    assert refusal(emulator, to=many) == (422, "452 Too many recipients")


def test_a_text_opts_a_number_out_of_the_account_it_names(emulator: RunningEmulator) -> None:
    body = {"from": "+491701234567", "text": "STOP", "account": "111111111111"}
    assert emulator.control("POST", "texts", body) == {"opted_out": True}
    there = emulator.client("sns", aws_access_key_id="111111111111")
    assert there.check_if_phone_number_is_opted_out(phoneNumber="+491701234567")["isOptedOut"]
    assert not emulator.client("sns").check_if_phone_number_is_opted_out(phoneNumber="+491701234567")["isOptedOut"]


def test_mail_that_came_in_tells_its_way_date_and_verdicts(emulator: RunningEmulator, ses: Any) -> None:
    url = queue_of(emulator, "incoming")
    tell = {"SNSAction": {"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:incoming"}}
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("r", tell))
    identifier = mail(emulator)
    emulator.settle()
    told = json.loads(heard(emulator, url)[0]["Message"])
    headers = {each["name"]: each["value"] for each in told["mail"]["headers"]}
    assert list(headers)[:4] == ["Return-Path", "Received", "X-SES-Spam-Verdict", "X-SES-Virus-Verdict"]
    assert headers["Return-Path"] == "<ada@outside.org>"
    by = f"by inbound-smtp.us-east-1.amazonaws.com with SMTP id {identifier} for orders@example.com; "
    assert headers["Received"].startswith(f"from localhost (localhost [127.0.0.1]) {by}")
    assert headers["Received"].endswith(" +0000 (UTC)")
    assert headers["X-SES-Spam-Verdict"] == headers["X-SES-Virus-Verdict"] == "PASS"
    common = told["mail"]["commonHeaders"]
    assert list(common) == ["returnPath", "from", "date", "to", "messageId", "subject"]
    assert common["date"] == headers["Date"]
    assert common["messageId"] == headers["Message-ID"]
    assert common["messageId"].endswith("@outside.org>")


def test_a_body_that_is_no_json_is_told_what_this_route_takes(emulator: RunningEmulator) -> None:
    answer = httpx.post(f"{emulator.url}/_emulator/inbound", content=b"no", timeout=STUCK_SECONDS)
    assert answer.status_code == 400
    assert '"from": "ada@example.org"' in answer.json()["message"]
