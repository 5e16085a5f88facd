"""Types around functions in a network, firewalls and tables of data: made, asked, changed, replaced and deleted."""

from __future__ import annotations

import pytest

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_types import Group, Sample, live, of, ref

TAG = [{"Key": "who", "Value": "ada"}]

NETWORK: Group = {
    "Vpc": Sample(
        "EC2::VPC",
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": "true", "Tags": TAG},
        "VpcId CidrBlock DefaultSecurityGroup DefaultNetworkAcl",
        {"EnableDnsHostnames": False, "Tags": []},
    ),
    "Subnet": Sample(
        "EC2::Subnet",
        {
            "VpcId": ref("Vpc"),
            "CidrBlock": "10.0.1.0/24",
            "AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
        },
        "SubnetId VpcId AvailabilityZone CidrBlock",
        {"MapPublicIpOnLaunch": True, "Tags": TAG},
    ),
    "Gateway": Sample("EC2::InternetGateway", {}, "InternetGatewayId", {"Tags": TAG}),
    "Attached": Sample("EC2::VPCGatewayAttachment", {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")}),
    "Table": Sample("EC2::RouteTable", {"VpcId": ref("Vpc")}, "RouteTableId"),
    "Out": Sample(
        "EC2::Route",
        {"RouteTableId": ref("Table"), "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ref("Gateway")},
        "CidrBlock",
        depends_on=["Attached"],
    ),
    "Of": Sample("EC2::SubnetRouteTableAssociation", {"RouteTableId": ref("Table"), "SubnetId": ref("Subnet")}, "Id"),
    "Address": Sample("EC2::EIP", {"Domain": "vpc"}, "AllocationId PublicIp", depends_on=["Attached"]),
    "Nat": Sample(
        "EC2::NatGateway",
        {"AllocationId": of("Address", "AllocationId"), "SubnetId": ref("Subnet"), "Tags": TAG},
        "NatGatewayId",
        {"Tags": []},
    ),
    "Group": Sample(
        "EC2::SecurityGroup",
        {
            "GroupDescription": "functions",
            "VpcId": ref("Vpc"),
            "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": "443", "ToPort": 443, "CidrIp": "10.0.0.0/8"}],
            "SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0", "Description": "all"}],
        },
        "GroupId VpcId",
        {"SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8"}]},
        {"GroupDescription": "others"},
    ),
    "Own": Sample(
        "EC2::SecurityGroupIngress",
        {"GroupId": ref("Group"), "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
        | {"SourceSecurityGroupId": ref("Group")},
        "Id",
    ),
    "Door": Sample(
        "EC2::SecurityGroupEgress",
        {"GroupId": ref("Group"), "IpProtocol": "tcp", "FromPort": 25, "ToPort": 25, "CidrIp": "10.0.0.0/8"},
        "Id",
    ),
    "Files": Sample("EFS::FileSystem"),
    "Mount": Sample(
        "EFS::MountTarget",
        {
            "FileSystemId": ref("Files"),
            "SubnetId": ref("Subnet"),
            "SecurityGroups": [of("Vpc", "DefaultSecurityGroup")],
        },
        "Id",
    ),
    "Tables": Sample(
        "EC2::VPCEndpoint",
        {
            "VpcId": ref("Vpc"),
            "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.dynamodb"},
            "RouteTableIds": [ref("Table")],
        },
        "Id",
        {"Tags": TAG},
    ),
}

_SEEN = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": "true", "MetricName": "m"}
AROUND: Group = {
    "Known": Sample(
        "WAFv2::IPSet",
        {"Scope": "REGIONAL", "IPAddressVersion": "IPV4", "Addresses": ["10.0.0.0/8"]},
        "Arn Id",
        {"Addresses": []},
    ),
    "Wall": Sample(
        "WAFv2::WebACL",
        {
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "VisibilityConfig": _SEEN,
            "Rules": [
                {
                    "Name": "known",
                    "Priority": "0",
                    "Statement": {"IPSetReferenceStatement": {"Arn": of("Known")}},
                    "Action": {"Block": {}},
                    "VisibilityConfig": _SEEN,
                }
            ],
        },
        "Arn Id Capacity LabelNamespace",
        {"Description": "other"},
    ),
    "Door": Sample("WAFv2::WebACLAssociation", {"WebACLArn": of("Wall"), "ResourceArn": "arn:aws:apigateway:x"}),
    "Catalogue": Sample(
        "Glue::Database",
        {"CatalogId": ref("AWS::AccountId"), "DatabaseInput": {"Name": "sales"}},
        after={"DatabaseInput": {"Name": "sales", "Description": "of all"}},
    ),
    "Rows": Sample(
        "Glue::Table",
        {
            "CatalogId": ref("AWS::AccountId"),
            "DatabaseName": ref("Catalogue"),
            "TableInput": {"Name": "rows", "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "string"}]}},
        },
        "",
        {"TableInput": {"Name": "rows", "TableType": "EXTERNAL_TABLE"}},
    ),
    "Group": Sample("Athena::WorkGroup", {"Name": "people", "Description": "all"}, "", {"Description": "some"}),
    "Query": Sample("Athena::NamedQuery", {"Database": ref("Catalogue"), "QueryString": "SELECT 1"}, "NamedQueryId"),
    "Graph": Sample(
        "AppSync::GraphQLApi",
        {"Name": "graph", "AuthenticationType": "API_KEY"},
        "ApiId Arn GraphQLUrl GraphQLDns",
        {"XrayEnabled": True},
    ),
    "Key": Sample("AppSync::ApiKey", {"ApiId": of("Graph", "ApiId")}, "ApiKey Arn"),
    "Schema": Sample(
        "AppSync::GraphQLSchema", {"ApiId": of("Graph", "ApiId"), "Definition": "type Query { a: String }"}, "Id"
    ),
    "Source": Sample(
        "AppSync::DataSource", {"ApiId": of("Graph", "ApiId"), "Name": "none", "Type": "NONE"}, "DataSourceArn Name"
    ),
    "Control": Sample(
        "CloudFront::OriginAccessControl",
        {
            "OriginAccessControlConfig": {
                "Name": "site",
                "OriginAccessControlOriginType": "s3",
                "SigningBehavior": "always",
                "SigningProtocol": "sigv4",
            }
        },
        "Id",
    ),
    "Site": Sample(
        "CloudFront::Distribution",
        {
            "DistributionConfig": {
                "Enabled": True,
                "DefaultRootObject": "index.html",
                "Origins": [
                    {
                        "Id": "site",
                        "DomainName": "site.s3.amazonaws.com",
                        "OriginAccessControlId": of("Control", "Id"),
                        "S3OriginConfig": {"OriginAccessIdentity": ""},
                    }
                ],
                "DefaultCacheBehavior": {
                    "TargetOriginId": "site",
                    "ViewerProtocolPolicy": "redirect-to-https",
                    "AllowedMethods": ["GET", "HEAD"],
                    "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
                },
            }
        },
        "Id DomainName",
    ),
    "Files": Sample("EFS::FileSystem", {"Encrypted": True}, "Arn FileSystemId"),
    "Point": Sample("EFS::AccessPoint", {"FileSystemId": ref("Files")}, "AccessPointId Arn"),
    "Cluster": Sample("ECS::Cluster", {}, "Arn", {"ClusterSettings": [{"Name": "containerInsights", "Value": "on"}]}),
    "Task": Sample(
        "ECS::TaskDefinition",
        {"Family": "job", "ContainerDefinitions": [{"Name": "main", "Image": "busybox", "Memory": "128"}]},
        "TaskDefinitionArn",
    ),
    "Document": Sample(
        "SSM::Document",
        {
            "DocumentType": "Command",
            "Content": {
                "schemaVersion": "2.2",
                "description": "nothing",
                "mainSteps": [{"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["true"]}}],
            },
        },
    ),
}

KEPT: Group = {
    "Traces": Sample("XRay::Group", {"GroupName": "traces"}, "GroupARN"),
    "Group": Sample(
        "ResourceGroups::Group",
        {"Name": {"Fn::Sub": "ApplicationInsights-SAM-${AWS::StackName}"}}
        | {"ResourceQuery": {"Type": "CLOUDFORMATION_STACK_1_0"}},
        "Arn",
    ),
    "Insights": Sample(
        "ApplicationInsights::Application",
        {"ResourceGroupName": ref("Group"), "AutoConfigurationEnabled": "true"},
        "ApplicationARN",
        {"AutoConfigurationEnabled": False},
    ),
    "Both": Sample("CloudWatch::CompositeAlarm", {"AlarmRule": "ALARM(a) AND ALARM(b)"}, "Arn"),
}

NAMES: Group = {
    "Rule": Sample("XRay::SamplingRule", {}, "RuleARN"),
    "Odd": Sample("CloudWatch::AnomalyDetector", {"MetricName": "m"}, "Id"),
    "Top": Sample(
        "CloudWatch::InsightRule", {"RuleName": "top", "RuleState": "ENABLED", "RuleBody": "{}"}, "Arn RuleName"
    ),
    "Money": Sample("Budgets::Budget", {"Budget": {"BudgetType": "COST", "TimeUnit": "MONTHLY"}}),
    "Schemas": Sample("EventSchemas::Registry", {}, "RegistryArn RegistryName", {"Description": "all"}),
    "Finder": Sample("EventSchemas::Discoverer", {"SourceArn": "arn:aws:events:x"}, "DiscovererArn DiscovererId"),
    "Field": Sample(
        "AppSync::Resolver", {"ApiId": "a", "TypeName": "Query", "FieldName": "f"}, "ResolverArn TypeName FieldName"
    ),
    "Function": Sample(
        "AppSync::FunctionConfiguration",
        {"ApiId": "a", "Name": "f", "DataSourceName": "none"},
        "FunctionArn FunctionId Name DataSourceName",
    ),
    "Identity": Sample(
        "CloudFront::CloudFrontOriginAccessIdentity",
        {"CloudFrontOriginAccessIdentityConfig": {"Comment": "site"}},
        "Id S3CanonicalUserId",
    ),
    "Cache": Sample("CloudFront::CachePolicy", {"CachePolicyConfig": {"Name": "c"}}, "Id"),
    "Requests": Sample("CloudFront::OriginRequestPolicy", {"OriginRequestPolicyConfig": {"Name": "o"}}, "Id"),
    "Headers": Sample("CloudFront::ResponseHeadersPolicy", {"ResponseHeadersPolicyConfig": {"Name": "h"}}, "Id"),
    "Trail": Sample("CloudTrail::Trail", {"IsLogging": True, "S3BucketName": "logs"}, "Arn", {"IsLogging": False}),
    "Line": Sample("CodePipeline::Pipeline", {"RoleArn": "arn:aws:iam::1:role/r", "Stages": []}, "Version"),
    "Queue": Sample("Batch::JobQueue", {"Priority": 1}, "JobQueueArn", {"Priority": 2}),
    "Job": Sample("Batch::JobDefinition", {"Type": "container"}, "JobDefinitionArn"),
    "Place": Sample("Batch::ComputeEnvironment", {"Type": "MANAGED"}, "ComputeEnvironmentArn"),
    "Topic": Sample("IoT::TopicRule", {"TopicRulePayload": {"Sql": "SELECT *", "Actions": []}}, "Arn"),
    "Thing": Sample("IoT::Thing", {}, "Arn Id", {"AttributePayload": {"Attributes": {}}}, {"ThingName": "other"}),
    "Policy": Sample("IoT::Policy", {"PolicyDocument": {"Statement": []}}, "Arn Id"),
    "Seen": Sample("WAFv2::LoggingConfiguration", {"ResourceArn": "arn:aws:wafv2:x", "LogDestinationConfigs": ["a"]}),
    "Words": Sample("WAFv2::RegexPatternSet", {"RegularExpressionList": ["a"], "Scope": "REGIONAL"}, "Arn Id"),
    "Crawler": Sample("Glue::Crawler", {"Role": "r", "Targets": {}}),
    "Worker": Sample("Glue::Job", {"Role": "r", "Command": {"Name": "glueetl"}}),
    "Flow": Sample("EC2::FlowLog", {"ResourceId": "vpc-1", "ResourceType": "VPC"}, "Id"),
}

GROUPS = {"names": NAMES, "network": NETWORK, "around": AROUND, "kept": KEPT}


@pytest.mark.parametrize("name", GROUPS)
def test_resources_are_made_changed_replaced_and_deleted(emulator: RunningEmulator, name: str) -> None:
    live(emulator, GROUPS[name])
