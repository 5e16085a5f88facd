"""SNS by boto3: phones and applications as records, delivery status in the logs, data protection as data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.test_sns import TOPIC, Endpoint, endpoint, queue, received, refusal, visit

__all__ = ["endpoint"]

ROLE = "arn:aws:iam::000000000000:role/feedback"
LOGS = "sns/us-east-1/000000000000"


def logged(emulator: RunningEmulator, group: str) -> list[dict[str, Any]]:
    """Entries of one of SNS's log groups."""
    found = emulator.client("logs").filter_log_events(logGroupName=f"{LOGS}/{group}")["events"]
    return [json.loads(event["message"]) for event in found]


def application(emulator: RunningEmulator) -> str:
    answer = emulator.client("sns").create_platform_application(
        Name="app", Platform="GCM", Attributes={"PlatformCredential": "secret"}
    )
    return answer["PlatformApplicationArn"]


def test_applications_and_endpoints_live_from_creation_to_deletion(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    app = application(emulator)
    assert app == "arn:aws:sns:us-east-1:000000000000:app/GCM/app"
    assert sns.get_platform_application_attributes(PlatformApplicationArn=app)["Attributes"] == {"Enabled": "true"}
    made = sns.create_platform_endpoint(PlatformApplicationArn=app, Token="device", CustomUserData="u")["EndpointArn"]
    assert made.startswith("arn:aws:sns:us-east-1:000000000000:endpoint/GCM/app/")
    again = sns.create_platform_endpoint(PlatformApplicationArn=app, Token="device", CustomUserData="u")
    assert again["EndpointArn"] == made
    assert refusal(sns.create_platform_endpoint, PlatformApplicationArn=app, Token="device") == (
        400,
        "InvalidParameter",
        f"Invalid parameter: Token Reason: Endpoint {made} already exists with the same Token, but different"
        " attributes.",
    )
    sns.set_endpoint_attributes(EndpointArn=made, Attributes={"Token": "other", "Enabled": "false"})
    shown = {"Enabled": "false", "CustomUserData": "u", "Token": "other"}
    [listed] = sns.list_endpoints_by_platform_application(PlatformApplicationArn=app)["Endpoints"]
    assert listed == {"EndpointArn": made, "Attributes": shown}
    assert sns.get_endpoint_attributes(EndpointArn=made)["Attributes"] == shown
    refused = refusal(sns.set_endpoint_attributes, EndpointArn=made, Attributes={"Colour": "red"})
    assert refused[1] == "InvalidParameter"
    sns.delete_endpoint(EndpointArn=made)
    sns.delete_endpoint(EndpointArn=made)
    gone = (404, "NotFound", "Endpoint does not exist")
    assert refusal(sns.get_endpoint_attributes, EndpointArn=made) == gone
    sns.set_platform_application_attributes(PlatformApplicationArn=app, Attributes={"SuccessFeedbackSampleRate": "5"})
    [listed] = sns.list_platform_applications()["PlatformApplications"]
    attributes = {"Enabled": "true", "SuccessFeedbackSampleRate": "5"}
    assert listed == {"PlatformApplicationArn": app, "Attributes": attributes}
    sns.delete_platform_application(PlatformApplicationArn=app)
    answer = refusal(sns.get_platform_application_attributes, PlatformApplicationArn=app)
    assert answer == (404, "NotFound", "PlatformApplication does not exist")
    assert sns.list_platform_applications()["PlatformApplications"] == []


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("create_platform_application", {"Name": "a b", "Platform": "GCM", "Attributes": {"PlatformCredential": "s"}}),
        ("create_platform_application", {"Name": "a", "Platform": "PAGER", "Attributes": {"PlatformCredential": "s"}}),
        ("create_platform_application", {"Name": "a", "Platform": "GCM", "Attributes": {"PlatformCredential": ""}}),
        ("create_platform_application", {"Name": "a", "Platform": "GCM", "Attributes": {"Colour": "red"}}),
        ("get_platform_application_attributes", {"PlatformApplicationArn": "nope"}),
        ("get_endpoint_attributes", {"EndpointArn": TOPIC}),
        ("set_sms_attributes", {"attributes": {"Colour": "red"}}),
        ("set_sms_attributes", {"attributes": {"DefaultSMSType": "Chatty"}}),
        ("set_sms_attributes", {"attributes": {"DeliveryStatusSuccessSamplingRate": "101"}}),
        ("get_sms_attributes", {"attributes": ["Colour"]}),
        ("opt_in_phone_number", {"phoneNumber": "x"}),
        ("publish", {"PhoneNumber": "+491701234567", "Message": "x" * 1601}),
    ],
)
def test_what_no_phone_understands_is_refused(
    emulator: RunningEmulator, operation: str, request_: dict[str, Any]
) -> None:
    assert refusal(getattr(emulator.client("sns"), operation), **request_)[:2] == (400, "InvalidParameter")


def test_a_push_message_is_kept_as_a_record_and_a_disabled_endpoint_takes_none(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    made = sns.create_platform_endpoint(PlatformApplicationArn=application(emulator), Token="device")["EndpointArn"]
    words = json.dumps({"default": "d", "GCM": "for Google"})
    sns.publish(TargetArn=made, Message=words, MessageStructure="json")
    sns.create_topic(Name="news")
    dead, arn = queue(emulator, "dead")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn})}
    sns.subscribe(TopicArn=TOPIC, Protocol="application", Endpoint=made, Attributes=redrive)
    sns.publish(TopicArn=TOPIC, Message="to all")
    told = [(entry["notification"]["message"], entry["delivery"]["token"]) for entry in logged(emulator, "app/GCM/app")]
    assert told == [("for Google", "device"), ("to all", "device")]
    sns.set_endpoint_attributes(EndpointArn=made, Attributes={"Enabled": "false"})
    assert refusal(sns.publish, TargetArn=made, Message="m") == (400, "EndpointDisabled", "Endpoint is disabled")
    sns.publish(TopicArn=TOPIC, Message="lost")
    assert json.loads(received(emulator, dead)[0]["Body"])["Message"] == "lost"
    gone = refusal(sns.publish, TargetArn=made + "x", Message="m")
    assert gone == (404, "NotFound", "Endpoint does not exist")


def test_a_number_that_opts_out_gets_no_text_messages_until_it_is_opted_in(emulator: RunningEmulator) -> None:
    sns, number = emulator.client("sns"), "+491701234567"
    assert not sns.check_if_phone_number_is_opted_out(phoneNumber=number)["isOptedOut"]
    assert emulator.control("POST", "texts", {"from": number, "text": "hello"}) == {"opted_out": False}
    assert emulator.control("POST", "texts", {"from": number, "text": " stop"}) == {"opted_out": True}
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=number)["isOptedOut"]
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == [number]
    sns.publish(PhoneNumber=number, Message="unheard")
    [entry] = logged(emulator, "DirectPublishToPhoneNumber/Failure")
    assert (entry["status"], entry["delivery"]["providerResponse"]) == ("FAILURE", "Phone number is opted out")
    sns.opt_in_phone_number(phoneNumber=number)
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
    sns.publish(PhoneNumber=number, Message="heard", MessageAttributes=kind)
    [entry] = logged(emulator, "DirectPublishToPhoneNumber")
    assert (entry["status"], entry["delivery"]["smsType"]) == ("SUCCESS", "Transactional")
    emulator.control("POST", "texts", {"from": number, "text": "STOP"})
    assert refusal(sns.opt_in_phone_number, phoneNumber=number)[1] == "InvalidParameter"


def test_settings_of_text_messages_and_numbers_of_the_sandbox_are_kept(emulator: RunningEmulator) -> None:
    sns, number = emulator.client("sns"), "+491701234567"
    assert sns.get_sms_attributes()["attributes"] == {"MonthlySpendLimit": "1"}
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional"})
    assert sns.get_sms_attributes(attributes=["DefaultSMSType"])["attributes"] == {"DefaultSMSType": "Transactional"}
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    assert sns.list_origination_numbers()["PhoneNumbers"] == []
    sns.create_sms_sandbox_phone_number(PhoneNumber=number)
    [entry] = logged(emulator, "DirectPublishToPhoneNumber")
    assert entry["delivery"]["smsType"] == "Transactional"
    password = entry["notification"]["message"][-6:]
    wrong = "000000" if password != "000000" else "000001"
    answer = refusal(sns.verify_sms_sandbox_phone_number, PhoneNumber=number, OneTimePassword=wrong)
    assert answer[:2] == (400, "VerificationException")
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": number, "Status": "Pending"}]
    sns.verify_sms_sandbox_phone_number(PhoneNumber=number, OneTimePassword=password)
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": number, "Status": "Verified"}]
    sns.delete_sms_sandbox_phone_number(PhoneNumber=number)
    assert refusal(sns.delete_sms_sandbox_phone_number, PhoneNumber=number)[:2] == (404, "ResourceNotFound")


def test_a_data_protection_policy_is_kept_with_its_topic(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    policy = json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": []})
    sns.create_topic(Name="news", DataProtectionPolicy=policy)
    assert sns.get_data_protection_policy(ResourceArn=TOPIC)["DataProtectionPolicy"] == policy
    changed = policy.replace('"p"', '"q"')
    sns.put_data_protection_policy(ResourceArn=TOPIC, DataProtectionPolicy=changed)
    assert sns.get_data_protection_policy(ResourceArn=TOPIC)["DataProtectionPolicy"] == changed
    answer = refusal(sns.put_data_protection_policy, ResourceArn=TOPIC, DataProtectionPolicy="[]")
    assert answer[:2] == (400, "InvalidParameter")
    sns.delete_topic(TopicArn=TOPIC)
    sns.create_topic(Name="news")
    assert not sns.get_data_protection_policy(ResourceArn=TOPIC).get("DataProtectionPolicy")


def test_a_topic_logs_what_becomes_of_its_deliveries_if_it_is_told_to(
    emulator: RunningEmulator, endpoint: Endpoint
) -> None:
    sns = emulator.client("sns")
    kinds = ("SQSSuccess", "SQSFailure", "HTTPSuccess")
    sns.create_topic(Name="news", Attributes={f"{kind}FeedbackRoleArn": ROLE for kind in kinds})
    _, arn = queue(emulator, "inbox")
    sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)
    sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn + "-missing")
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    emulator.settle()
    token = json.loads(endpoint.posts.pop()[1])["Token"]
    sns.confirm_subscription(TopicArn=TOPIC, Token=token)
    endpoint.statuses = [500]
    sent = sns.publish(TopicArn=TOPIC, Message="m")["MessageId"]
    emulator.settle()
    queued, posted = logged(emulator, "news")
    assert queued["notification"]["messageId"] == sent
    assert queued["notification"]["messageMD5Sum"] == "6f8f57715090da2632453988d9a1501b"
    assert (queued["status"], queued["delivery"]["destination"], queued["delivery"]["statusCode"]) == (
        "SUCCESS",
        arn,
        200,
    )
    assert (posted["delivery"]["attempts"], posted["delivery"]["dwellTimeMs"]) == (2, 20000)
    [lost] = logged(emulator, "news/Failure")
    assert (lost["status"], lost["delivery"]["destination"]) == ("FAILURE", arn + "-missing")
    answer = refusal(
        sns.set_topic_attributes, TopicArn=TOPIC, AttributeName="SQSSuccessFeedbackSampleRate", AttributeValue="101"
    )
    assert answer[:2] == (400, "InvalidParameter")
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="SQSSuccessFeedbackSampleRate", AttributeValue="0")
    sns.publish(TopicArn=TOPIC, Message="m")
    emulator.settle()
    assert len(logged(emulator, "news")) == 3


def test_an_endpoint_that_is_unsubscribed_by_its_link_is_told_and_may_come_back(
    emulator: RunningEmulator, endpoint: Endpoint
) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    emulator.settle()
    visit(emulator, endpoint.posts.pop()[1], "ConfirmSubscription")
    sns.publish(TopicArn=TOPIC, Message="m")
    emulator.settle()
    visit(emulator, endpoint.posts.pop()[1], "Unsubscribe")
    emulator.settle()
    headers, body = endpoint.posts.pop()
    assert headers["x-amz-sns-message-type"] == "UnsubscribeConfirmation"
    assert json.loads(body)["Message"].startswith("You have chosen to deactivate subscription " + TOPIC)
    assert sns.list_subscriptions()["Subscriptions"] == []
    visit(emulator, body, "ConfirmSubscription")
    [back] = sns.list_subscriptions()["Subscriptions"]
    assert back["SubscriptionArn"] == headers["x-amz-sns-subscription-arn"]
    sns.unsubscribe(SubscriptionArn=back["SubscriptionArn"])
    emulator.settle()
    assert endpoint.posts == []  # who unsubscribes as the owner means it


def test_a_link_does_not_end_what_was_confirmed_with_a_signature_that_forbids_it(
    emulator: RunningEmulator, endpoint: Endpoint
) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    emulator.settle()
    token = json.loads(endpoint.posts.pop()[1])["Token"]
    arn = sns.confirm_subscription(TopicArn=TOPIC, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["ConfirmationWasAuthenticated"] == "true"
    sns.publish(TopicArn=TOPIC, Message="m")
    emulator.settle()
    visit(emulator, endpoint.posts.pop()[1], "Unsubscribe", 403)
    assert [each["SubscriptionArn"] for each in sns.list_subscriptions()["Subscriptions"]] == [arn]
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_a_topic_has_at_most_two_hundred_filter_policies(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    policy = {"FilterPolicy": '{"a": ["b"]}'}
    for number in range(200):
        arn = f"arn:aws:sqs:us-east-1:000000000000:q{number}"
        sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn, Attributes=policy)
    arn = "arn:aws:sqs:us-east-1:000000000000:more"
    answer = refusal(sns.subscribe, TopicArn=TOPIC, Protocol="sqs", Endpoint=arn, Attributes=policy)
    assert answer[:2] == (403, "FilterPolicyLimitExceeded")
    sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)
