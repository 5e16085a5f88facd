"""What a stack has in memory only and an emulator has lost: whoever kept its stacks in a folder and began again.

Decides by asking the services themselves, because nobody else knows: the emulator may have been begun by anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.deploy.up.stacks import Client

_QUESTIONS = {
    "AWS::Cognito::UserPool": ("cognito-idp", "describe_user_pool", "UserPoolId"),
    "AWS::DynamoDB::GlobalTable": ("dynamodb", "describe_table", "TableName"),
    "AWS::DynamoDB::Table": ("dynamodb", "describe_table", "TableName"),
    "AWS::ECR::Repository": ("ecr", "describe_repositories", "repositoryNames"),
    "AWS::KMS::Key": ("kms", "describe_key", "KeyId"),
    "AWS::Kinesis::Stream": ("kinesis", "describe_stream_summary", "StreamName"),
    "AWS::S3::Bucket": ("s3", "head_bucket", "Bucket"),
    "AWS::SSM::Parameter": ("ssm", "get_parameter", "Name"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "describe_secret", "SecretId"),
}
"""Types whose state no data directory keeps, and whose absence users notice: service, operation, member."""


def lost(client: Client, resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Logical ids of the resources of a stack that are not there, and of those that belong to the same services and
    cannot be without them: policies of buckets, clients of user pools.
    """
    known = [item for item in resources if item.get("PhysicalResourceId")]
    asked = {id(item): _is_there(client, item) for item in known if item["ResourceType"] in _QUESTIONS}
    services = {_service(item) for item in known if asked.get(id(item)) is False}
    return [item["LogicalResourceId"] for item in known if not asked.get(id(item), _service(item) not in services)]


def _service(item: Mapping[str, Any]) -> str:
    return item["ResourceType"].split("::")[1]


def _is_there(client: Client, item: Mapping[str, Any]) -> bool:
    from botocore.exceptions import ClientError

    service, operation, member = _QUESTIONS[item["ResourceType"]]
    name: str = item["PhysicalResourceId"]
    try:
        getattr(client(service), operation)(**{member: [name] if member.endswith("s") else name})
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        return "NotFound" not in code and code not in ("404", "NoSuchBucket")
    return True
