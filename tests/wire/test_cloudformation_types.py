"""Every resource type: made from a small template, asked for all its attributes, changed, replaced and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create
from tests.wire.cloudformation_types import Group, Sample, body, live, of, ref

ROLE = "arn:aws:iam::000000000000:role/any"
TEXT = {"SubjectPart": "Hello", "TextPart": "Hello {{name}}"}

EMAIL: Group = {
    "Topic": Sample("SNS::Topic", attributes="TopicArn TopicName"),
    "Domain": Sample(
        "SES::EmailIdentity",
        {"EmailIdentity": "example.com", "MailFromAttributes": {"MailFromDomain": "mail.example.com"}},
        "DkimDNSTokenName1 DkimDNSTokenName2 DkimDNSTokenName3 DkimDNSTokenValue1 DkimDNSTokenValue2"
        " DkimDNSTokenValue3",
        {"FeedbackAttributes": {"EmailForwardingEnabled": False}},
        {"EmailIdentity": "example.org", "MailFromAttributes": {"MailFromDomain": "mail.example.org"}},
    ),
    "Address": Sample(
        "SES::EmailIdentity",
        {"EmailIdentity": "ada@example.net", "ConfigurationSetAttributes": {"ConfigurationSetName": ref("Set")}},
        "DkimDNSTokenName1",
        {"Tags": [{"Key": "who", "Value": "ada"}]},
        empty="DkimDNSTokenName1",
    ),
    "Set": Sample(
        "SES::ConfigurationSet",
        {"ReputationOptions": {"ReputationMetricsEnabled": "true"}, "DeliveryOptions": {"TlsPolicy": "REQUIRE"}},
        "",
        {"SendingOptions": {"SendingEnabled": False}, "SuppressionOptions": {"SuppressedReasons": ["BOUNCE"]}},
    ),
    "ToTopic": Sample(
        "SES::ConfigurationSetEventDestination",
        {
            "ConfigurationSetName": ref("Set"),
            "EventDestination": {
                "Enabled": True,
                "MatchingEventTypes": ["send", "renderingFailure"],
                "SnsDestination": {"TopicARN": ref("Topic")},
            },
        },
        "Id",
        {
            "EventDestination": {
                "Enabled": True,
                "MatchingEventTypes": ["bounce"],
                "CloudWatchDestination": {
                    "DimensionConfigurations": [
                        {"DimensionName": "kind", "DefaultDimensionValue": "none", "DimensionValueSource": "messageTag"}
                    ]
                },
            }
        },
        {
            "EventDestination": {
                "Name": "another",
                "MatchingEventTypes": ["SEND"],
                "SnsDestination": {"TopicARN": ref("Topic")},
            }
        },
    ),
    "Letter": Sample(
        "SES::Template",
        {"Template": TEXT},
        "Id",
        {"Template": {**TEXT, "TextPart": "Good day"}},
        {"Template": {**TEXT, "TemplateName": "letter"}},
    ),
    "Verification": Sample(
        "SES::CustomVerificationEmailTemplate",
        {
            "TemplateName": "verify",
            "TemplateSubject": "Please",
            "TemplateContent": "<p>Please</p>",
            "FromEmailAddress": ref("Address"),
            "SuccessRedirectionURL": "https://example.com/yes",
            "FailureRedirectionURL": "https://example.com/no",
        },
        "",
        {"TemplateSubject": "Kindly"},
    ),
    "Readers": Sample(
        "SES::ContactList",
        {"Topics": [{"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_IN"}]},
        "",
        {"Description": "who reads"},
    ),
    "Pool": Sample("SES::DedicatedIpPool", {"PoolName": "pool"}, "", {"Tags": [{"Key": "a", "Value": "b"}]}),
    "Vdm": Sample(
        "SES::VdmAttributes",
        {"DashboardAttributes": {"EngagementMetrics": "ENABLED"}},
        "VdmAttributesResourceId",
        {"DashboardAttributes": {"EngagementMetrics": "DISABLED"}},
    ),
    "Incoming": Sample("SES::ReceiptRuleSet"),
    "Rule": Sample(
        "SES::ReceiptRule",
        {
            "RuleSetName": ref("Incoming"),
            "Rule": {
                "Recipients": ["example.net"],
                "Enabled": True,
                "Actions": [{"SNSAction": {"TopicArn": ref("Topic")}}, {"StopAction": {"Scope": "RuleSet"}}],
            },
        },
        "RuleName",
        {"Rule": {"Actions": [{"AddHeaderAction": {"HeaderName": "X-Seen", "HeaderValue": "yes"}}]}},
    ),
    "Blocked": Sample("SES::ReceiptFilter", {"Filter": {"IpFilter": {"Cidr": "10.0.0.0/8", "Policy": "Block"}}}, "Id"),
}
TIME: Group = {
    "Queue": Sample("SQS::Queue", {}, "Arn QueueName QueueUrl"),
    "Other": Sample("SQS::Queue"),
    "Group": Sample(
        "Scheduler::ScheduleGroup",
        {},
        "Arn CreationDate LastModificationDate State",
        {"Tags": [{"Key": "who", "Value": "ada"}]},
    ),
    "Schedule": Sample(
        "Scheduler::Schedule",
        {
            "GroupName": ref("Group"),
            "ScheduleExpression": "rate(1 hour)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "StartDate": "2040-01-01T00:00:00Z",
            "Target": {"Arn": of("Queue"), "RoleArn": ROLE, "RetryPolicy": {"MaximumRetryAttempts": "3"}},
        },
        "Arn",
        {"State": "DISABLED"},
        {"Name": "another"},
    ),
    "Pipe": Sample(
        "Pipes::Pipe",
        {
            "RoleArn": ROLE,
            "Source": of("Queue"),
            "SourceParameters": {"SqsQueueParameters": {"BatchSize": 5}},
            "Target": of("Other"),
        },
        "Arn CreationTime CurrentState LastModifiedTime StateReason",
        {"DesiredState": "STOPPED", "Tags": {"who": "ada"}},
        {"Name": "another"},
        empty="StateReason",
    ),
}
WATCHING: Group = {
    "Topic": Sample("SNS::Topic"),
    "Alarm": Sample(
        "CloudWatch::Alarm",
        {
            "Namespace": "AWS/SQS",
            "MetricName": "NumberOfMessagesSent",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": "1",
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "AlarmActions": [ref("Topic")],
        },
        "Arn",
        {"Threshold": 2.5, "Tags": [{"Key": "who", "Value": "ada"}]},
        {"AlarmName": "another"},
    ),
}

GROUPS: dict[str, Group] = {"email": EMAIL, "time": TIME, "watching": WATCHING}


@pytest.mark.parametrize("name", GROUPS)
def test_resources_are_made_changed_replaced_and_deleted(emulator: RunningEmulator, name: str) -> None:
    live(emulator, GROUPS[name])


def test_rules_of_incoming_mail_take_the_place_that_the_template_says(emulator: RunningEmulator) -> None:
    first = Sample("SES::ReceiptRule", {"RuleSetName": ref("Set"), "Rule": {"Name": "first"}})
    second: dict[str, Any] = {"RuleSetName": ref("Set"), "Rule": {"Name": "second"}, "After": ref("First")}
    rule_set = Sample("SES::ReceiptRuleSet", {"RuleSetName": "mail"})
    create(emulator, body({"Set": rule_set, "First": first, "Second": Sample("SES::ReceiptRule", second)}))
    rules = emulator.client("ses").describe_receipt_rule_set(RuleSetName="mail")["Rules"]
    assert [rule["Name"] for rule in rules] == ["first", "second"]
