"""Templates of both SES APIs, and sending with them, through real boto3 clients."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

TEMPLATE = {
    "TemplateName": "greeting",
    "SubjectPart": "Hello {{name}}",
    "TextPart": "Dear {{name}}, it is {{color}}.",
    "HtmlPart": "<p>{{name}}</p>",
}


@pytest.fixture
def ses(emulator: RunningEmulator) -> Any:
    client = emulator.client("ses")
    client.verify_domain_identity(Domain="example.com")
    client.create_template(Template=TEMPLATE)
    return client


def error_of(call: Any, **request: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_template_lives_from_creation_to_deletion_in_both_apis(emulator: RunningEmulator, ses: Any) -> None:
    v2 = emulator.client("sesv2")
    assert ses.get_template(TemplateName="greeting")["Template"] == TEMPLATE
    assert v2.get_email_template(TemplateName="greeting")["TemplateContent"]["Text"] == TEMPLATE["TextPart"]
    [listed] = ses.list_templates()["TemplatesMetadata"]
    assert listed["Name"] == "greeting"
    assert abs(listed["CreatedTimestamp"].timestamp() - emulator.now()) < 1
    v2.create_email_template(TemplateName="other", TemplateContent={"Subject": "s", "Text": "t"})
    page = v2.list_email_templates(PageSize=1)
    rest = v2.list_email_templates(PageSize=1, NextToken=page["NextToken"])
    assert [each["TemplateName"] for each in page["TemplatesMetadata"] + rest["TemplatesMetadata"]] == [
        "greeting",
        "other",
    ]
    assert "NextToken" not in rest
    v2.update_email_template(TemplateName="other", TemplateContent={"Subject": "s2", "Html": "h"})
    assert ses.get_template(TemplateName="other")["Template"] == {
        "TemplateName": "other", "SubjectPart": "s2", "HtmlPart": "h"
    }  # fmt: skip
    for _ in range(2):
        ses.delete_template(TemplateName="greeting")
    v2.delete_email_template(TemplateName="other")
    assert ses.list_templates()["TemplatesMetadata"] == []


def test_each_api_refuses_in_its_own_words(emulator: RunningEmulator, ses: Any) -> None:
    v2 = emulator.client("sesv2")
    gone = "Template nobody does not exist."
    assert error_of(ses.get_template, TemplateName="nobody") == ("TemplateDoesNotExist", gone, 400)
    assert error_of(v2.get_email_template, TemplateName="nobody") == ("NotFoundException", gone, 404)
    assert error_of(v2.delete_email_template, TemplateName="nobody") == ("NotFoundException", gone, 404)
    assert error_of(ses.update_template, Template={**TEMPLATE, "TemplateName": "nobody"})[0] == "TemplateDoesNotExist"
    assert error_of(ses.create_template, Template=TEMPLATE)[0] == "AlreadyExists"
    content = {"Subject": "s", "Text": "{{#if a}}"}
    again = error_of(v2.create_email_template, TemplateName="greeting", TemplateContent=content)
    assert (again[0], again[2]) == ("AlreadyExistsException", 400)
    assert error_of(v2.create_email_template, TemplateName="x", TemplateContent=content)[0] == "BadRequestException"
    assert error_of(ses.create_template, Template={"TemplateName": "x", "SubjectPart": "{{", "TextPart": "t"})[0] == (
        "InvalidTemplate"
    )
    assert error_of(ses.create_template, Template={"TemplateName": "x", "TextPart": "t"})[0] == "InvalidTemplate"
    assert error_of(ses.create_template, Template={**TEMPLATE, "TemplateName": "a b"})[0] == "InvalidParameterValue"
    large = {**TEMPLATE, "TemplateName": "large", "HtmlPart": "x" * 512_001}
    assert error_of(ses.create_template, Template=large)[0] == "LimitExceeded"


def test_the_test_of_a_template_shows_the_message_or_names_what_is_missing(emulator: RunningEmulator, ses: Any) -> None:
    v2 = emulator.client("sesv2")
    data = json.dumps({"name": "Ada", "color": "blue"})
    for answer in (
        ses.test_render_template(TemplateName="greeting", TemplateData=data),
        v2.test_render_email_template(TemplateName="greeting", TemplateData=data),
    ):
        message = answer["RenderedTemplate"]
        assert "\nSubject: Hello Ada\n" in message or message.startswith("Subject: Hello Ada\n")
        assert "Dear Ada, it is blue." in message
        assert "<p>Ada</p>" in message
        assert "From:" not in message
    text = "Attribute 'color' is not present in the rendering data."
    request = {"TemplateName": "greeting", "TemplateData": '{"name": "Ada"}'}
    assert error_of(ses.test_render_template, **request) == ("MissingRenderingAttribute", text, 400)
    assert error_of(v2.test_render_email_template, **request) == ("BadRequestException", text, 400)
    request["TemplateData"] = "no json"
    assert error_of(ses.test_render_template, **request)[0] == "InvalidRenderingParameter"
    assert error_of(v2.test_render_email_template, **request)[0] == "BadRequestException"


def test_a_templated_message_is_rendered_and_sent_by_both_apis(emulator: RunningEmulator, ses: Any) -> None:
    to = {"ToAddresses": ["ada@example.org"]}
    data = json.dumps({"name": "Ada", "color": "blue"})
    one = ses.send_templated_email(Source="a@example.com", Destination=to, Template="greeting", TemplateData=data)
    template: dict[str, Any] = {"TemplateName": "greeting", "TemplateData": data}
    template["Headers"] = [{"Name": "X-Kind", "Value": "greeting"}]
    template["Attachments"] = [{"FileName": "a.txt", "RawContent": b"a"}]
    v2 = emulator.client("sesv2")
    two = v2.send_email(FromEmailAddress="a@example.com", Destination=to, Content={"Template": template})
    inline = {"TemplateContent": {"Subject": "{{name}}!", "Text": "t"}, "TemplateData": data}
    v2.send_email(FromEmailAddress="a@example.com", Destination=to, Content={"Template": inline})
    first, second, third = emulator.inbox()
    assert (first["id"], second["id"]) == (one["MessageId"], two["MessageId"])
    assert (first["subject"], first["text"], first["html"]) == ("Hello Ada", "Dear Ada, it is blue.", "<p>Ada</p>")
    assert {"name": "X-Kind", "value": "greeting"} in second["headers"]
    assert second["attachments"][0]["filename"] == "a.txt"
    assert third["subject"] == "Ada!"


def test_a_message_that_cannot_be_rendered_is_accepted_and_never_delivered(emulator: RunningEmulator, ses: Any) -> None:
    to = {"ToAddresses": ["ada@example.org"]}
    request = {"Source": "a@example.com", "Destination": to, "Template": "greeting", "TemplateData": '{"name": "Ada"}'}
    identifier = ses.send_templated_email(**request)["MessageId"]
    emulator.settle()
    [message] = emulator.inbox()
    assert message["id"] == identifier
    text = "Attribute 'color' is not present in the rendering data."
    assert message["delivery"] == {"state": "rendering_failed", "detail": text}
    assert error_of(ses.send_templated_email, **{**request, "Template": "nobody"})[0] == "TemplateDoesNotExist"
    assert error_of(ses.send_templated_email, **{**request, "TemplateData": "[1]"})[0] == "InvalidRenderingParameter"


def test_data_cannot_add_headers_to_a_message(emulator: RunningEmulator, ses: Any) -> None:
    data = json.dumps({"name": "Ada\r\nBcc: eve@example.org", "color": "blue"})
    ses.send_templated_email(
        Source="a@example.com",
        Destination={"ToAddresses": ["ada@example.org"]},
        Template="greeting",
        TemplateData=data,
    )
    [message] = emulator.inbox()
    assert message["subject"] == "Hello Ada Bcc: eve@example.org"
    assert message["bcc"] == []


def test_in_bulk_each_destination_succeeds_or_fails_on_its_own(emulator: RunningEmulator, ses: Any) -> None:
    answer = ses.send_bulk_templated_email(
        Source="a@example.com",
        Template="greeting",
        DefaultTemplateData='{"name": "you", "color": "red"}',
        DefaultTags=[{"Name": "campaign", "Value": "one"}],
        Destinations=[
            {"Destination": {"ToAddresses": ["ada@example.org"]}, "ReplacementTemplateData": '{"name": "Ada"}'},
            {"Destination": {"ToAddresses": ["nobody"]}},
            {
                "Destination": {"ToAddresses": ["bob@example.org"]},
                "ReplacementTags": [{"Name": "campaign", "Value": "two"}],
            },
        ],
    )["Status"]
    assert [each["Status"] for each in answer] == ["Success", "InvalidParameterValue", "Success"]
    assert answer[1]["Error"] == "Missing final '@domain'"
    ada, bob = emulator.inbox()
    assert (ada["subject"], bob["subject"]) == ("Hello Ada", "Hello you")
    assert bob["tags"] == [{"name": "campaign", "value": "two"}]
    v2 = emulator.client("sesv2").send_bulk_email(
        FromEmailAddress="a@example.com",
        DefaultContent={"Template": {"TemplateName": "greeting", "TemplateData": '{"color": "red"}'}},
        BulkEmailEntries=[
            {
                "Destination": {"ToAddresses": ["ada@example.org"]},
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": '{"name": "v2"}'}},
                "ReplacementHeaders": [{"Name": "X-Number", "Value": "1"}],
            },
            {"Destination": {"ToAddresses": ["nobody"]}},
        ],
    )["BulkEmailEntryResults"]
    assert [each["Status"] for each in v2] == ["SUCCESS", "INVALID_PARAMETER"]
    assert emulator.inbox()[-1]["subject"] == "Hello v2"


def test_more_than_fifty_destinations_are_refused(ses: Any) -> None:
    destinations = [{"Destination": {"ToAddresses": ["ada@example.org"]}}] * 51
    request = {"Source": "a@example.com", "Template": "greeting", "DefaultTemplateData": "{}"}
    code = error_of(ses.send_bulk_templated_email, **request, Destinations=destinations)[0]
    assert code == "InvalidParameterValue"


def test_a_rendered_message_that_is_too_large_is_no_missing_attribute(emulator: RunningEmulator) -> None:
    ses = emulator.client("ses")
    text = "{{#each a}}" + "x" * 1000 + "{{/each}}"
    ses.create_template(Template={"TemplateName": "Large", "SubjectPart": "s", "TextPart": text})
    with pytest.raises(ClientError) as caught:
        ses.test_render_template(TemplateName="Large", TemplateData=json.dumps({"a": [0] * 11_000}))
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
