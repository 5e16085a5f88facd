"""Tables, buckets, parameters, secrets, keys, streams, policies, rules and HTTP APIs as resources of one stack."""

from __future__ import annotations

import copy
import json
from typing import Any

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, resources, settled, template, update


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def of(name: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


def allow(resource_arn: Any = "*", principal: Any = "*", action: str = "*") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource_arn}
    return {"Version": "2012-10-17", "Statement": [statement]}


OPENAPI = {
    "openapi": "3.0.1",
    "info": {"title": "imported", "version": "1"},
    "paths": {
        "/y": {
            "get": {
                "responses": {},
                "x-amazon-apigateway-integration": {
                    "type": "http_proxy",
                    "httpMethod": "GET",
                    "uri": "https://example.com",
                    "payloadFormatVersion": "1.0",
                },
            }
        }
    },
}
STACK: dict[str, Any] = {
    "Table": resource(
        "DynamoDB::Table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamViewType": "NEW_IMAGE"},
        TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    ),
    "Bucket": resource(
        "S3::Bucket",
        VersioningConfiguration={"Status": "Enabled"},
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
        CorsConfiguration={"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 3}]},
        LifecycleConfiguration={"Rules": [{"Id": "x", "Status": "Enabled", "ExpirationInDays": 3}]},
        WebsiteConfiguration={"IndexDocument": "index.html"},
        NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        Tags=[{"Key": "who", "Value": "ada"}],
    ),
    "BucketPolicy": resource(
        "S3::BucketPolicy",
        Bucket=ref("Bucket"),
        PolicyDocument=allow({"Fn::Sub": "${Bucket.Arn}/*"}, action="s3:GetObject"),
    ),
    "Parameter": resource("SSM::Parameter", Type="String", Value="first"),
    "Secret": resource(
        "SecretsManager::Secret",
        GenerateSecretString={
            "SecretStringTemplate": '{"user": "ada"}',
            "GenerateStringKey": "password",
            "PasswordLength": 20,
        },
    ),
    "Encryption": resource("KMS::Key", KeyPolicy=allow(), EnableKeyRotation=True),
    "EncryptionAlias": resource("KMS::Alias", AliasName="alias/reports", TargetKeyId=ref("Encryption")),
    "Stream": resource("Kinesis::Stream", ShardCount=1, RetentionPeriodHours=48),
    "Images": resource("ECR::Repository"),
    "Queue": resource("SQS::Queue"),
    "QueuePolicy": resource("SQS::QueuePolicy", Queues=[ref("Queue")], PolicyDocument=allow()),
    "Topic": resource("SNS::Topic"),
    "TopicPolicy": resource("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument=allow()),
    "Subscription": resource(
        "SNS::Subscription",
        TopicArn=ref("Topic"),
        Protocol="sqs",
        Endpoint=of("Queue", "Arn"),
        RawMessageDelivery=True,
        FilterPolicy={"kind": ["before"]},
    ),
    "Bus": resource("Events::EventBus", Name="reports"),
    "Rule": resource(
        "Events::Rule",
        EventBusName=ref("Bus"),
        EventPattern={"source": ["reports"]},
        Targets=[{"Id": "before", "Arn": of("Queue", "Arn")}],
    ),
    "Archive": resource("Events::Archive", SourceArn=of("Bus", "Arn"), RetentionDays=3),
    "Connection": resource(
        "Events::Connection",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "key", "ApiKeyValue": "secret"}},
    ),
    "Destination": resource(
        "Events::ApiDestination",
        ConnectionArn=of("Connection", "Arn"),
        HttpMethod="POST",
        InvocationEndpoint="https://example.com",
    ),
    "Http": resource("ApiGatewayV2::Api", Name="http", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["*"]}),
    "Backend": resource(
        "ApiGatewayV2::Integration",
        ApiId=ref("Http"),
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri="https://example.com",
        PayloadFormatVersion="1.0",
    ),
    "Route": resource(
        "ApiGatewayV2::Route",
        ApiId=ref("Http"),
        RouteKey="GET /before",
        Target={"Fn::Sub": "integrations/${Backend}"},
    ),
    "Stage": resource("ApiGatewayV2::Stage", ApiId=ref("Http"), StageName="$default", AutoDeploy=True),
    "Imported": resource("ApiGatewayV2::Api", Body=OPENAPI, Description="from a document"),
    "Policy": resource(
        "IAM::ManagedPolicy",
        PolicyDocument={
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
        },
    ),
    "User": resource("IAM::User", ManagedPolicyArns=[ref("Policy")]),
    "AccessKey": resource("IAM::AccessKey", UserName=ref("User")),
}
CAPABLE = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}


def changed() -> dict[str, Any]:
    after = copy.deepcopy(STACK)
    for name, properties in {
        "Bucket": {"VersioningConfiguration": {"Status": "Suspended"}, "CorsConfiguration": None},
        "Parameter": {"Value": "second"},
        "Secret": {"Description": "of ada"},
        "Encryption": {"EnableKeyRotation": False},
        "Stream": {"RetentionPeriodHours": 24},
        "Subscription": {"FilterPolicy": {"kind": ["after"]}},
        "Bus": {"Description": "of reports"},
        "Rule": {"Targets": [{"Id": "after", "Arn": of("Queue", "Arn")}]},
        "Archive": {"RetentionDays": 4},
        "Destination": {"HttpMethod": "PUT"},
        "Http": {"CorsConfiguration": {"AllowOrigins": ["https://example.com"]}},
        "Route": {"RouteKey": "GET /after"},
        "Stage": {"StageVariables": {"name": "ada"}},
        "User": {"ManagedPolicyArns": []},
    }.items():
        given = after[name]["Properties"]
        given.update(properties)
        after[name]["Properties"] = {key: value for key, value in given.items() if value is not None}
    return after


def test_supporting_resources_are_made_changed_in_place_and_taken_away(emulator: RunningEmulator) -> None:
    outputs = {
        "StreamArn": {"Value": of("Table", "StreamArn")},
        "Website": {"Value": of("Bucket", "WebsiteURL")},
        "Rule": {"Value": ref("Rule")},
    }
    stack = create(emulator, template(STACK, Outputs=outputs), **CAPABLE)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    ids = resources(emulator)
    shown = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert shown["StreamArn"].startswith(f"arn:aws:dynamodb:us-east-1:000000000000:table/{ids['Table']}/stream/")
    assert shown["Website"] == f"http://{ids['Bucket']}.s3-website-us-east-1.amazonaws.com"
    assert shown["Rule"] == f"reports|{ids['Rule']}"
    s3, sns, events = emulator.client("s3"), emulator.client("sns"), emulator.client("events")
    secret = emulator.client("secretsmanager").get_secret_value(SecretId=ids["Secret"])["SecretString"]
    assert (json.loads(secret)["user"], len(json.loads(secret)["password"])) == ("ada", 20)
    assert s3.get_bucket_cors(Bucket=ids["Bucket"])["CORSRules"][0]["MaxAgeSeconds"] == 3
    assert s3.get_bucket_tagging(Bucket=ids["Bucket"])["TagSet"] == [{"Key": "who", "Value": "ada"}]

    stack = update(emulator, template(changed(), Outputs=outputs), **CAPABLE)
    assert stack["StackStatus"] == "UPDATE_COMPLETE", stack.get("StackStatusReason")
    assert resources(emulator) == ids
    assert s3.get_bucket_versioning(Bucket=ids["Bucket"])["Status"] == "Suspended"
    assert emulator.client("ssm").get_parameter(Name=ids["Parameter"])["Parameter"]["Value"] == "second"
    attributes = sns.get_subscription_attributes(SubscriptionArn=ids["Subscription"])["Attributes"]
    assert (attributes["FilterPolicy"], attributes["RawMessageDelivery"]) == ('{"kind":["after"]}', "true")
    [target] = events.list_targets_by_rule(Rule=ids["Rule"], EventBusName="reports")["Targets"]
    assert target["Id"] == "after"
    routes = emulator.client("apigatewayv2").get_routes(ApiId=ids["Http"])["Items"]
    assert [route["RouteKey"] for route in routes] == ["GET /after"]

    emulator.client("cloudformation").delete_stack(StackName="demo")
    assert settled(emulator, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert emulator.client("dynamodb").list_tables()["TableNames"] == []
    assert s3.list_buckets()["Buckets"] == []
    assert emulator.client("apigatewayv2").get_apis()["Items"] == []
