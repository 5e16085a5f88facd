"""How the Java SDK, by which Step Functions calls services, names what AWS's service models name.

Decides names of services in resource ARNs and of exceptions (reference 5.4), from the models' own names; knows no call.
The second generation writes class names in camel case throughout (`DynamoDb`, `KmsInvalidStateException`).
"""

from __future__ import annotations

import re
from functools import lru_cache

_BOTOCORE_NAMES = {
    "sfn": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events", "cloudwatchevents": "events",
    "cognitoidentityprovider": "cognito-idp", "costexplorer": "ce", "databasemigration": "dms", "directory": "ds",
    "elasticloadbalancing": "elb", "elasticloadbalancingv2": "elbv2", "iotdataplane": "iot-data",
    "lexruntime": "lex-runtime", "migrationhub": "mgh", "marketplacemetering": "meteringmarketplace",
    "elasticsearch": "es", "transcribestreaming": "transcribe",
}  # fmt: skip
"""Names in ARNs that differ from botocore's by more than a hyphen."""
_UNKNOWN_IN_ARNS = frozenset({"stepfunctions", "logs", "events", "ce", "dms", "ds", "elb", "elbv2", "es"})
"""botocore's names that AWS does not take in an ARN: it knows them by the others."""

NAMED_BY_THE_SDK = {"HeadObject": "NoSuchKey", "HeadBucket": "NoSuchBucket"}
"""Operations of S3 whose 404 has no body: the second generation of the SDK names the error itself."""


def botocore_name(arn_name: str, known: frozenset[str]) -> str | None:
    """botocore's name of `cognitoidentityprovider`, of `aws-sdk:cognitoidentityprovider:…`; None if there is none."""
    if arn_name in _UNKNOWN_IN_ARNS:
        return None
    if arn_name in _BOTOCORE_NAMES:
        return _BOTOCORE_NAMES[arn_name]
    if arn_name in known:
        return arn_name
    return _without_hyphens(known).get(arn_name)


@lru_cache(maxsize=1)
def _without_hyphens(known: frozenset[str]) -> dict[str, str]:
    return {name.replace("-", ""): name for name in known if "-" in name}


@lru_cache(maxsize=1024)
def class_name(name: str) -> str:
    """`SesV2` of `SESv2`, `DynamoDb` of `DynamoDB`, `SecretsManager` of `Secrets Manager`."""
    text = re.sub(r"[^A-Za-z0-9]+", " ", name)
    text = re.sub(r"([^a-z]{2,})v([0-9]+)", r"\1 v\2 ", text)
    text = re.sub(r"([^A-Z]{2,})V([0-9]+)", r"\1 V\2 ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z]([a-zA-Z]|[0-9]))", " ", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    text = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", text)
    return "".join(word[:1].upper() + word[1:].lower() for word in text.split())


def exception_name(shape_name: str) -> str:
    """`NoSuchKeyException` of the modelled error `NoSuchKey`, in either generation of the SDK."""
    bare = shape_name.removesuffix("Fault")
    return bare if bare.endswith("Exception") else f"{bare}Exception"
