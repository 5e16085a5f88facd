"""Tags of AWS's own: users neither set them nor take them away, in SQS, SNS, EventBridge, Scheduler and HTTP APIs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, resources, template

KEY = "aws:cloudformation:stack-name"
TYPES = {
    "Queue": "AWS::SQS::Queue",
    "Topic": "AWS::SNS::Topic",
    "Bus": "AWS::Events::EventBus",
    "Group": "AWS::Scheduler::ScheduleGroup",
    "Api": "AWS::ApiGatewayV2::Api",
}
PROPERTIES = {"Bus": {"Name": "mine"}, "Api": {"Name": "mine", "ProtocolType": "HTTP"}, "Group": {"Name": "mine"}}


def attempts(emulator: RunningEmulator, ids: dict[str, str], key: str) -> dict[str, list[Callable[[], Any]]]:
    """By resource: a creation with such a tag, a change, a removal."""
    sqs, sns, events = emulator.client("sqs"), emulator.client("sns"), emulator.client("events")
    scheduler, apis = emulator.client("scheduler"), emulator.client("apigatewayv2")
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/mine"
    group = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/mine"
    api = f"arn:aws:apigateway:us-east-1::/apis/{ids['Api']}"
    listed = [{"Key": key, "Value": "1"}]
    return {
        "Queue": [
            lambda: sqs.create_queue(QueueName="new", tags={key: "1"}),
            lambda: sqs.tag_queue(QueueUrl=ids["Queue"], Tags={key: "1"}),
            lambda: sqs.untag_queue(QueueUrl=ids["Queue"], TagKeys=[key]),
        ],
        "Topic": [
            lambda: sns.create_topic(Name="new", Tags=listed),
            lambda: sns.tag_resource(ResourceArn=ids["Topic"], Tags=listed),
            lambda: sns.untag_resource(ResourceArn=ids["Topic"], TagKeys=[key]),
        ],
        "Bus": [
            lambda: events.create_event_bus(Name="new", Tags=listed),
            lambda: events.tag_resource(ResourceARN=bus, Tags=listed),
            lambda: events.untag_resource(ResourceARN=bus, TagKeys=[key]),
        ],
        "Group": [
            lambda: scheduler.create_schedule_group(Name="new", Tags=listed),
            lambda: scheduler.tag_resource(ResourceArn=group, Tags=listed),
            lambda: scheduler.untag_resource(ResourceArn=group, TagKeys=[key]),
        ],
        "Api": [
            lambda: apis.create_api(Name="new", ProtocolType="HTTP", Tags={key: "1"}),
            lambda: apis.tag_resource(ResourceArn=api, Tags={key: "1"}),
            lambda: apis.untag_resource(ResourceArn=api, TagKeys=[key]),
        ],
    }


@pytest.mark.parametrize("kind", list(TYPES))
def test_users_neither_set_nor_remove_tags_of_aws(emulator: RunningEmulator, kind: str) -> None:
    declared = {name: {"Type": TYPES[name], "Properties": PROPERTIES.get(name, {})} for name in (kind, "Api")}
    assert create(emulator, template(declared))["StackStatus"] == "CREATE_COMPLETE"
    ids = dict.fromkeys(TYPES, "") | resources(emulator)
    for attempt in attempts(emulator, ids, KEY)[kind]:
        with pytest.raises(ClientError, match="aws: prefixed tag key names") as refused:
            attempt()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    for attempt in attempts(emulator, ids, "mine")[kind][1:]:
        attempt()
