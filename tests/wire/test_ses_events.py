"""Configuration sets, event destinations, identity notifications, suppression: through real boto3 clients."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ACCOUNT = "000000000000"
QUEUE_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:events"
ALL = ["SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "RENDERING_FAILURE", "DELIVERY_DELAY"]


def error_of(call: Callable[..., Any], **request: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


class Topic:
    """A topic whose messages go to a queue."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.sqs, sns = emulator.client("sqs"), emulator.client("sns")
        self.url = self.sqs.create_queue(QueueName="events")["QueueUrl"]
        self.arn = sns.create_topic(Name="mail")["TopicArn"]
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=QUEUE_ARN)

    def told(self) -> list[dict[str, Any]]:
        """Notifications since the last call, in order."""
        found: list[dict[str, Any]] = []
        while True:
            messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return sorted(found, key=lambda each: each["Timestamp"])
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def events(self) -> list[dict[str, Any]]:
        """Records of events since the last call."""
        return [json.loads(each["Message"]) for each in self.told() if each["Message"].startswith("{")]


@pytest.fixture
def topic(emulator: RunningEmulator) -> Topic:
    v2 = emulator.client("sesv2")
    v2.create_email_identity(EmailIdentity="example.com")
    v2.create_configuration_set(ConfigurationSetName="set")
    made = Topic(emulator)
    v2.create_configuration_set_event_destination(
        ConfigurationSetName="set",
        EventDestinationName="all",
        EventDestination={"Enabled": True, "MatchingEventTypes": ALL, "SnsDestination": {"TopicArn": made.arn}},
    )
    return made


def send(emulator: RunningEmulator, to: str, **changes: Any) -> str:
    request: dict[str, Any] = {
        "Source": "a@example.com",
        "Destination": {"ToAddresses": [to]},
        "Message": {"Subject": {"Data": "Subject"}, "Body": {"Text": {"Data": "t"}, "Html": {"Data": "h"}}},
        "ConfigurationSetName": "set",
        "Tags": [{"Name": "custom-tag", "Value": "tag-value"}],
    }
    return emulator.client("ses").send_email(**{**request, **changes})["MessageId"]


def test_a_topic_hears_of_a_message_as_recorded_from_aws(emulator: RunningEmulator, topic: Topic) -> None:
    identifier = send(emulator, "ada@example.org")
    emulator.settle()
    validated, sent, delivered = topic.told()
    assert validated["Message"] == "Successfully validated SNS topic for Amazon SES event publishing."
    assert "Subject" not in validated
    assert sent["Subject"] == delivered["Subject"] == "Amazon SES Email Event Notification"
    record = json.loads(sent["Message"])
    assert list(record) == ["eventType", "mail", "send"]
    mail = record["mail"]
    assert list(mail) == [
        "timestamp", "source", "sourceArn", "sendingAccountId", "messageId", "destination", "headersTruncated",
        "headers", "commonHeaders", "tags",
    ]  # fmt: skip
    assert [header["name"] for header in mail["headers"]] == ["From", "To", "Subject", "MIME-Version", "Content-Type"]
    assert mail["headers"][-1]["value"].startswith('multipart/alternative;  boundary="----=_Part_')
    assert mail["commonHeaders"] == {
        "from": ["a@example.com"], "to": ["ada@example.org"], "messageId": identifier, "subject": "Subject"
    }  # fmt: skip
    assert list(mail["commonHeaders"]) == ["from", "to", "messageId", "subject"]
    assert mail["tags"] == {
        "ses:operation": ["SendEmail"],
        "ses:configuration-set": ["set"],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": ["example.com"],
        "custom-tag": ["tag-value"],
        "ses:caller-identity": ["root"],
    }
    assert record["send"] == {}
    record = json.loads(delivered["Message"])
    assert (record["eventType"], list(record["mail"]["tags"])[-1]) == ("Delivery", "ses:outgoing-ip")
    assert list(record["delivery"]) == [
        "timestamp", "processingTimeMillis", "recipients", "smtpResponse", "reportingMTA"
    ]  # fmt: skip
    assert record["delivery"]["recipients"] == ["ada@example.org"]


def test_events_of_a_template_are_as_recorded_and_a_rendering_failure_says_why(
    emulator: RunningEmulator, topic: Topic
) -> None:
    ses = emulator.client("ses")
    template = {"TemplateName": "t", "SubjectPart": "S {{a}}", "TextPart": "x"}
    ses.create_template(Template=template)
    request = {"Source": "a@example.com", "Destination": {"ToAddresses": ["ada@example.org"]}, "Template": "t"}
    ses.send_templated_email(**request, TemplateData='{"a": 1}', ConfigurationSetName="set")
    emulator.settle()
    sent, delivered = topic.events()
    assert "sourceArn" not in sent["mail"]
    assert [header["name"] for header in sent["mail"]["headers"]] == ["From", "To", "MIME-Version"]
    assert list(sent["mail"]["commonHeaders"]) == ["from", "to", "messageId"]
    assert [header["name"] for header in delivered["mail"]["headers"]] == [
        "Date", "From", "To", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"
    ]  # fmt: skip
    assert list(delivered["mail"]["commonHeaders"]) == ["from", "date", "to", "messageId", "subject"]
    ses.send_templated_email(**request, TemplateData="{}", ConfigurationSetName="set")
    emulator.settle()
    [failed] = topic.events()
    assert failed["eventType"] == "Rendering Failure"
    assert failed["failure"] == {
        "errorMessage": "Attribute 'a' is not present in the rendering data.", "templateName": "t"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("to", "kinds"),
    [
        ("success@simulator.amazonses.com", ["Send", "Delivery"]),
        ("bounce+label@simulator.amazonses.com", ["Send", "Bounce"]),
        ("complaint@simulator.amazonses.com", ["Send", "Delivery", "Complaint"]),
        ("ooto@simulator.amazonses.com", ["Send", "Delivery"]),
        ("suppressionlist@simulator.amazonses.com", ["Send", "Bounce"]),
    ],
)
def test_the_mailbox_simulator_makes_its_events(
    emulator: RunningEmulator, topic: Topic, to: str, kinds: list[str]
) -> None:
    send(emulator, to)
    emulator.settle()
    records = topic.events()
    assert sorted(record["eventType"] for record in records) == sorted(kinds)
    for record in records:
        if record["eventType"] == "Bounce":
            assert (record["bounce"]["bounceType"], record["bounce"]["bounceSubType"]) == ("Permanent", "General")
            assert record["bounce"]["bouncedRecipients"] == [
                {
                    "emailAddress": to, "action": "failed", "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }
            ]  # fmt: skip
        if record["eventType"] == "Complaint":
            assert record["complaint"]["complainedRecipients"] == [{"emailAddress": to}]
    answers = [mail for mail in emulator.inbox() if mail["to"] == ["a@example.com"]]
    assert len(answers) == (0 if to.startswith("success") else 1)
    assert emulator.client("sesv2").list_suppressed_destinations()["SuppressedDestinationSummaries"] == []


def test_a_virus_is_accepted_and_rejected(emulator: RunningEmulator, topic: Topic) -> None:
    eicar = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    content = {
        "Simple": {
            "Subject": {"Data": "s"},
            "Body": {"Text": {"Data": "t"}},
            "Attachments": [{"FileName": "a.txt", "RawContent": eicar}],
        }
    }
    emulator.client("sesv2").send_email(
        FromEmailAddress="a@example.com",
        Destination={"ToAddresses": ["ada@example.org"]},
        Content=content,
        ConfigurationSetName="set",
    )
    emulator.settle()
    records = topic.events()
    assert sorted(record["eventType"] for record in records) == ["Reject", "Send"]
    assert [record["reject"] for record in records if "reject" in record] == [{"reason": "Bad content"}]
    assert emulator.inbox()[0]["delivery"]["state"] == "rejected"


def test_whoever_is_on_the_suppression_list_gets_nothing(emulator: RunningEmulator, topic: Topic) -> None:
    v2 = emulator.client("sesv2")
    v2.put_suppressed_destination(EmailAddress="Ada@example.org", Reason="COMPLAINT")
    found = v2.get_suppressed_destination(EmailAddress="ada@example.org")["SuppressedDestination"]
    assert (found["EmailAddress"], found["Reason"]) == ("Ada@example.org", "COMPLAINT")
    assert len(v2.list_suppressed_destinations(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"]) == 1
    assert v2.list_suppressed_destinations(Reasons=["BOUNCE"])["SuppressedDestinationSummaries"] == []
    send(emulator, "ada@example.org")
    emulator.settle()
    bounce = next(record["bounce"] for record in topic.events() if record["eventType"] == "Bounce")
    assert bounce["bounceSubType"] == "OnAccountSuppressionList"
    assert "suppression list for your account" in bounce["bouncedRecipients"][0]["diagnosticCode"]
    v2.put_configuration_set_suppression_options(ConfigurationSetName="set", SuppressedReasons=["BOUNCE"])
    send(emulator, "ada@example.org")
    emulator.settle()
    assert {record["eventType"] for record in topic.events()} == {"Send", "Delivery"}
    v2.delete_suppressed_destination(EmailAddress="ada@example.org")
    gone = error_of(v2.get_suppressed_destination, EmailAddress="ada@example.org")
    assert (gone[0], gone[2]) == ("NotFoundException", 404)
    assert error_of(v2.delete_suppressed_destination, EmailAddress="ada@example.org")[0] == "NotFoundException"
    v2.put_account_suppression_attributes(SuppressedReasons=["BOUNCE"])
    assert v2.get_account()["SuppressionAttributes"] == {"SuppressedReasons": ["BOUNCE"]}


def test_event_bridge_and_cloudwatch_are_destinations_too(emulator: RunningEmulator, topic: Topic) -> None:
    v2, events = emulator.client("sesv2"), emulator.client("events")
    events.put_rule(Name="mail", EventPattern=json.dumps({"source": ["aws.ses"], "detail-type": ["Email Sent"]}))
    events.put_targets(Rule="mail", Targets=[{"Id": "queue", "Arn": QUEUE_ARN}])
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    dimension = {"DimensionName": "custom-tag", "DimensionValueSource": "MESSAGE_TAG", "DefaultDimensionValue": "none"}
    for name, destination in (
        ("bus", {"EventBridgeDestination": {"EventBusArn": bus}}),
        ("metrics", {"CloudWatchDestination": {"DimensionConfigurations": [dimension]}}),
    ):
        v2.create_configuration_set_event_destination(
            ConfigurationSetName="set",
            EventDestinationName=name,
            EventDestination={"Enabled": True, "MatchingEventTypes": ["SEND"], **destination},
        )
    topic.told()
    send(emulator, "ada@example.org")
    emulator.settle()
    queued = topic.sqs.receive_message(QueueUrl=topic.url, MaxNumberOfMessages=10)["Messages"]
    [event] = [body for body in (json.loads(message["Body"]) for message in queued) if "detail-type" in body]
    assert (event["source"], event["detail-type"]) == ("aws.ses", "Email Sent")
    assert event["resources"] == [f"arn:aws:ses:us-east-1:{ACCOUNT}:configuration-set/set"]
    assert event["detail"]["eventType"] == "Send"
    metrics = emulator.client("cloudwatch").list_metrics(Namespace="AWS/SES")["Metrics"]
    found = {(metric["MetricName"], tuple(each["Value"] for each in metric["Dimensions"])) for metric in metrics}
    assert {("Send", ("tag-value",)), ("Send", ()), ("Delivery", ())} <= found


def test_a_configuration_set_lives_in_both_apis(emulator: RunningEmulator, topic: Topic) -> None:
    ses, v2 = emulator.client("ses"), emulator.client("sesv2")
    names = ["eventDestinations", "trackingOptions", "deliveryOptions", "reputationOptions"]
    described = ses.describe_configuration_set(ConfigurationSetName="set", ConfigurationSetAttributeNames=names[:1])
    assert described["ConfigurationSet"] == {"Name": "set"}
    [destination] = described["EventDestinations"]
    assert destination == {
        "Name": "all",
        "Enabled": True,
        "MatchingEventTypes": ["bounce", "complaint", "delivery", "reject", "renderingFailure", "send"],
        "SNSDestination": {"TopicARN": topic.arn},
    }
    ses.update_configuration_set_event_destination(
        ConfigurationSetName="set",
        EventDestination={
            "Name": "all",
            "Enabled": False,
            "MatchingEventTypes": ["send"],
            "CloudWatchDestination": {
                "DimensionConfigurations": [
                    {"DimensionName": "d", "DimensionValueSource": "linkTag", "DefaultDimensionValue": "x"}
                ]
            },
        },
    )
    [destination] = v2.get_configuration_set_event_destinations(ConfigurationSetName="set")["EventDestinations"]
    assert (destination["Enabled"], destination["MatchingEventTypes"]) == (False, ["SEND"])
    dimensions = destination["CloudWatchDestination"]["DimensionConfigurations"]
    assert dimensions[0]["DimensionValueSource"] == "LINK_TAG"
    ses.create_configuration_set_tracking_options(
        ConfigurationSetName="set", TrackingOptions={"CustomRedirectDomain": "click.example.com"}
    )
    ses.put_configuration_set_delivery_options(ConfigurationSetName="set", DeliveryOptions={"TlsPolicy": "Require"})
    ses.update_configuration_set_reputation_metrics_enabled(ConfigurationSetName="set", Enabled=True)
    shown = v2.get_configuration_set(ConfigurationSetName="set")
    assert shown["TrackingOptions"]["CustomRedirectDomain"] == "click.example.com"
    assert shown["DeliveryOptions"]["TlsPolicy"] == "REQUIRE"
    assert shown["ReputationOptions"]["ReputationMetricsEnabled"] is True
    described = ses.describe_configuration_set(ConfigurationSetName="set", ConfigurationSetAttributeNames=names)
    assert described["DeliveryOptions"] == {"TlsPolicy": "Require"}
    assert described["ReputationOptions"]["SendingEnabled"] is True
    ses.delete_configuration_set_tracking_options(ConfigurationSetName="set")
    gone = error_of(ses.delete_configuration_set_tracking_options, ConfigurationSetName="set")
    assert gone[0] == "TrackingOptionsDoesNotExistException"
    ses.create_configuration_set(ConfigurationSet={"Name": "other"})
    assert v2.list_configuration_sets()["ConfigurationSets"] == ["other", "set"]
    assert ses.list_configuration_sets(MaxItems=1)["ConfigurationSets"] == [{"Name": "other"}]
    ses.delete_configuration_set_event_destination(ConfigurationSetName="set", EventDestinationName="all")
    ses.delete_configuration_set(ConfigurationSetName="set")
    v2.delete_configuration_set(ConfigurationSetName="other")
    assert ses.list_configuration_sets()["ConfigurationSets"] == []


def test_errors_of_configuration_sets_are_as_recorded(emulator: RunningEmulator, topic: Topic) -> None:
    ses, v2 = emulator.client("ses"), emulator.client("sesv2")
    nobody = f"arn:aws:sns:us-east-1:{ACCOUNT}:nobody"
    destination = {
        "Name": "d", "Enabled": True, "MatchingEventTypes": ["send"], "SNSDestination": {"TopicARN": nobody}
    }  # fmt: skip
    create = ses.create_configuration_set_event_destination
    answer = error_of(create, ConfigurationSetName="set", EventDestination=destination)
    assert answer == ("InvalidSNSDestination", f"SNS topic <{nobody}> not found.", 400)
    gone = ("ConfigurationSetDoesNotExist", "Configuration set <x> does not exist.", 400)
    assert error_of(create, ConfigurationSetName="x", EventDestination=destination) == gone
    assert error_of(ses.delete_configuration_set, ConfigurationSetName="x") == gone
    delete = ses.delete_configuration_set_event_destination
    assert error_of(delete, ConfigurationSetName="x", EventDestinationName="d") == gone
    answer = error_of(delete, ConfigurationSetName="set", EventDestinationName="d")
    assert answer == ("EventDestinationDoesNotExist", "No EventDestination found for set", 400)
    assert error_of(v2.get_configuration_set, ConfigurationSetName="x") == ("NotFoundException", gone[1], 404)
    assert (
        error_of(ses.create_configuration_set, ConfigurationSet={"Name": "set"})[0] == "ConfigurationSetAlreadyExists"
    )
    assert error_of(ses.create_configuration_set, ConfigurationSet={"Name": "a b"})[0] == "InvalidConfigurationSet"
    firehose = {
        "KinesisFirehoseDestination": {"IamRoleArn": "arn:aws:iam::000000000000:role/r", "DeliveryStreamArn": "s"}
    }
    refused = error_of(
        v2.create_configuration_set_event_destination,
        ConfigurationSetName="set",
        EventDestinationName="f",
        EventDestination={"Enabled": True, "MatchingEventTypes": ["SEND"], **firehose},
    )
    assert refused[2] == 501
    two = {"Enabled": True, "MatchingEventTypes": ["SEND"]}
    for given in (two, {**two, "EventBridgeDestination": {"EventBusArn": "arn:aws:events:us-east-1:1:event-bus/x"}}):
        code = error_of(
            v2.create_configuration_set_event_destination,
            ConfigurationSetName="set",
            EventDestinationName="f",
            EventDestination=given,
        )[0]
        assert code == "BadRequestException"


def test_a_deleted_topic_hears_nothing_and_nothing_fails(emulator: RunningEmulator, topic: Topic) -> None:
    emulator.client("sns").delete_topic(TopicArn=topic.arn)
    assert send(emulator, "ada@example.org")
    emulator.settle()
    assert emulator.inbox()[0]["delivery"]["state"] == "delivered"


def test_sending_can_be_paused_for_a_set_and_for_the_account(emulator: RunningEmulator, topic: Topic) -> None:
    ses = emulator.client("ses")
    ses.update_configuration_set_sending_enabled(ConfigurationSetName="set", Enabled=False)
    with pytest.raises(ClientError, match="ConfigurationSetSendingPausedException"):
        send(emulator, "ada@example.org")
    ses.update_configuration_set_sending_enabled(ConfigurationSetName="set", Enabled=True)
    ses.update_account_sending_enabled(Enabled=False)
    assert ses.get_account_sending_enabled()["Enabled"] is False
    with pytest.raises(ClientError, match="AccountSendingPausedException"):
        send(emulator, "ada@example.org")
    emulator.client("sesv2").put_account_sending_attributes(SendingEnabled=True)
    assert send(emulator, "ada@example.org")


def test_an_identity_has_a_default_configuration_set(emulator: RunningEmulator, topic: Topic) -> None:
    v2 = emulator.client("sesv2")
    v2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="set")
    assert v2.get_email_identity(EmailIdentity="example.com")["ConfigurationSetName"] == "set"
    request: dict[str, Any] = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}
    emulator.client("ses").send_email(
        Source="a@example.com", Destination={"ToAddresses": ["ada@example.org"]}, Message=request
    )
    emulator.settle()
    assert [record["eventType"] for record in topic.events()] == ["Send", "Delivery"]


def test_topics_of_an_identity_hear_of_feedback(emulator: RunningEmulator, topic: Topic) -> None:
    ses = emulator.client("ses")
    for kind in ("Bounce", "Complaint"):
        ses.set_identity_notification_topic(Identity="example.com", NotificationType=kind, SnsTopic=topic.arn)
        ses.set_identity_headers_in_notifications_enabled(
            Identity="example.com", NotificationType=kind, Enabled=kind == "Bounce"
        )
    ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=False)
    attributes = ses.get_identity_notification_attributes(Identities=["example.com", "nobody.org"])
    assert attributes["NotificationAttributes"] == {
        "example.com": {
            "BounceTopic": topic.arn,
            "ComplaintTopic": topic.arn,
            "ForwardingEnabled": False,
            "HeadersInBounceNotificationsEnabled": True,
            "HeadersInComplaintNotificationsEnabled": False,
            "HeadersInDeliveryNotificationsEnabled": False,
        }
    }
    topic.told()
    raw = b"From: A <a@example.com>\r\nTo: bounce@simulator.amazonses.com\r\nSubject: raw\r\n\r\nx"
    ses.send_raw_email(RawMessage={"Data": raw})
    emulator.settle()
    [notification] = topic.events()
    assert list(notification) == ["notificationType", "bounce", "mail"]
    assert notification["mail"]["commonHeaders"]["subject"] == "raw"
    assert "tags" not in notification["mail"]
    assert len(emulator.inbox()) == 1


def test_settings_of_unknown_identities_and_types_are_refused_as_recorded(emulator: RunningEmulator) -> None:
    ses = emulator.client("ses")
    ses.verify_domain_identity(Domain="example.com")
    call = ses.set_identity_headers_in_notifications_enabled
    answer = error_of(call, Identity="example.com", NotificationType="InvalidType", Enabled=True)
    text = "Invalid notification type: InvalidType. Valid values are: Bounce, Complaint, Delivery."
    assert answer == ("InvalidParameterValue", text, 400)
    answer = error_of(call, Identity="unknown@example.com", NotificationType="Bounce", Enabled=True)
    text = "Identity unknown@example.com is not verified or does not exist."
    assert answer == ("MessageRejected", text, 400)
    forwarding = ses.set_identity_feedback_forwarding_enabled
    assert error_of(forwarding, Identity="example.com", ForwardingEnabled=False)[0] == "InvalidParameterValue"
    v2 = emulator.client("sesv2")
    assert error_of(v2.put_email_identity_feedback_attributes, EmailIdentity="nobody.org")[0] == "NotFoundException"


def test_dkim_mail_from_and_policies_are_kept_and_shown(emulator: RunningEmulator) -> None:
    ses, v2 = emulator.client("ses"), emulator.client("sesv2")
    tokens = ses.verify_domain_dkim(Domain="example.com")["DkimTokens"]
    assert len(tokens) == 3
    dkim = ses.get_identity_dkim_attributes(Identities=["example.com"])["DkimAttributes"]["example.com"]
    assert dkim == {"DkimEnabled": True, "DkimVerificationStatus": "Success", "DkimTokens": tokens}
    ses.set_identity_dkim_enabled(Identity="example.com", DkimEnabled=False)
    assert v2.get_email_identity(EmailIdentity="example.com")["DkimAttributes"]["SigningEnabled"] is False
    v2.put_email_identity_mail_from_attributes(EmailIdentity="example.com", MailFromDomain="mail.example.com")
    found = ses.get_identity_mail_from_domain_attributes(Identities=["example.com"])["MailFromDomainAttributes"]
    assert found["example.com"]["MailFromDomain"] == "mail.example.com"
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    ses.put_identity_policy(Identity="example.com", PolicyName="p", Policy=policy)
    assert v2.get_email_identity_policies(EmailIdentity="example.com")["Policies"] == {"p": policy}
    assert ses.list_identity_policies(Identity="example.com")["PolicyNames"] == ["p"]
    assert error_of(ses.put_identity_policy, Identity="example.com", PolicyName="q", Policy="x")[0] == "InvalidPolicy"
    ses.delete_identity_policy(Identity="example.com", PolicyName="p")
    assert ses.get_identity_policies(Identity="example.com", PolicyNames=["p"])["Policies"] == {}


def test_quotas_throttle_when_they_are_to_and_follow_aws_time(emulator: RunningEmulator) -> None:
    emulator.client("sesv2").create_email_identity(EmailIdentity="example.com")
    values = {"ses_enforce_quotas": True, "ses_send_rate": 2, "ses_daily_quota": 3}
    emulator.control("PUT", "settings", values)
    ses, to = emulator.client("ses"), {"ToAddresses": ["ada@example.org"]}
    message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}
    request: dict[str, Any] = {"Source": "a@example.com", "Destination": to, "Message": message}
    for _ in range(2):
        ses.send_email(**request)
    assert error_of(ses.send_email, **request) == ("Throttling", "Maximum sending rate exceeded.", 400)
    v2 = emulator.client("sesv2")
    newer = {"FromEmailAddress": "a@example.com", "Destination": to, "Content": {"Simple": message}}
    assert error_of(v2.send_email, **newer) == ("TooManyRequestsException", "Maximum sending rate exceeded.", 429)
    emulator.advance(2)
    ses.send_email(**request)
    emulator.advance(2)
    assert error_of(ses.send_email, **request) == ("Throttling", "Daily message quota exceeded.", 400)
    assert error_of(v2.send_email, **newer)[:2] == ("LimitExceededException", "Daily message quota exceeded.")
    emulator.advance(86_400)
    assert ses.send_email(**request)
