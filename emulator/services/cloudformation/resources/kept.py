"""Types that are names here and nothing else: dashboards of others, budgets, caches and the like.

Templates that have them deploy, and what refers to them gets ids and ARNs of AWS's form; no operation knows them, and
nothing they would do is done (docs/compatibility.md says so).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation.model import derived_uuid, unique_letters
from emulator.services.cloudformation.resources.simple import without_change
from emulator.services.cloudformation.resources.types import (
    Handler,
    Made,
    NameForm,
    ResourceType,
    Steps,
    Subject,
    words,
)
from emulator.services.cloudformation.resources.values import text_of


def _kept(
    name: str,
    physical_id: str,
    *,
    properties: str,
    required: str = "",
    replaces: str = "",
    named_by: str = "",
    attributes: Mapping[str, str] | None = None,
    inner: str = "",
) -> ResourceType:
    """A row whose ids are written out: `{id}` in attributes, `{name}`, `{letters}`, `{uuid}`, `{region}`, `{account}`
    and properties in all of them. `inner` is a property that may hold the name.
    """
    return ResourceType(
        name=name,
        service="",
        properties=words(properties),
        required=words(required),
        replaces=words(replaces),
        named_by=named_by,
        name_form=NameForm(100),
        create=_naming(physical_id, attributes or {}, inner),
        update=without_change,
        delete=_forget,
    )


def _naming(physical_id: str, attributes: Mapping[str, str], inner: str) -> Handler:
    def create(it: Subject) -> Steps:
        words: dict[str, Any] = {
            **{name: text_of(value) for name, value in it.properties.items()},
            "name": it.name if it.is_named else (it.get(inner) or {}).get("Name") or it.name,
            "letters": unique_letters(it.token),
            "uuid": derived_uuid(it.token),
            "region": it.scope.region,
            "account": it.scope.account,
        }
        words["id"] = physical_id.format_map(words)
        return Made(words["id"], {name: text.format_map(words) for name, text in attributes.items()})
        yield

    return create


def _forget(it: Subject) -> Generator[Any, Json, Made | None]:
    return None
    yield


TYPES = [
    _kept(
        "AWS::XRay::Group",
        "arn:aws:xray:{region}:{account}:group/{name}/{letters}",
        properties="FilterExpression GroupName InsightsConfiguration Tags",
        required="GroupName",
        named_by="GroupName",
        attributes={"GroupARN": "{id}"},
    ),
    _kept(
        "AWS::XRay::SamplingRule",
        "arn:aws:xray:{region}:{account}:sampling-rule/{name}",
        properties="RuleName SamplingRule SamplingRuleRecord SamplingRuleUpdate Tags",
        attributes={"RuleARN": "{id}"},
    ),
    _kept(
        "AWS::ResourceGroups::Group",
        "{name}",
        properties="Configuration Description Name ResourceQuery Resources Tags",
        required="Name",
        replaces="Name",
        named_by="Name",
        attributes={"Arn": "arn:aws:resource-groups:{region}:{account}:group/{name}"},
    ),
    _kept(
        "AWS::ApplicationInsights::Application",
        "arn:aws:applicationinsights:{region}:{account}:application/resource-group/{name}",
        properties="AttachMissingPermission AutoConfigurationEnabled CWEMonitorEnabled ComponentMonitoringSettings"
        " CustomComponents GroupingType LogPatternSets OpsCenterEnabled OpsItemSNSTopicArn"
        " ResourceGroupName SNSNotificationArn Tags",
        required="ResourceGroupName",
        replaces="ResourceGroupName GroupingType",
        named_by="ResourceGroupName",
        attributes={"ApplicationARN": "{id}"},
    ),
    _kept(
        "AWS::CloudWatch::CompositeAlarm",
        "{name}",
        properties="ActionsEnabled ActionsSuppressor ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod"
        " AlarmActions AlarmDescription AlarmName AlarmRule InsufficientDataActions OKActions Tags",
        required="AlarmRule",
        replaces="AlarmName",
        named_by="AlarmName",
        attributes={"Arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
    ),
    _kept(
        "AWS::CloudWatch::AnomalyDetector",
        "{name}",
        properties="Configuration Dimensions MetricCharacteristics MetricMathAnomalyDetector MetricName Namespace"
        " SingleMetricAnomalyDetector Stat",
        replaces="Dimensions MetricCharacteristics MetricName Namespace SingleMetricAnomalyDetector"
        " MetricMathAnomalyDetector Stat",
        attributes={"Id": "{id}"},
    ),
    _kept(
        "AWS::CloudWatch::InsightRule",
        "{name}",
        properties="ApplyOnTransformedLogs RuleBody RuleName RuleState Tags",
        required="RuleState RuleBody RuleName",
        replaces="RuleName",
        named_by="RuleName",
        attributes={"Arn": "arn:aws:cloudwatch:{region}:{account}:insight-rule/{name}", "RuleName": "{name}"},
    ),
    _kept(
        "AWS::Budgets::Budget",
        "{name}",
        properties="Budget NotificationsWithSubscribers ResourceTags",
        required="Budget",
        replaces="NotificationsWithSubscribers",
    ),
    _kept(
        "AWS::EventSchemas::Registry",
        "arn:aws:schemas:{region}:{account}:registry/{name}",
        properties="Description RegistryName Tags",
        replaces="RegistryName",
        named_by="RegistryName",
        attributes={"RegistryArn": "{id}", "RegistryName": "{name}"},
    ),
    _kept(
        "AWS::EventSchemas::Discoverer",
        "arn:aws:schemas:{region}:{account}:discoverer/{uuid}",
        properties="CrossAccount Description SourceArn Tags",
        required="SourceArn",
        replaces="SourceArn",
        attributes={"DiscovererArn": "{id}", "DiscovererId": "{uuid}"},
    ),
    _kept(
        "AWS::AppSync::DataSource",
        "arn:aws:appsync:{region}:{account}:apis/{ApiId}/datasources/{name}",
        properties="ApiId Description DynamoDBConfig ElasticsearchConfig EventBridgeConfig HttpConfig LambdaConfig"
        " MetricsConfig Name OpenSearchServiceConfig RelationalDatabaseConfig ServiceRoleArn Type",
        required="Type ApiId Name",
        replaces="ApiId Name",
        named_by="Name",
        attributes={"DataSourceArn": "{id}", "Name": "{name}"},
    ),
    _kept(
        "AWS::AppSync::Resolver",
        "arn:aws:appsync:{region}:{account}:apis/{ApiId}/types/{TypeName}/resolvers/{FieldName}",
        properties="ApiId CachingConfig Code CodeS3Location DataSourceName FieldName Kind MaxBatchSize MetricsConfig"
        " PipelineConfig RequestMappingTemplate RequestMappingTemplateS3Location ResponseMappingTemplate"
        " ResponseMappingTemplateS3Location Runtime SyncConfig TypeName",
        required="TypeName ApiId FieldName",
        replaces="ApiId FieldName TypeName",
        attributes={"ResolverArn": "{id}", "TypeName": "{TypeName}", "FieldName": "{FieldName}"},
    ),
    _kept(
        "AWS::AppSync::FunctionConfiguration",
        "arn:aws:appsync:{region}:{account}:apis/{ApiId}/functions/{letters}",
        properties="ApiId Code CodeS3Location DataSourceName Description FunctionVersion MaxBatchSize Name"
        " RequestMappingTemplate RequestMappingTemplateS3Location ResponseMappingTemplate"
        " ResponseMappingTemplateS3Location Runtime SyncConfig",
        required="ApiId DataSourceName Name",
        replaces="ApiId",
        named_by="Name",
        attributes={
            "FunctionArn": "{id}",
            "FunctionId": "{letters}",
            "Name": "{name}",
            "DataSourceName": "{DataSourceName}",
        },
    ),
    _kept(
        "AWS::CloudFront::CloudFrontOriginAccessIdentity",
        "{letters}",
        properties="CloudFrontOriginAccessIdentityConfig",
        required="CloudFrontOriginAccessIdentityConfig",
        attributes={"Id": "{id}", "S3CanonicalUserId": "{uuid}"},
    ),
    _kept(
        "AWS::CloudFront::CachePolicy",
        "{uuid}",
        properties="CachePolicyConfig",
        required="CachePolicyConfig",
        attributes={"Id": "{id}"},
    ),
    _kept(
        "AWS::CloudFront::OriginRequestPolicy",
        "{uuid}",
        properties="OriginRequestPolicyConfig",
        required="OriginRequestPolicyConfig",
        attributes={"Id": "{id}"},
    ),
    _kept(
        "AWS::CloudFront::ResponseHeadersPolicy",
        "{uuid}",
        properties="ResponseHeadersPolicyConfig",
        required="ResponseHeadersPolicyConfig",
        attributes={"Id": "{id}"},
    ),
    _kept(
        "AWS::CloudTrail::Trail",
        "{name}",
        properties="AdvancedEventSelectors AggregationConfigurations CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn"
        " EnableLogFileValidation EventSelectors IncludeGlobalServiceEvents InsightSelectors IsLogging"
        " IsMultiRegionTrail IsOrganizationTrail KMSKeyId S3BucketName S3KeyPrefix SnsTopicName Tags"
        " TrailName",
        required="S3BucketName IsLogging",
        replaces="TrailName",
        named_by="TrailName",
        attributes={"Arn": "arn:aws:cloudtrail:{region}:{account}:trail/{name}"},
    ),
    _kept(
        "AWS::CodePipeline::Pipeline",
        "{name}",
        properties="ArtifactStore ArtifactStores DisableInboundStageTransitions ExecutionMode Name PipelineType"
        " RestartExecutionOnUpdate RoleArn Stages Tags Triggers Variables",
        required="Stages RoleArn",
        replaces="Name",
        named_by="Name",
        attributes={"Version": "1"},
    ),
    _kept(
        "AWS::Batch::JobQueue",
        "arn:aws:batch:{region}:{account}:job-queue/{name}",
        properties="ComputeEnvironmentOrder JobQueueName JobQueueType JobStateTimeLimitActions Priority"
        " SchedulingPolicyArn ServiceEnvironmentOrder State Tags",
        required="Priority",
        replaces="Tags JobQueueName JobQueueType",
        named_by="JobQueueName",
        attributes={"JobQueueArn": "{id}"},
    ),
    _kept(
        "AWS::Batch::JobDefinition",
        "arn:aws:batch:{region}:{account}:job-definition/{name}:1",
        properties="ConsumableResourceProperties ContainerProperties EcsProperties EksProperties JobDefinitionName"
        " NodeProperties Parameters PlatformCapabilities PropagateTags ResourceRetentionPolicy"
        " RetryStrategy SchedulingPriority Tags Timeout Type",
        required="Type",
        replaces="JobDefinitionName",
        named_by="JobDefinitionName",
        attributes={"JobDefinitionArn": "{id}"},
    ),
    _kept(
        "AWS::Batch::ComputeEnvironment",
        "arn:aws:batch:{region}:{account}:compute-environment/{name}",
        properties="ComputeEnvironmentName ComputeResources Context EksConfiguration ReplaceComputeEnvironment"
        " ServiceRole State Tags Type UnmanagedvCpus UpdatePolicy",
        required="Type",
        replaces="ComputeEnvironmentName Tags Type EksConfiguration",
        named_by="ComputeEnvironmentName",
        attributes={"ComputeEnvironmentArn": "{id}"},
    ),
    _kept(
        "AWS::IoT::TopicRule",
        "{name}",
        properties="RuleName Tags TopicRulePayload",
        required="TopicRulePayload",
        replaces="RuleName",
        named_by="RuleName",
        attributes={"Arn": "arn:aws:iot:{region}:{account}:rule/{name}"},
    ),
    _kept(
        "AWS::IoT::Thing",
        "{name}",
        properties="AttributePayload ThingName",
        replaces="ThingName",
        named_by="ThingName",
        attributes={"Arn": "arn:aws:iot:{region}:{account}:thing/{name}", "Id": "{uuid}"},
    ),
    _kept(
        "AWS::IoT::Policy",
        "{name}",
        properties="PolicyDocument PolicyName Tags",
        required="PolicyDocument",
        replaces="PolicyName",
        named_by="PolicyName",
        attributes={"Arn": "arn:aws:iot:{region}:{account}:policy/{name}", "Id": "{name}"},
    ),
    _kept(
        "AWS::WAFv2::WebACLAssociation",
        "{WebACLArn}|{ResourceArn}",
        properties="ResourceArn WebACLArn",
        required="ResourceArn WebACLArn",
        replaces="ResourceArn WebACLArn",
    ),
    _kept(
        "AWS::WAFv2::LoggingConfiguration",
        "{ResourceArn}",
        properties="LogDestinationConfigs LoggingFilter RedactedFields ResourceArn",
        required="ResourceArn LogDestinationConfigs",
        replaces="ResourceArn",
    ),
    _kept(
        "AWS::WAFv2::WebACL",
        "{name}|{uuid}|{Scope}",
        properties="ApplicationConfig AssociationConfig CaptchaConfig ChallengeConfig CustomResponseBodies"
        " DataProtectionConfig DefaultAction Description Name OnSourceDDoSProtectionConfig Rules Scope"
        " Tags TokenDomains VisibilityConfig",
        required="DefaultAction Scope VisibilityConfig",
        replaces="Name Scope",
        named_by="Name",
        attributes={
            "Arn": "arn:aws:wafv2:{region}:{account}:regional/webacl/{name}/{uuid}",
            "Id": "{uuid}",
            "Capacity": "0",
            "LabelNamespace": "awswaf:{account}:webacl:{name}:",
        },
    ),
    _kept(
        "AWS::WAFv2::IPSet",
        "{name}|{uuid}|{Scope}",
        properties="Addresses Description IPAddressVersion Name Scope Tags",
        required="Addresses IPAddressVersion Scope",
        replaces="Name Scope",
        named_by="Name",
        attributes={"Arn": "arn:aws:wafv2:{region}:{account}:regional/ipset/{name}/{uuid}", "Id": "{uuid}"},
    ),
    _kept(
        "AWS::WAFv2::RegexPatternSet",
        "{name}|{uuid}|{Scope}",
        properties="Description Name RegularExpressionList Scope Tags",
        required="Scope RegularExpressionList",
        replaces="Name Scope",
        named_by="Name",
        attributes={"Arn": "arn:aws:wafv2:{region}:{account}:regional/regexpatternset/{name}/{uuid}", "Id": "{uuid}"},
    ),
    _kept(
        "AWS::Glue::Crawler",
        "{name}",
        properties="Classifiers Configuration CrawlerSecurityConfiguration DatabaseName Description"
        " LakeFormationConfiguration Name RecrawlPolicy Role Schedule SchemaChangePolicy TablePrefix Tags"
        " Targets",
        required="Role Targets",
        replaces="Name",
        named_by="Name",
    ),
    _kept(
        "AWS::Glue::Job",
        "{name}",
        properties="AllocatedCapacity Command Connections DefaultArguments Description ExecutionClass"
        " ExecutionProperty GlueVersion JobMode JobRunQueuingEnabled LogUri MaintenanceWindow MaxCapacity"
        " MaxRetries Name NonOverridableArguments NotificationProperty NumberOfWorkers Role"
        " SecurityConfiguration Tags Timeout WorkerType",
        required="Role Command",
        replaces="Name",
        named_by="Name",
    ),
    _kept(
        "AWS::EC2::FlowLog",
        "fl-{uuid}",
        properties="DeliverCrossAccountRole DeliverLogsPermissionArn DestinationOptions LogDestination"
        " LogDestinationType LogFormat LogGroupName MaxAggregationInterval ResourceId ResourceType Tags"
        " TrafficType",
        required="ResourceType ResourceId",
        replaces="DeliverCrossAccountRole DeliverLogsPermissionArn LogGroupName LogDestination ResourceId"
        " TrafficType LogDestinationType ResourceType LogFormat MaxAggregationInterval DestinationOptions",
        attributes={"Id": "{id}"},
    ),
    _kept(
        "AWS::Glue::Database",
        "{name}",
        properties="CatalogId DatabaseInput DatabaseName",
        required="CatalogId DatabaseInput",
        replaces="DatabaseName",
        named_by="DatabaseName",
        inner="DatabaseInput",
    ),
    _kept(
        "AWS::Glue::Table",
        "{name}",
        properties="CatalogId DatabaseName Name OpenTableFormatInput TableInput",
        required="CatalogId DatabaseName",
        replaces="CatalogId DatabaseName Name",
        named_by="Name",
        inner="TableInput",
        attributes={"Id": "{CatalogId}|{DatabaseName}|{name}"},
    ),
]
