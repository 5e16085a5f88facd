"""Answers of the query protocol in JSON: lists, maps, numbers, what is absent, errors."""

from __future__ import annotations

import json

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.protocol import load_service
from emulator.services.apigateway.gateway.query_as_json import as_json

XML = [("Content-Type", "text/xml")]


def converted(service: str, operation: str, body: str, status: int = 200) -> object:
    request = HttpRequest("POST", "/", f"Action={operation}", [])
    answer = as_json(load_service(service).spoken_in(request), request, HttpResponse(status, XML, body.encode()))
    assert ("Content-Type", "application/json") in answer.headers
    return json.loads(answer.body)


def test_members_that_are_absent_are_null_and_lists_are_lists() -> None:
    body = """<ListTopicsResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListTopicsResult><Topics>
    <member><TopicArn>a</TopicArn></member></Topics></ListTopicsResult>
    <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></ListTopicsResponse>"""
    assert converted("sns", "ListTopics", body) == {
        "ListTopicsResponse": {
            "ListTopicsResult": {"NextToken": None, "Topics": [{"TopicArn": "a"}]},
            "ResponseMetadata": {"RequestId": "1"},
        }
    }


def test_maps_are_objects_and_an_operation_without_result_has_none() -> None:
    entries = "<entry><key>DisplayName</key><value>d</value></entry><entry><key>Owner</key><value>o</value></entry>"
    body = f"""<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes>{entries}</Attributes>
    </GetTopicAttributesResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
    </GetTopicAttributesResponse>"""
    result = {"Attributes": {"DisplayName": "d", "Owner": "o"}}
    assert converted("sns", "GetTopicAttributes", body) == {
        "GetTopicAttributesResponse": {"GetTopicAttributesResult": result, "ResponseMetadata": {"RequestId": "1"}}
    }
    empty = "<DeleteTopicResponse><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DeleteTopicResponse>"
    assert converted("sns", "DeleteTopic", empty) == {"DeleteTopicResponse": {"ResponseMetadata": {"RequestId": "1"}}}


def test_errors_are_errors() -> None:
    body = """<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error>
    <RequestId>1</RequestId></ErrorResponse>"""
    error = {"Code": "NotFound", "Message": "no", "Type": "Sender"}
    assert converted("sns", "Publish", body, 404) == {"Error": error, "RequestId": "1"}


def test_an_answer_that_is_no_xml_stays() -> None:
    answer = HttpResponse(200, [("Content-Type", "application/json")], b"{}")
    assert as_json(load_service("sns"), HttpRequest("POST", "/", "", []), answer) is answer
