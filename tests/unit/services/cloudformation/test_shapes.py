"""What templates say becomes the shape that operations take."""

from __future__ import annotations

import pytest

from emulator.services.cloudformation.resources.shapes import shaped
from emulator.services.cloudformation.resources.table import table
from emulator.services.cloudformation.resources.types import ResourceFailed


def test_texts_become_numbers_and_booleans() -> None:
    request = {"FunctionName": "f", "Timeout": "30", "Publish": "true", "Code": {"ZipFile": b"x"}, "Role": "r"}
    assert shaped("lambda", "CreateFunction", request) == {**request, "Timeout": 30, "Publish": True}


def test_numbers_booleans_and_documents_become_texts() -> None:
    policy = {"Version": "2012-10-17", "Statement": []}
    attributes = {"DelaySeconds": 5, "FifoQueue": True, "Policy": policy}
    found = shaped("sqs", "CreateQueue", {"QueueName": "q", "Attributes": attributes})["Attributes"]
    assert found == {"DelaySeconds": "5", "FifoQueue": "true", "Policy": '{"Version":"2012-10-17","Statement":[]}'}


def test_times_are_iso_8601_and_of_utc_without_an_offset() -> None:
    request = {"Name": "s", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {}}
    for text in ("2040-01-01T00:00:00Z", "2040-01-01T00:00:00", "2040-01-01T01:00:00+01:00"):
        found = shaped("scheduler", "CreateSchedule", {**request, "StartDate": text})
        assert found["StartDate"] == 2208988800.0
    with pytest.raises(ResourceFailed, match="is not a valid date-time"):
        shaped("scheduler", "CreateSchedule", {**request, "StartDate": "soon"})


def test_capitals_of_members_do_not_matter() -> None:
    found = shaped("apigateway", "CreateRestApi", {"Name": "api", "EndpointConfiguration": {"Types": ["REGIONAL"]}})
    assert found == {"name": "api", "endpointConfiguration": {"types": ["REGIONAL"]}}


def test_tags_are_lists_or_maps_as_the_operation_wants() -> None:
    listed, mapped = [{"Key": "a", "Value": 1}], {"a": "1"}
    assert shaped("sqs", "CreateQueue", {"QueueName": "q", "tags": listed})["tags"] == mapped
    assert shaped("sns", "CreateTopic", {"Name": "t", "Tags": mapped})["Tags"] == [{"Key": "a", "Value": "1"}]
    assert shaped("kms", "CreateKey", {"Tags": listed})["Tags"] == [{"TagKey": "a", "TagValue": "1"}]


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"FunctionName": "f", "Timeot": 3}, "#: extraneous key [Timeot] is not permitted"),
        ({"Timeout": "soon"}, "#/Timeout: expected type: Integer, found: String"),
        ({"Timeout": True}, "#/Timeout: expected type: Integer, found: Boolean"),
        ({"Layers": "one"}, "#/Layers: expected type: JSONArray, found: String"),
        ({"Environment": "x"}, "#/Environment: expected type: JSONObject, found: String"),
        ({"Environment": {"Variable": {}}}, "#/Environment: extraneous key [Variable] is not permitted"),
        ({"Publish": "maybe"}, "#/Publish: expected type: Boolean, found: String"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(request_: dict[str, object], problem: str) -> None:
    with pytest.raises(ResourceFailed, match="Properties validation failed") as refused:
        shaped("lambda", "CreateFunction", request_)
    assert str(refused.value).endswith(problem)


def test_rows_are_whole() -> None:
    for row in table().values():
        if row.properties is None:
            continue
        assert row.replaces <= row.properties, row.name
        assert row.required <= row.properties, row.name
        assert row.no_effect <= row.properties, row.name
        assert not row.named_by or row.named_by in row.properties, row.name
