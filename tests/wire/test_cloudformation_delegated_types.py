"""Types of delegated services: made from a small template, asked for all attributes, changed, replaced and deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, resources
from tests.wire.cloudformation_types import Group, Sample, allow, body, live, of, ref

ALL: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
LESS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}],
}
TAG = [{"Key": "who", "Value": "ada"}]

PEOPLE: Group = {
    "Pool": Sample(
        "Cognito::UserPool",
        {
            "AutoVerifiedAttributes": ["email"],
            "Policies": {"PasswordPolicy": {"MinimumLength": "10"}},
            "Schema": [{"Name": "email", "Required": True, "AttributeDataType": "String", "Mutable": True}],
        },
        "Arn ProviderName ProviderURL UserPoolId",
        {"Policies": {"PasswordPolicy": {"MinimumLength": 12}}, "UserPoolTags": {"who": "ada"}},
    ),
    "Client": Sample(
        "Cognito::UserPoolClient",
        {"UserPoolId": ref("Pool"), "GenerateSecret": True, "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]},
        "ClientId ClientSecret Name",
        {"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]},
        {"GenerateSecret": False},
    ),
    "Domain": Sample(
        "Cognito::UserPoolDomain", {"UserPoolId": ref("Pool"), "Domain": "reports"}, "", {"ManagedLoginVersion": 1}
    ),
    "Admins": Sample(
        "Cognito::UserPoolGroup", {"UserPoolId": ref("Pool")}, "", {"Precedence": "3"}, {"GroupName": "admins"}
    ),
    "Ada": Sample(
        "Cognito::UserPoolUser",
        {
            "UserPoolId": ref("Pool"),
            "Username": "ada@example.com",
            "MessageAction": "SUPPRESS",
            "UserAttributes": [{"Name": "email", "Value": "ada@example.com"}],
        },
    ),
    "Member": Sample(
        "Cognito::UserPoolUserToGroupAttachment",
        {"UserPoolId": ref("Pool"), "GroupName": ref("Admins"), "Username": ref("Ada")},
        replaced_by={"GroupName": "admins"},
        depends_on=["Admins"],
    ),
    "Server": Sample(
        "Cognito::UserPoolResourceServer",
        {
            "UserPoolId": ref("Pool"),
            "Identifier": "reports",
            "Name": "Reports",
            "Scopes": [{"ScopeName": "read", "ScopeDescription": "to read"}],
        },
    ),
    "Elsewhere": Sample(
        "Cognito::UserPoolIdentityProvider",
        {
            "UserPoolId": ref("Pool"),
            "ProviderName": "Google",
            "ProviderType": "Google",
            "ProviderDetails": {"client_id": "x", "client_secret": "y", "authorize_scopes": "email"},
        },
        "",
        {"AttributeMapping": {"email": "email"}},
    ),
    "Identities": Sample(
        "Cognito::IdentityPool",
        {"AllowUnauthenticatedIdentities": "true"},
        "Id Name",
        {"AllowUnauthenticatedIdentities": False},
    ),
    "Roles": Sample(
        "Cognito::IdentityPoolRoleAttachment",
        {"IdentityPoolId": ref("Identities"), "Roles": {"authenticated": "arn:aws:iam::000000000000:role/any"}},
        "Id",
        {"Roles": {}},
    ),
}
TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
PERMISSIONS: Group = {
    "Role": Sample(
        "IAM::Role",
        {"AssumeRolePolicyDocument": TRUST, "Policies": [{"PolicyName": "all", "PolicyDocument": ALL}]},
        "Arn RoleId",
        {"Description": "of a story", "Policies": [], "Tags": TAG},
    ),
    "Inline": Sample(
        "IAM::RolePolicy",
        {"RoleName": ref("Role"), "PolicyName": "inline", "PolicyDocument": ALL},
        "",
        {"PolicyDocument": LESS},
        {"PolicyName": "another"},
    ),
    "Shared": Sample(
        "IAM::Policy",
        {"PolicyName": "shared", "PolicyDocument": ALL, "Roles": [ref("Role")], "Users": [ref("Ada")]},
        "",
        {"PolicyDocument": LESS, "Users": []},
    ),
    "Managed": Sample(
        "IAM::ManagedPolicy",
        {"PolicyDocument": ALL, "Roles": [ref("Role")]},
        "AttachmentCount CreateDate DefaultVersionId IsAttachable PermissionsBoundaryUsageCount PolicyArn PolicyId"
        " UpdateDate",
        {"PolicyDocument": LESS},
        {"Description": "another"},
    ),
    "Profile": Sample("IAM::InstanceProfile", {"Roles": [ref("Role")]}, "Arn"),
    "Ada": Sample("IAM::User", {"LoginProfile": {"Password": "Secret-1234"}}, "Arn", {"Tags": TAG}),
    "OfAda": Sample(
        "IAM::UserPolicy",
        {"UserName": ref("Ada"), "PolicyName": "inline", "PolicyDocument": ALL},
        "",
        {"PolicyDocument": LESS},
    ),
    "Key": Sample("IAM::AccessKey", {"UserName": ref("Ada")}, "SecretAccessKey", {"Status": "Inactive"}, {"Serial": 2}),
    "Writers": Sample("IAM::Group", {}, "Arn", {"ManagedPolicyArns": [ref("Managed")]}),
    "OfWriters": Sample(
        "IAM::GroupPolicy",
        {"GroupName": ref("Writers"), "PolicyName": "inline", "PolicyDocument": ALL},
        "",
        {"PolicyDocument": LESS},
    ),
    "Members": Sample("IAM::UserToGroupAddition", {"GroupName": ref("Writers"), "Users": [ref("Ada")]}, "Id"),
    "Provider": Sample(
        "IAM::OIDCProvider",
        {"Url": "https://token.example.com", "ClientIdList": ["sts.amazonaws.com"], "ThumbprintList": ["a" * 40]},
        "Arn",
        {"ThumbprintList": ["b" * 40], "Tags": TAG},
        {"Url": "https://other.example.com"},
    ),
    "Saml": Sample(
        "IAM::SAMLProvider",
        {"SamlMetadataDocument": "<a>" + "x" * 1000 + "</a>"},
        "Arn SamlProviderUUID",
        {"SamlMetadataDocument": "<b>" + "x" * 1000 + "</b>"},
    ),
    "OfService": Sample(
        "IAM::ServiceLinkedRole",
        {"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "story"},
        "RoleName",
        {"Description": "of a service"},
    ),
}
KEYS = [{"AttributeName": "id", "KeyType": "HASH"}]
DATA: Group = {
    "Table": Sample(
        "DynamoDB::Table",
        {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": KEYS,
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        },
        "Arn StreamArn",
        {"TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}, "Tags": TAG},
        {"TableName": "another"},
    ),
    "Everywhere": Sample(
        "DynamoDB::GlobalTable",
        {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": KEYS,
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "WriteProvisionedThroughputSettings": {
                "WriteCapacityAutoScalingSettings": {
                    "MinCapacity": 3,
                    "MaxCapacity": 9,
                    "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70},
                }
            },
            "Replicas": [{"Region": "us-east-1", "Tags": TAG}],
        },
        "Arn StreamArn TableId",
        {"TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}},
        {"TableName": "everywhere"},
    ),
    "Scaled": Sample(
        "ApplicationAutoScaling::ScalableTarget",
        {
            "ServiceNamespace": "dynamodb",
            "ScalableDimension": "dynamodb:table:WriteCapacityUnits",
            "ResourceId": {"Fn::Sub": "table/${Table}"},
            "MinCapacity": 1,
            "MaxCapacity": "5",
            "RoleARN": "arn:aws:iam::000000000000:role/any",
        },
        "Id",
        {"MaxCapacity": 6},
    ),
    "Scaling": Sample(
        "ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": "writes",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": ref("Scaled"),
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 50,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"},
            },
        },
        "Arn",
        {
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 60,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"},
            }
        },
    ),
    "Bucket": Sample(
        "S3::Bucket",
        {"VersioningConfiguration": {"Status": "Enabled"}},
        "Arn DomainName DualStackDomainName RegionalDomainName WebsiteURL",
        {"Tags": TAG},
        {"BucketName": "another-bucket"},
    ),
    "Readers": Sample(
        "S3::BucketPolicy",
        {"Bucket": ref("Bucket"), "PolicyDocument": allow({"Fn::Sub": "${Bucket.Arn}/*"}, action="s3:GetObject")},
        "",
        {"PolicyDocument": allow({"Fn::Sub": "${Bucket.Arn}/*"}, action="s3:*")},
    ),
    "Delivery": Sample(
        "KinesisFirehose::DeliveryStream",
        {
            "ExtendedS3DestinationConfiguration": {
                "BucketARN": of("Bucket"),
                "RoleARN": "arn:aws:iam::000000000000:role/any",
                "BufferingHints": {"IntervalInSeconds": "60", "SizeInMBs": 1},
            }
        },
        "Arn",
        {
            "ExtendedS3DestinationConfiguration": {
                "BucketARN": of("Bucket"),
                "RoleARN": "arn:aws:iam::000000000000:role/any",
                "Prefix": "in/",
            },
            "Tags": TAG,
        },
        {"DeliveryStreamName": "another"},
    ),
    "Stream": Sample("Kinesis::Stream", {"ShardCount": "1"}, "Arn", {"RetentionPeriodHours": 48}),
    "Consumer": Sample(
        "Kinesis::StreamConsumer",
        {"ConsumerName": "reports", "StreamARN": of("Stream")},
        "ConsumerARN ConsumerCreationTimestamp ConsumerName ConsumerStatus StreamARN",
        {},
        {"ConsumerName": "another"},
    ),
    "Lines": Sample(
        "Logs::Destination",
        {
            "DestinationName": "lines",
            "RoleArn": "arn:aws:iam::000000000000:role/any",
            "TargetArn": of("Stream"),
            "DestinationPolicy": json.dumps(allow(action="logs:PutSubscriptionFilter")),
        },
        "Arn",
        {"RoleArn": "arn:aws:iam::000000000000:role/another"},
    ),
    "Images": Sample("ECR::Repository", {}, "Arn RepositoryUri", {"RepositoryPolicyText": allow()}),
}
SECRETS: Group = {
    "Secret": Sample(
        "SecretsManager::Secret", {"GenerateSecretString": {"PasswordLength": 8}}, "Id", {"Description": "of ada"}
    ),
    "Allowed": Sample(
        "SecretsManager::ResourcePolicy",
        {"SecretId": ref("Secret"), "ResourcePolicy": allow()},
        "Id",
        {"ResourcePolicy": allow(action="secretsmanager:GetSecretValue")},
    ),
    "Rotation": Sample(
        "SecretsManager::RotationSchedule",
        {"SecretId": ref("Secret"), "RotationRules": {"AutomaticallyAfterDays": 30}},
        "Id",
        {"RotationRules": {"AutomaticallyAfterDays": 60}},
    ),
    "Parameter": Sample(
        "SSM::Parameter",
        {"Type": "String", "Value": "first"},
        "Arn Type Value",
        {"Value": "second", "Tags": {"who": "ada"}},
        {"Name": "/another"},
    ),
    "Encryption": Sample("KMS::Key", {"KeyPolicy": allow()}, "Arn KeyId", {"Description": "of ada"}),
    "Alias": Sample(
        "KMS::Alias",
        {"AliasName": "alias/story", "TargetKeyId": ref("Encryption")},
        "",
        {},
        {"AliasName": "alias/another"},
    ),
}
NAMES: Group = {
    "Zone": Sample(
        "Route53::HostedZone",
        {"Name": "example.com"},
        "Id",
        {"HostedZoneConfig": {"Comment": "of ada"}, "HostedZoneTags": TAG},
    ),
    "Record": Sample(
        "Route53::RecordSet",
        {
            "HostedZoneId": ref("Zone"),
            "Name": "api.example.com.",
            "Type": "CNAME",
            "TTL": "300",
            "ResourceRecords": ["old.example.com"],
        },
        "",
        {"ResourceRecords": ["new.example.com"]},
    ),
    "Records": Sample(
        "Route53::RecordSetGroup",
        {
            "HostedZoneName": "example.com.",
            "RecordSets": [
                {"Name": "a.example.com", "Type": "A", "TTL": 60, "ResourceRecords": ["10.0.0.1"]},
                {"Name": "b.example.com", "Type": "A", "TTL": 60, "ResourceRecords": ["10.0.0.2"]},
            ],
        },
        "Id",
        {"RecordSets": [{"Name": "a.example.com", "Type": "A", "TTL": 60, "ResourceRecords": ["10.0.0.3"]}]},
        depends_on=["Zone"],
    ),
    "Certificate": Sample(
        "CertificateManager::Certificate",
        {"DomainName": "api.example.com", "ValidationMethod": "DNS"},
        "CertificateArn",
        {"Tags": TAG},
        {"DomainName": "other.example.com"},
    ),
}
GROUPS: dict[str, Group] = {
    "people": PEOPLE,
    "permissions": PERMISSIONS,
    "data": DATA,
    "secrets": SECRETS,
    "names": NAMES,
}


@pytest.mark.parametrize("name", GROUPS)
def test_resources_are_made_changed_replaced_and_deleted(emulator: RunningEmulator, name: str) -> None:
    live(emulator, GROUPS[name])


def test_the_members_of_a_pools_group_are_those_of_the_template(emulator: RunningEmulator) -> None:
    group = {name: PEOPLE[name] for name in ("Pool", "Admins", "Ada", "Member")}
    create(emulator, body(group))
    ids = resources(emulator)
    cognito = emulator.client("cognito-idp")
    [user] = cognito.list_users_in_group(UserPoolId=ids["Pool"], GroupName=ids["Admins"])["Users"]
    assert {"Name": "email", "Value": "ada@example.com"} in user["Attributes"]


def test_a_bucket_writes_its_access_log_to_one_whose_policy_comes_later(emulator: RunningEmulator) -> None:
    """As CDK writes them: the log bucket's policy names the bucket, and so is made after it."""
    logged = {"Type": "AWS::S3::Bucket", "Properties": {"LoggingConfiguration": {"DestinationBucketName": ref("Logs")}}}
    allowed = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Resource": "*",
        "Condition": {"ArnLike": {"aws:SourceArn": {"Fn::GetAtt": ["Data", "Arn"]}}},
    }
    policy = {"Bucket": ref("Logs"), "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]}}
    parts: dict[str, Any] = {"Logs": {"Type": "AWS::S3::Bucket"}, "Data": logged}
    parts["Policy"] = {"Type": "AWS::S3::BucketPolicy", "Properties": policy}
    assert create(emulator, json.dumps({"Resources": parts}))["StackStatus"] == "CREATE_COMPLETE"
