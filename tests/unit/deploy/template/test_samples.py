"""Templates as people write them, from their text to the properties of each resource."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emulator.deploy.template import (
    Document,
    Environment,
    Template,
    artifacts,
    evaluate,
    graph,
    parse,
    read,
    references,
    rules,
    transforms,
)
from emulator.deploy.template import parameters as parameter_rules
from emulator.deploy.template.environment import Planned
from emulator.deploy.template.model import outline
from tests.unit.deploy.template.support import PLACE

SAMPLES = Path(__file__).resolve().parents[3] / "templates"


def packaged(document: Document) -> Document:
    """With local files uploaded, as tools do."""
    found = artifacts.local_artifacts(document)
    return artifacts.with_artifacts(document, {item.path: item.placed("code", item.location) for item in found})


def deployed(name: str, **given: str) -> tuple[Template, Environment, graph.Graph]:
    document = packaged(parse((SAMPLES / name).read_text(), name))
    values = parameter_rules.resolve(outline(document), given)
    processed = transforms.process(document, values, PLACE)
    template = read(processed.document, processed.transforms)
    references.check(template)
    environment = Environment(template, values.values, PLACE, Planned())
    rules.check(environment)
    return template, environment, graph.order(template, environment)


EXPECTED = {
    "async_definition.yaml": {"ApiGateway::RestApi": 1, "Lambda::Permission": 1, "IAM::Role": 2, "Lambda::Function": 1},
    "connected.yaml": {"Lambda::Alias": 1, "Lambda::Version": 1, "Lambda::Url": 1, "CodeDeploy::Application": 1},
    "events_bus.yaml": {"Events::Rule": 4, "Events::EventBus": 1, "Lambda::Permission": 3, "Events::Archive": 1},
    "express_inline.yaml": {"StepFunctions::StateMachine": 1, "Lambda::Function": 1},
    "fan_out.yaml": {"SNS::Topic": 2, "SNS::Subscription": 3, "SQS::Queue": 2, "SQS::QueuePolicy": 2},
    "hello_api.yaml": {"ApiGateway::RestApi": 1, "ApiGateway::Stage": 1, "ApiGateway::Deployment": 1, "IAM::Role": 1},
    "http_api.yaml": {"ApiGatewayV2::Api": 1, "ApiGatewayV2::Stage": 1, "Lambda::Permission": 1},
    "loops.yaml": {"SQS::Queue": 2, "Lambda::Function": 2, "Lambda::EventSourceMapping": 2, "SNS::Topic": 4},
    "mailer.json": {"SES::EmailIdentity": 1, "SES::Template": 1, "Lambda::Function": 1, "ApiGateway::RestApi": 1},
    "nested.yaml": {"CloudFormation::Stack": 2, "Lambda::Function": 1},
    "orders_crud.yaml": {
        "ApiGateway::UsagePlan": 1,
        "ApiGateway::ApiKey": 1,
        "Lambda::Function": 3,
        "DynamoDB::Table": 1,
    },
    "plain_rest.yaml": {"ApiGateway::Method": 2, "ApiGateway::UsagePlanKey": 1, "Lambda::Function": 1},
    "queue_worker.yaml": {"SQS::Queue": 2, "Lambda::EventSourceMapping": 1, "Lambda::EventInvokeConfig": 1},
    "report_machine.yaml": {"StepFunctions::StateMachine": 1, "Events::Rule": 2, "ApiGateway::RestApi": 1},
    "schedules.yaml": {"Scheduler::Schedule": 2, "Events::Rule": 1, "Pipes::Pipe": 1, "SNS::Topic": 1, "SQS::Queue": 3},
    "stages.yaml": {"SQS::Queue": 2, "Logs::LogGroup": 1, "SSM::Parameter": 1},
    "streams.yaml": {"Lambda::EventSourceMapping": 2, "Logs::SubscriptionFilter": 1, "Lambda::Function": 2},
    "thumbnails.yaml": {"S3::Bucket": 2, "Lambda::LayerVersion": 1, "Lambda::Permission": 1, "Lambda::Function": 1},
}


def test_every_sample_is_known() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in SAMPLES.iterdir())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_template_becomes_resources_whose_properties_can_be_told(name: str) -> None:
    template, environment, plan = deployed(name)
    types = Counter(item.type.removeprefix("AWS::") for item in template.resources.values())
    assert {kind: types[kind] for kind in EXPECTED[name]} == EXPECTED[name]
    assert not [item for item in template.resources.values() if item.type.startswith("AWS::Serverless")]
    for logical_id in plan.order:
        resource = template.resources[logical_id]
        assert isinstance(evaluate(resource.properties, environment, resource.properties_path), dict)
        line = template.document.location(resource.path).line
        assert line > 1 or name.endswith("json")
    for output in template.outputs.values():
        if output.condition is None:
            evaluate(output.value, environment, (*output.path, "Value"))


def test_loops_make_one_of_each_with_its_own_values() -> None:
    template, environment, plan = deployed("loops.yaml", Kinds="Order,Invoice,Note")
    assert {"OrderQueue", "InvoiceQueue", "NoteQueue", "Topiceu1a", "Topicus2b"} <= set(plan.order)
    assert template.resources["NoteQueue"].deletion_policy == "Retain"
    assert template.resources["NoteQueue"].condition == "HasNote"
    assert "OrderQueue" in plan.needs["OrderWorkerQueue"]
    order = evaluate(template.resources["OrderWorker"].properties, environment)
    note = evaluate(template.resources["NoteWorker"].properties, environment)
    assert isinstance(order, dict)
    assert isinstance(note, dict)
    assert (order["MemorySize"], note["MemorySize"]) == (512, 128)
    assert note["Environment"]["Variables"] == {
        "SETTINGS": '{"kind":"Note","all":["Order","Invoice","Note"]}',
        "COUNT": 3,
        "FLAG_One": "One",
        "FLAG_Two": "Two",
    }
    assert template.outputs["NoteUrl"].value == {"Ref": "NoteQueue"}
    assert evaluate(template.resources["Topiceu1a"].properties, environment) == {"DisplayName": "eu-1/a"}


def test_what_a_loop_has_made_stands_in_the_loop() -> None:
    template, _, _ = deployed("loops.yaml")
    lines = (SAMPLES / "loops.yaml").read_text().splitlines()

    def line(*path: str | int) -> str:
        return lines[template.document.location(path).line - 1].strip()

    assert line("Resources", "InvoiceQueue") == "- ${Kind}Queue:"
    assert line("Resources", "OrderWorker", "Properties", "Handler") == "Handler: !Sub '${Kind}.handler'"
    assert line("Resources", "OrderWorkerRole") == "${Kind}Worker:"
    assert line("Resources", "Topicus2a").startswith("- Topic&{Stage}${Zone}:")
    assert line("Conditions", "HasOrder").startswith("- Has${Kind}:")
    assert line("Outputs", "OrderUrl", "Value").startswith("- ${Kind}Url:")


def test_conditions_and_policies_follow_parameters() -> None:
    template, environment, plan = deployed("stages.yaml", Stage="live", Zones="a,b")
    assert template.resources["Logs"].deletion_policy == "Retain"
    assert "Overflow" in plan.order
    queue = evaluate(template.resources["Queue"].properties, environment)
    assert queue == {
        "QueueName": "live-queue",
        "KmsMasterKeyId": "alias/aws/sqs",
        "Tags": [{"Key": "zone", "Value": "a"}],
    }
    template, _, plan = deployed("stages.yaml")
    assert template.resources["Logs"].deletion_policy == "Delete"
    assert "Overflow" not in plan.order


def test_every_local_file_of_a_template_is_named_with_its_kind() -> None:
    document = parse((SAMPLES / "report_machine.yaml").read_text())
    assert [(item.path, item.kind, item.location) for item in artifacts.local_artifacts(document)] == [
        (("Resources", "Reports", "Properties", "DefinitionUri"), "text", "statemachine/reports.asl.yaml"),
        (("Resources", "Render", "Properties", "CodeUri"), "code", "render"),
    ]
    document = parse((SAMPLES / "streams.yaml").read_text())
    [shared] = artifacts.local_artifacts(document)
    assert shared.path == ("Globals", "Function", "CodeUri")
    document = parse((SAMPLES / "nested.yaml").read_text())
    storage, reader = artifacts.local_artifacts(document)
    assert (storage.kind, reader.kind) == ("template", "code")
    assert storage.placed("b", "k") == "https://s3.amazonaws.com/b/k"
    outside = parse("Resources: {F: {Type: 'AWS::Lambda::Function', Properties: {Code: ../../etc}}}")
    [code] = artifacts.local_artifacts(outside)
    assert code.leaves_the_folder
    assert not reader.leaves_the_folder
    assert artifacts.with_artifacts(outside, {code.path: code.placed("b", "k")}).value["Resources"]["F"][
        "Properties"
    ] == {"Code": {"S3Bucket": "b", "S3Key": "k"}}
    assert outside.value["Resources"]["F"]["Properties"] == {"Code": "../../etc"}
