"""What is told before a template is deployed: each failure with its line, and nothing of templates that are in
order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator.deploy.template import parameters as parameter_rules
from emulator.deploy.template import parse
from emulator.deploy.template.environment import Environment
from emulator.deploy.template.lint import Finding, lint
from emulator.deploy.template.model import outline, read
from emulator.deploy.template.transforms import process
from tests.unit.deploy.template.support import PLACE
from tests.unit.deploy.template.test_samples import EXPECTED, deployed

SAM = "Transform: AWS::Serverless-2016-10-31\nResources:\n"
FUNCTION = """
  F:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: a.b, InlineCode: x, Timeout: 5%s}
"""


def findings(text: str) -> list[Finding]:
    document = parse(text, "t.yaml")
    values = parameter_rules.resolve(outline(document), {})
    processed = process(document, values, PLACE)
    template = read(processed.document, processed.transforms)
    return lint(Environment(template, values.values, PLACE))


def codes(text: str) -> dict[str, int]:
    """Code → line of the first of it."""
    found: dict[str, int] = {}
    for finding in findings(text):
        found.setdefault(finding.code, finding.location.line)
    return found


@pytest.mark.parametrize(
    ("timeout", "event", "told"),
    [
        (30, "{Type: Api, Properties: {Path: /x, Method: get}}", True),
        (29, "{Type: Api, Properties: {Path: /x, Method: get}}", False),
        (31, "{Type: HttpApi, Properties: {Path: /x, Method: get}}", True),
        (30, "{Type: HttpApi, Properties: {Path: /x, Method: get}}", False),
        (10, "{Type: HttpApi, Properties: {Path: /x, Method: get, TimeoutInMillis: 5000}}", True),
    ],
)
def test_a_gateway_that_gives_up_before_its_function_is_told(timeout: int, event: str, told: bool) -> None:
    text = (
        SAM
        + f"""
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.b
      InlineCode: x
      Timeout: {timeout}
      Events: {{E: {event}}}
"""
    )
    assert codes(text) == ({"gateway-timeout": 10} if told else {})


@pytest.mark.parametrize(
    "place",
    [
        "",
        ", DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Q.Arn}",
        ", EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Q.Arn}}}",
        ", AutoPublishAlias: live, EventInvokeConfig: "
        "{DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Q.Arn}}}",
    ],
)
@pytest.mark.parametrize(
    "event",
    [
        "{Type: Schedule, Properties: {Schedule: rate(1 hour)}}",
        "{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour)}}",
        "{Type: SNS, Properties: {Topic: !Ref T}}",
        "{Type: EventBridgeRule, Properties: {Pattern: {source: [a]}}}",
        "{Type: S3, Properties: {Bucket: !Ref B, Events: 's3:ObjectCreated:*'}}",
    ],
)
def test_a_function_that_loses_events_is_told(event: str, place: str) -> None:
    text = (
        SAM
        + FUNCTION % f", Events: {{E: {event}}}{place}"
        + """
  Q: {Type: AWS::SQS::Queue}
  T: {Type: AWS::SNS::Topic}
  B: {Type: AWS::S3::Bucket}
"""
    )
    assert codes(text) == ({} if place else {"lost-events": 4})


def rest_api(integration: str, more: str = "", function: str = "") -> str:
    uri = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"
    return (
        SAM
        + FUNCTION % function
        + f"""
  P:
    Type: AWS::Lambda::Permission
    Properties: {{FunctionName: !Ref F, Action: a, Principal: apigateway.amazonaws.com}}
  A:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      DefinitionBody:
        openapi: 3.0.1
        info: {{title: a, version: '1'}}
        x-amazon-apigateway-request-validators: {{all: {{validateRequestParameters: true}}}}
        paths:
          /x:
            post:
              {more}
              x-amazon-apigateway-integration:
                uri: !Sub {uri}
                requestParameters: {integration}
                type: aws
                httpMethod: POST
"""
    )


DEAD_LETTER = ", DeadLetterQueue: {Type: SQS, TargetArn: 'arn:aws:sqs:eu-west-1:123456789012:q'}"
REQUIRED = "parameters: [{in: header, name: Kind, required: true}]"
VALIDATED = REQUIRED + "\n              x-amazon-apigateway-request-validator: all"
FROM_HEADER = "{integration.request.header.X-Amz-Invocation-Type: method.request.header.Kind}"


@pytest.mark.parametrize(
    ("mapping", "more", "code"),
    [
        ("{integration.request.header.X-Amz-Invocation-Type: Event}", "", "unquoted-static-value"),
        ("{integration.request.header.X-Amz-Invocation-Type: \"'Event'\"}", "", None),
        ("{integration.request.header.X-Amz-Invocation-Type: \"'Async'\"}", "", "unknown-invocation-type"),
        (FROM_HEADER, "", "unvalidated-invocation-type"),
        (FROM_HEADER, REQUIRED, "unvalidated-invocation-type"),
        (FROM_HEADER, VALIDATED, None),
    ],
)
def test_mappings_of_the_invocation_type_that_do_something_else_are_told(
    mapping: str, more: str, code: str | None
) -> None:
    text = rest_api(mapping, more, DEAD_LETTER)
    line = 1 + text[: text.index("requestParameters")].count("\n")
    assert codes(text) == ({} if code is None else {code: line})
    if code is not None:
        proxied = codes(text.replace("type: aws\n", "type: aws_proxy\n"))
        assert proxied == {"invocation-type-on-proxy": line}


def test_an_asynchronous_integration_may_take_its_time_and_loses_events() -> None:
    text = rest_api("{integration.request.header.X-Amz-Invocation-Type: \"'Event'\"}").replace(
        "Timeout: 5", "Timeout: 900"
    )
    assert codes(text) == {"lost-events": 4}


def test_lambda_is_called_by_post_only() -> None:
    text = rest_api("{}").replace("httpMethod: POST", "httpMethod: GET")
    assert codes(text) == {"lambda-needs-post": 1 + text[: text.index("httpMethod")].count("\n")}


def test_a_function_without_permission_is_told() -> None:
    assert list(codes(rest_api("{}").replace("Principal: apigateway", "Principal: events"))) == ["missing-permission"]


@pytest.mark.parametrize(
    ("seconds", "code", "severity", "advised"),
    [
        (4, "visibility-timeout", "error", "31 s"),
        (5, "short-visibility-timeout", "advice", "VisibilityTimeout: 31"),
        (31, None, None, None),
    ],
)
def test_a_queue_that_shows_messages_too_early_is_told(
    seconds: int, code: str | None, severity: str | None, advised: str | None
) -> None:
    event = "{Type: SQS, Properties: {Queue: !GetAtt Q.Arn, MaximumBatchingWindowInSeconds: 1}}"
    text = (
        SAM
        + FUNCTION % f", Events: {{E: {event}}}"
        + f"""
  Q:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: {seconds}
      RedrivePolicy: {{deadLetterTargetArn: !GetAtt D.Arn, maxReceiveCount: 5}}
  D: {{Type: AWS::SQS::Queue}}
"""
    )
    found = findings(text)
    assert [(item.code, item.severity, item.location.line) for item in found] == (
        [] if code is None else [(code, severity, 11)]
    )
    assert all(advised and advised in item.hint for item in found)
    assert "queue-without-dead-letter-queue" in codes(text.replace("RedrivePolicy", "Ignored"))


def test_what_aws_will_refuse_or_drop_is_told() -> None:
    text = (
        SAM
        + FUNCTION % ", DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Q.Arn}"
        + """
  Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  N: {Type: AWS::SQS::Queue}
  T: {Type: AWS::SNS::Topic}
  S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref T, Protocol: sqs, Endpoint: !GetAtt N.Arn}}
  R: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 hour), Targets: [{Id: a, Arn: !GetAtt F.Arn}]}}
  A: {Type: AWS::ApiGateway::RestApi}
  M: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref A, HttpMethod: GET, ResourceId: !Ref A}}
  D: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref A}}
"""
    )
    assert set(codes(text)) == {
        "fifo-destination",
        "missing-queue-policy",
        "missing-permission",
        "deployment-before-methods",
    }


def test_a_deployment_that_waits_for_some_methods_is_a_warning_and_waiting_may_be_indirect() -> None:
    method = "{Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref A, HttpMethod: %s, ResourceId: !Ref A}%s}"
    text = f"""
Resources:
  A: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: a}}}}
  M: {method % ("GET", "")}
  N: {method % ("PUT", ", DependsOn: M")}
  D: {{Type: AWS::ApiGateway::Deployment, DependsOn: N, Properties: {{RestApiId: !Ref A}}}}
"""
    assert findings(text) == []
    [found] = findings(text.replace("DependsOn: N", "DependsOn: M"))
    assert (found.code, found.severity, found.hint) == ("deployment-before-methods", "warning", "DependsOn: [N]")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hello_api.yaml", []),
        ("orders_crud.yaml", []),
        ("async_definition.yaml", []),
        ("plain_rest.yaml", []),
        ("queue_worker.yaml", ["short-visibility-timeout"]),
        ("events_bus.yaml", ["lost-events", "missing-queue-policy"]),
        ("thumbnails.yaml", ["lost-events"]),
    ],
)
def test_samples_are_told_what_is_wrong_with_them_and_nothing_else(name: str, expected: list[str]) -> None:
    _, environment, _ = deployed(name)
    assert [item.code for item in lint(environment)] == expected


@pytest.mark.parametrize("name", EXPECTED)
def test_findings_stand_in_their_files(name: str) -> None:
    _, environment, _ = deployed(name)
    lines = len((Path(__file__).parents[3] / "templates" / name).read_text().splitlines())
    for finding in lint(environment):
        assert finding.location.file == name
        assert 1 < finding.location.line <= lines


def test_every_finding_is_explained() -> None:
    root = Path(__file__).parents[4]
    source = "".join(path.read_text() for path in (root / "emulator/deploy/template/lint").glob("*.py"))
    given = set(re.findall(r'(?:Finding\(|calls\.append\()\s*"([a-z-]+)"', source))
    explained = re.findall(r"^\| `([a-z-]+)` \|", (root / "docs/lint.md").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted(given)


def test_a_websocket_integration_gives_up_after_29_seconds_and_has_no_status() -> None:
    text = """
Resources:
  Work:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.13, Handler: a.b, Role: r, Timeout: 30, Code: {ZipFile: x}}
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Said:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Work.Arn}/invocations
"""
    told = [finding.message for finding in findings(text) if finding.code == "gateway-timeout"]
    assert len(told) == 1 and told[0].startswith("integration Said gives up after 29 s, while Work may run for 30 s")


def test_a_key_that_stands_twice_is_told_where_it_stands_again() -> None:
    once = "Resources:\n  Q: {Type: AWS::SNS::Topic}\n"
    assert "repeated-key" not in codes(once)
    assert codes(once + "  Q: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}\n")["repeated-key"] == 3
