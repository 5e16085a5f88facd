"""Every resource type: made from a small template, asked for all its attributes, changed, replaced and deleted."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from emulator.services.cloudformation.resources.table import table
from emulator.testing import RunningEmulator
from tests.wire import test_cloudformation_delegated_types as delegated
from tests.wire import test_cloudformation_gateway_parts as parts
from tests.wire import test_cloudformation_network_types as network
from tests.wire.cloudformation_support import create, resources, template
from tests.wire.cloudformation_types import Group, Sample, allow, body, live, of, ref

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
    "Board": Sample(
        "CloudWatch::Dashboard",
        {"DashboardBody": '{"widgets": []}'},
        "",
        {"DashboardBody": '{"widgets": [{"type": "text"}]}'},
        {"DashboardName": "another"},
    ),
}

SOURCE = "def handler(event, context):\n    return event\n"
FUNCTIONS: Group = {
    "Work": Sample(
        "Lambda::Function",
        {"Runtime": "python3.13", "Handler": "index.handler", "Role": ROLE, "Code": {"ZipFile": SOURCE}},
        "Arn SnapStartResponse.ApplyOn SnapStartResponse.OptimizationStatus",
        {"MemorySize": "256", "Tags": [{"Key": "who", "Value": "ada"}]},
    ),
    "Version": Sample("Lambda::Version", {"FunctionName": ref("Work")}, "FunctionArn Version"),
    "Live": Sample(
        "Lambda::Alias",
        {"FunctionName": ref("Work"), "FunctionVersion": of("Version", "Version"), "Name": "live"},
        "AliasArn",
        {"Description": "of ada"},
        {"Name": "current"},
    ),
    "Allowed": Sample(
        "Lambda::Permission",
        {"FunctionName": ref("Work"), "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"},
        "Id",
        {},
        {"Principal": "s3.amazonaws.com"},
    ),
    "Queue": Sample("SQS::Queue", {}, "Arn QueueName QueueUrl", {"VisibilityTimeout": "40"}, {"QueueName": "another"}),
    "Source": Sample(
        "Lambda::EventSourceMapping",
        {"FunctionName": ref("Work"), "EventSourceArn": of("Queue")},
        "EventSourceMappingArn Id",
        {"BatchSize": 5},
    ),
    "Retries": Sample(
        "Lambda::EventInvokeConfig",
        {"FunctionName": ref("Work"), "Qualifier": "$LATEST", "MaximumRetryAttempts": "1"},
        "",
        {"MaximumRetryAttempts": 0},
    ),
    "Url": Sample(
        "Lambda::Url",
        {"TargetFunctionArn": of("Work"), "AuthType": "NONE"},
        "FunctionArn FunctionUrl",
        {"Cors": {"AllowOrigins": ["*"]}},
    ),
    "Gradual": Sample("CodeDeploy::Application", {"ComputePlatform": "Lambda"}, "", {"Tags": []}),
    "Deployments": Sample(
        "CodeDeploy::DeploymentGroup",
        {"ApplicationName": ref("Gradual"), "ServiceRoleArn": ROLE},
        "",
        {"DeploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce"},
    ),
    "Signing": Sample(
        "Lambda::CodeSigningConfig",
        {
            "AllowedPublishers": {
                "SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/any/abcdefghij"]
            }
        },
        "CodeSigningConfigArn CodeSigningConfigId",
        {"Description": "of ada"},
    ),
}
EVENTS: Group = {
    "Queue": Sample("SQS::Queue"),
    "QueuePolicy": Sample(
        "SQS::QueuePolicy",
        {"Queues": [ref("Queue")], "PolicyDocument": allow()},
        "Id",
        {"PolicyDocument": allow(action="sqs:SendMessage")},
    ),
    "Inline": Sample(
        "SQS::QueueInlinePolicy",
        {"Queue": ref("Queue"), "PolicyDocument": allow()},
        "",
        {"PolicyDocument": allow(action="sqs:SendMessage")},
    ),
    "Topic": Sample("SNS::Topic", {}, "TopicArn TopicName", {"DisplayName": "Ada"}, {"TopicName": "another"}),
    "TopicPolicy": Sample(
        "SNS::TopicPolicy",
        {"Topics": [ref("Topic")], "PolicyDocument": allow()},
        "Id",
        {"PolicyDocument": allow(action="sns:Publish")},
    ),
    "TopicInline": Sample(
        "SNS::TopicInlinePolicy",
        {"TopicArn": ref("Topic"), "PolicyDocument": allow()},
        "",
        {"PolicyDocument": allow(action="sns:Publish")},
    ),
    "Subscription": Sample(
        "SNS::Subscription",
        {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": of("Queue")},
        "Arn",
        {"RawMessageDelivery": "true"},
    ),
    "Bus": Sample("Events::EventBus", {"Name": "reports"}, "Arn Name", {"Description": "of ada"}, {"Name": "others"}),
    "BusPolicy": Sample(
        "Events::EventBusPolicy",
        {
            "EventBusName": ref("Bus"),
            "StatementId": "all",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "events:PutEvents",
                "Resource": of("Bus"),
            },
        },
    ),
    "Rule": Sample(
        "Events::Rule",
        {"EventBusName": ref("Bus"), "EventPattern": {"source": ["reports"]}},
        "Arn RuleName",
        {"State": "DISABLED", "Tags": [{"Key": "who", "Value": "ada"}]},
        {"Name": "another"},
    ),
    "Archive": Sample("Events::Archive", {"SourceArn": of("Bus")}, "Arn", {"RetentionDays": 3}),
    "Connection": Sample(
        "Events::Connection",
        {
            "AuthorizationType": "API_KEY",
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "key", "ApiKeyValue": "secret"}},
        },
        "Arn ArnForPolicy SecretArn",
        {"Description": "of ada"},
    ),
    "Destination": Sample(
        "Events::ApiDestination",
        {"ConnectionArn": of("Connection"), "HttpMethod": "POST", "InvocationEndpoint": "https://example.com"},
        "Arn ArnForPolicy",
        {"HttpMethod": "PUT"},
        {"Name": "another"},
    ),
}
PASS = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
MACHINES: Group = {
    "Lines": Sample("Logs::LogGroup", {}, "Arn", {"RetentionInDays": "7"}, {"LogGroupName": "another"}),
    "Stream": Sample("Logs::LogStream", {"LogGroupName": ref("Lines")}),
    "Counted": Sample(
        "Logs::MetricFilter",
        {
            "LogGroupName": ref("Lines"),
            "FilterPattern": "ERROR",
            "MetricTransformations": [{"MetricName": "errors", "MetricNamespace": "reports", "MetricValue": "1"}],
        },
        "",
        {"FilterPattern": "WARN"},
    ),
    "Delivered": Sample(
        "Logs::ResourcePolicy", {"PolicyName": "deliver", "PolicyDocument": "{}"}, "", {"PolicyDocument": '{"Id": "a"}'}
    ),
    "Query": Sample(
        "Logs::QueryDefinition",
        {"Name": "errors", "QueryString": "fields @message", "LogGroupNames": [ref("Lines")]},
        "QueryDefinitionId",
        {"QueryString": "fields @timestamp"},
    ),
    "Machine": Sample(
        "StepFunctions::StateMachine",
        {"RoleArn": ROLE, "Definition": PASS},
        "Arn Name StateMachineRevisionId",
        {"Definition": {**PASS, "Comment": "changed"}, "Tags": [{"Key": "who", "Value": "ada"}]},
    ),
    "First": Sample("StepFunctions::StateMachineVersion", {"StateMachineArn": ref("Machine")}, "Arn"),
    "Live": Sample(
        "StepFunctions::StateMachineAlias",
        {"Name": "live", "RoutingConfiguration": [{"StateMachineVersionArn": ref("First"), "Weight": 100}]},
        "Arn",
        {"Description": "of ada"},
    ),
    "Activity": Sample(
        "StepFunctions::Activity",
        {"Name": "work"},
        "Arn Name",
        {"Tags": [{"Key": "who", "Value": "ada"}]},
        {"Name": "another"},
    ),
}

GROUPS: dict[str, Group] = {"email": EMAIL, "time": TIME, "watching": WATCHING} | {
    "functions": FUNCTIONS,
    "events": EVENTS,
    "machines": MACHINES,
}


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


def test_layers_come_from_a_bucket_and_may_be_shared(emulator: RunningEmulator) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("python/shared.py", "NAME = 'ada'\n")
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="layers")
    s3.put_object(Bucket="layers", Key="layer.zip", Body=package.getvalue())
    shared = {"LayerVersionArn": ref("Layer"), "Action": "lambda:GetLayerVersion", "Principal": "*"}
    content = {"S3Bucket": "layers", "S3Key": "layer.zip"}
    live(
        emulator,
        {
            "Layer": Sample("Lambda::LayerVersion", {"Content": content}, "LayerVersionArn"),
            "Shared": Sample("Lambda::LayerVersionPermission", shared, "Id"),
        },
    )


def test_a_functions_lines_go_to_another_by_a_subscription(emulator: RunningEmulator) -> None:
    group = {
        "Lines": Sample("Logs::LogGroup"),
        "Work": FUNCTIONS["Work"],
        "Forwarded": Sample(
            "Logs::SubscriptionFilter",
            {"LogGroupName": ref("Lines"), "DestinationArn": of("Work"), "FilterPattern": "ERROR"},
            "",
            {"FilterPattern": "WARN"},
            {"FilterName": "another"},
        ),
    }
    live(emulator, group)


def test_a_function_with_a_deployment_preference_of_sam_leads_to_its_new_version_at_once(
    emulator: RunningEmulator,
) -> None:
    properties: dict[str, Any] = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "InlineCode": SOURCE,
        "AutoPublishAlias": "live",
        "DeploymentPreference": {"Type": "Canary10Percent5Minutes"},
    }
    work = {"Type": "AWS::Serverless::Function", "Properties": properties}
    text = template({"Work": work}, Transform="AWS::Serverless-2016-10-31")
    capable: dict[str, Any] = {"Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]}
    assert create(emulator, text, **capable)["StackStatus"] == "CREATE_COMPLETE"
    function = resources(emulator)["Work"]
    alias = emulator.client("lambda").get_alias(FunctionName=function, Name="live")
    assert (alias["FunctionVersion"], alias.get("RoutingConfig")) == ("1", None)


def test_every_type_has_a_sample() -> None:
    groups = [*GROUPS.values(), *delegated.GROUPS.values(), *parts.GROUPS.values(), *network.GROUPS.values()]
    sampled = {f"AWS::{sample.kind}" for group in groups for sample in group.values()}
    own = {name for name in table() if name.startswith(("AWS::CloudFormation::", "AWS::CDK::"))}
    elsewhere = {
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::LayerVersionPermission",
        "AWS::Logs::SubscriptionFilter",
    }
    assert sampled | own | elsewhere == set(table())
