"""AWS::Include, AWS::LanguageExtensions and SAM: what each makes, in which order, and how they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.deploy.template import Document, TemplateError, parse, read, references, transforms
from emulator.deploy.template import parameters as parameter_rules
from emulator.deploy.template.environment import Place
from emulator.deploy.template.model import outline
from tests.unit.deploy.template.support import PLACE

BUCKET = "s3://files/"


def processed(text: str, files: dict[str, str] | None = None, **given: str) -> Document:
    document = parse(text, "t.yaml")
    values = parameter_rules.resolve(outline(document), given)
    return transforms.process(
        document, values, PLACE, {BUCKET + name: body for name, body in (files or {}).items()}
    ).document


def refused(text: str, files: dict[str, str] | None = None) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        processed(text, files)
    return caught.value


# ── AWS::Include ────────────────────────────────────────────────────────────────────────────────

INCLUDING = """
Parameters: {Name: {Type: String, Default: a}}
Resources:
  It:
    Type: A::B::C
    Properties:
      Own: 1
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub "s3://files/${Name}.yaml"}}
"""


def test_included_files_stand_beside_what_is_there() -> None:
    made = processed(INCLUDING, {"a.yaml": "Own: 2\nMore: &x [1]\nSame: *x\nRole: {Fn::GetAtt: [R, Arn]}\n"})
    assert made.value["Resources"]["It"]["Properties"] == {
        "Own": 1,
        "More": [1],
        "Same": [1],
        "Role": {"Fn::GetAtt": ["R", "Arn"]},
    }


def test_included_files_may_include_others_and_are_asked_for_in_rounds() -> None:
    document = parse(INCLUDING)
    values = parameter_rules.resolve(outline(document), {"Name": "b"})
    files: dict[str, str] = {}
    assert transforms.wanted(document, values, PLACE, files) == [BUCKET + "b.yaml"]
    inner = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": BUCKET + "c.json"}}}
    files[BUCKET + "b.yaml"] = json.dumps({"Inner": inner})
    assert transforms.wanted(document, values, PLACE, files) == [BUCKET + "c.json"]
    files[BUCKET + "c.json"] = '["c"]'
    assert transforms.wanted(document, values, PLACE, files) == []
    made = transforms.process(document, values, PLACE, files).document
    assert made.value["Resources"]["It"]["Properties"] == {"Own": 1, "Inner": ["c"]}


def test_a_file_at_the_top_brings_sections() -> None:
    text = """
Transform: {Name: AWS::Include, Parameters: {Location: s3://files/top.json}}
Resources: {It: {Type: A::B::C}}
"""
    made = processed(
        text, {"top.json": '{"Resources": {"More": {"Type": "A::B::D"}}, "Outputs": {"O": {"Value": "x"}}}'}
    )
    assert list(made.value["Resources"]) == ["More", "It"]
    assert made.value["Outputs"] == {"O": {"Value": "x"}}
    assert "Transform" not in made.value


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "Transform AWS::Include failed with: s3://files/a.yaml does not exist"),
        (
            {"a.yaml": "a: ["},
            "Transform AWS::Include failed with: The specified S3 object's content should be valid Yaml/JSON",
        ),
        (
            {"a.yaml": "a: !Ref B"},
            "Transform AWS::Include failed with: The specified S3 object's content should be valid Yaml/JSON",
        ),
        ({"a.yaml": "[1]"}, "Transform AWS::Include failed with: the content is no object"),
        (
            {"a.yaml": "Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://files/a.yaml}}"},
            "Transform AWS::Include failed with: too much is included",
        ),
    ],
)
def test_files_that_cannot_be_included_are_refused(files: dict[str, str], message: str) -> None:
    error = refused(INCLUDING, files)
    assert error.message == message
    assert error.location is not None
    assert error.location.line == 8


def test_macros_are_refused_by_name() -> None:
    error = refused("Transform: [AWS::LanguageExtensions, Mine]\nResources: {It: {Type: A::B::C}}")
    assert error.message == "No transform named Mine found."
    assert error.location is not None
    assert (error.location.line, error.location.column) == (1, 38)


def test_macros_within_a_template_are_refused_too() -> None:
    error = refused("Resources: {It: {Type: A::B::C, Properties: {Fn::Transform: {Name: Mine}}}}")
    assert error.message == "No transform named Mine found."


# ── loops ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        ("[A, [x]]", "Fn::ForEach layout is incorrect"),
        (
            "[A, x, {'Q${A}': {Type: A::B::C}}]",
            "Fn::ForEach layout is incorrect: the collection must be a list of strings",
        ),
        ("[A, [x, y], {Q: {Type: A::B::C}}]", "Fn::ForEach makes Q twice"),
        ("[Name, [x], {'Q${Name}': {Type: A::B::C}}]", "the identifier Name of Fn::ForEach is in use"),
    ],
)
def test_loops_that_are_wrong_are_refused(loop: str, message: str) -> None:
    text = (
        "Transform: AWS::LanguageExtensions\nParameters: {Name: {Type: String, Default: a}}\n"
        f"Resources:\n  Fn::ForEach::L: {loop}\n"
    )
    error = refused(text)
    assert error.message == "Transform AWS::LanguageExtensions failed with: " + message
    assert error.location is not None
    assert error.location.line == 4


def test_json_text_of_resources_is_made_when_they_are_known() -> None:
    call = "{Fn::ToJsonString: {queue: !Ref Queue, stage: !Ref Stage}}"
    text = "Transform: AWS::LanguageExtensions\nParameters: {Stage: {Type: String, Default: dev}}\nResources:\n"
    text += f"  Queue: {{Type: AWS::SQS::Queue}}\n  It: {{Type: A::B::C, Properties: {{Value: {call}}}}}\n"
    value = processed(text).value["Resources"]["It"]["Properties"]["Value"]
    assert value == {"Fn::ToJsonString": {"queue": {"Ref": "Queue"}, "stage": {"Ref": "Stage"}}}


def test_without_the_transform_a_loop_is_no_resource() -> None:
    document = processed("Resources:\n  Fn::ForEach::L: [A, [x], {}]\n")
    assert list(document.value["Resources"]) == ["Fn::ForEach::L"]


# ── SAM ─────────────────────────────────────────────────────────────────────────────────────────

HEAD = "Transform: AWS::Serverless-2016-10-31\nResources:\n"
FAILED = (
    "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. Number "
    "of "
    "errors found: 1. "
)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (
            "  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: a.b\n      Runtime: "
            "python3.13\n"
            "      CodeUri: ./src\n",
            "Resource with id [F] is invalid. 'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with "
            "optional "
            "versionId query parameter.",
            8,
        ),
        (
            "  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      InlineCode: x\n      Handler: a.b\n"
            "      Events:\n        E:\n          Type: Api\n          Properties: {Path: /x}\n",
            "Resource with id [F] is invalid. Event with id [E] is invalid. Property 'Method' is required.",
            9,
        ),
        (
            "  A:\n    Type: AWS::Serverless::Application\n    Properties:\n      Location: {ApplicationId: x, "
            "SemanticVersion: '1'}\n",
            "Resource with id [A] is invalid. The Serverless Application Repository is not emulated.",
            6,
        ),
    ],
)
def test_what_sam_refuses_is_told_in_its_words_at_its_line(text: str, message: str, line: int) -> None:
    error = refused(HEAD + text)
    assert error.message == FAILED + message
    assert error.location is not None
    assert error.location.line == line


def test_resources_of_sam_take_their_transform() -> None:
    document = parse("Resources: {F: {Type: AWS::Serverless::Function}}", "t.yaml")
    with pytest.raises(TemplateError) as caught:
        references.check(read(document))
    assert caught.value.message == "Template format error: Unrecognized resource types: [AWS::Serverless::Function]"
    assert "Transform" in caught.value.hint


def test_more_events_than_there_may_be_resources_are_refused_at_once() -> None:
    events = {f"E{n}": {"Type": "Api", "Properties": {"Path": f"/{n}", "Method": "get"}} for n in range(501)}
    function = {"Type": "AWS::Serverless::Function", "Properties": {"InlineCode": "x", "Events": events}}
    error = refused(json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"F": function}}))
    assert error.message == "Template format error: Number of resources, 501, is greater than maximum allowed, 500"


def test_sam_knows_region_partition_and_policies_without_asking_anybody() -> None:
    text = (
        HEAD
        + """
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.b
      InlineCode: x
      Policies: [AmazonSQSFullAccess, arn:aws:iam::123456789012:policy/mine, BrandNewPolicy, !Ref P]
  P: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {}}}
"""
    )
    for region, partition in (("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")):
        document = parse(text)
        values = parameter_rules.resolve(outline(document), {})
        made = transforms.process(document, values, Place(region=region)).document
        role = made.value["Resources"]["FRole"]["Properties"]
        assert role["ManagedPolicyArns"] == [
            f"arn:{partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
            f"arn:{partition}:iam::aws:policy/AmazonSQSFullAccess",
            "arn:aws:iam::123456789012:policy/mine",
            f"arn:{partition}:iam::aws:policy/BrandNewPolicy",
            {"Ref": "P"},
        ]


def test_the_same_template_gives_the_same_names_every_time() -> None:
    text = (
        HEAD
        + """
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.b
      CodeUri: s3://code/f.zip
      AutoPublishAlias: live
      Events: {E: {Type: Api, Properties: {Path: /x, Method: get}}}
"""
    )
    first, second = processed(text).value, processed(text).value
    assert first == second
    assert json.loads(json.dumps(first)) == first
    other = processed(text.replace("f.zip", "g.zip")).value
    versions = [name for tree in (first, other) for name in tree["Resources"] if name.startswith("FVersion")]
    assert len(set(versions)) == 2, "new code is a new version"


def test_parameters_decide_what_sam_makes() -> None:
    text = (
        """
Parameters: {Alias: {Type: String}}
"""
        + HEAD
        + """
  F:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: a.b, CodeUri: s3://c/f.zip, AutoPublishAlias: !Ref Alias}
"""
    )
    assert "FAliasblue" in processed(text, Alias="blue").value["Resources"]


@pytest.mark.parametrize(
    ("event", "made"),
    [
        ("{Type: IoTRule, Properties: {Sql: 'SELECT * FROM t'}}", "AWS::IoT::TopicRule"),
        ("{Type: AlexaSkill}", "AWS::Lambda::Permission"),
        ("{Type: Cognito, Properties: {UserPool: !Ref Pool, Trigger: PreSignUp}}", "AWS::Lambda::Permission"),
        (
            "{Type: MQ, Properties: {Broker: b, Queues: [q], "
            "SourceAccessConfigurations: [{Type: BASIC_AUTH, URI: u}]}}",
            "AWS::Lambda::EventSourceMapping",
        ),
        (
            "{Type: MSK, Properties: {Stream: s, StartingPosition: LATEST, Topics: [t]}}",
            "AWS::Lambda::EventSourceMapping",
        ),
        ("{Type: CloudWatchLogs, Properties: {LogGroupName: g, FilterPattern: ''}}", "AWS::Logs::SubscriptionFilter"),
        ("{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour)}}", "AWS::Scheduler::Schedule"),
        ("{Type: DynamoDB, Properties: {Stream: s, StartingPosition: LATEST}}", "AWS::Lambda::EventSourceMapping"),
    ],
)
def test_events_of_every_kind_become_resources(event: str, made: str) -> None:
    text = (
        HEAD
        + f"""
  Pool: {{Type: AWS::Cognito::UserPool}}
  F:
    Type: AWS::Serverless::Function
    Properties: {{Runtime: python3.13, Handler: a.b, InlineCode: x, Events: {{E: {event}}}}}
"""
    )
    types: list[Any] = [item["Type"] for item in processed(text).value["Resources"].values()]
    assert made in types
