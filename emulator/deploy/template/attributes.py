"""Attributes that `Fn::GetAtt` knows of the commonest types: what is none of them is told before anything is made.

Only types whose attributes AWS documents in full; the others are judged when the resource is there.
"""

from __future__ import annotations

_ATTRIBUTES = {
    "AWS::ApiGateway::Resource": "ResourceId",
    "AWS::ApiGateway::RestApi": "RestApiId RootResourceId",
    "AWS::DynamoDB::Table": "Arn StreamArn",
    "AWS::Events::Rule": "Arn RuleName",
    "AWS::IAM::Role": "Arn RoleId",
    "AWS::Lambda::Alias": "AliasArn",
    "AWS::Lambda::Function": "Arn SnapStartResponse",
    "AWS::Lambda::Url": "FunctionArn FunctionUrl",
    "AWS::Lambda::Version": "FunctionArn Version",
    "AWS::Logs::LogGroup": "Arn",
    "AWS::SNS::Topic": "TopicArn TopicName",
    "AWS::SQS::Queue": "Arn QueueName QueueUrl",
    "AWS::StepFunctions::Activity": "Arn Name",
    "AWS::StepFunctions::StateMachine": "Arn Name StateMachineRevisionId",
}


def supports(type_name: str, attribute: str) -> bool:
    """Whether a type may have an attribute: one with dots is judged by its first part."""
    known = _ATTRIBUTES.get(type_name)
    return known is None or attribute.partition(".")[0] in known.split()
