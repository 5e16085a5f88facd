"""The table of resource types: every file of rows is listed here."""

from __future__ import annotations

from functools import cache
from itertools import chain

from emulator.services.cloudformation.resources import (
    apigateway,
    apigateway_parts,
    apigatewayv2,
    autoscaling,
    cloudformation,
    cloudwatch,
    codedeploy,
    cognito,
    delegated,
    dynamodb,
    dynamodb_global,
    ec2,
    ecr,
    events,
    firehose,
    iam,
    iam_parts,
    kept,
    kinesis,
    kms,
    lambda_,
    lambda_parts,
    logs,
    pipes,
    policies,
    route53,
    routing,
    s3,
    scheduler,
    secretsmanager,
    ses,
    sns,
    sqs,
    ssm,
    stepfunctions,
)
from emulator.services.cloudformation.resources.types import ResourceType

FILES = (
    apigateway,
    apigateway_parts,
    apigatewayv2,
    autoscaling,
    cloudformation,
    cloudwatch,
    codedeploy,
    cognito,
    delegated,
    dynamodb,
    dynamodb_global,
    ec2,
    ecr,
    events,
    firehose,
    iam,
    iam_parts,
    kept,
    kinesis,
    kms,
    lambda_,
    lambda_parts,
    logs,
    pipes,
    policies,
    route53,
    routing,
    s3,
    scheduler,
    secretsmanager,
    ses,
    sns,
    sqs,
    ssm,
    stepfunctions,
)
"""Whose `TYPES` there are."""


@cache
def table() -> dict[str, ResourceType]:
    """Every type by its name."""
    rows: list[ResourceType] = list(chain.from_iterable(file.TYPES for file in FILES))
    found = {row.name: row for row in rows}
    assert len(found) == len(rows), "a type has one row"
    return found


def find(name: str) -> ResourceType | None:
    """The row of a type."""
    return table().get(name)
