"""Opens, clicks and who leaves a list: what SES puts into messages, and what it tells when people follow it."""

from __future__ import annotations

import http.client
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.test_ses_events import Topic, error_of

ENGAGED = ["OPEN", "CLICK", "SUBSCRIPTION", "BOUNCE", "COMPLAINT"]
HTML = (
    '<html><body>{{ses:openTracker}}<a class="x" href=\'https://example.com/a?b=1&amp;c=2\' ses:tags="k:v;k:w;">a</a>'
    '<a href="https://example.com/plain" ses:no-track>b</a><a href="mailto:me@example.com">c</a></body></html>'
)


@pytest.fixture
def topic(emulator: RunningEmulator) -> Topic:
    v2 = emulator.client("sesv2")
    v2.create_email_identity(EmailIdentity="example.com")
    v2.create_configuration_set(ConfigurationSetName="set")
    made = Topic(emulator)
    v2.create_configuration_set_event_destination(
        ConfigurationSetName="set",
        EventDestinationName="all",
        EventDestination={"Enabled": True, "MatchingEventTypes": ENGAGED, "SnsDestination": {"TopicArn": made.arn}},
    )
    return made


def follow(emulator: RunningEmulator, url: str, method: str = "GET", accept: str = "*/*") -> tuple[int, str, bytes]:
    """(status, Location, body) of a link of the emulator's own."""
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=STUCK_SECONDS)
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = {"User-Agent": "Reader/1.0", "Accept": accept}
    connection.request(method, path, headers=headers, body=b"" if method == "POST" else None)
    with connection.getresponse() as answer:
        body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Location") or "", body


def send(emulator: RunningEmulator, html: str = HTML, **changes: Any) -> str:
    request: dict[str, Any] = {
        "FromEmailAddress": "a@example.com",
        "Destination": {"ToAddresses": ["ada@example.org"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "s"},
                "Body": {"Html": {"Data": html}, "Text": {"Data": "Leave: {{amazonSESUnsubscribeUrl}}"}},
            }
        },
        "ConfigurationSetName": "set",
    }
    return emulator.client("sesv2").send_email(**{**request, **changes})["MessageId"]


def html_of(emulator: RunningEmulator, identifier: str) -> str:
    return emulator.control("GET", f"inbox/{identifier}")["html"]


def test_a_message_tells_that_it_was_opened_and_its_links_followed(emulator: RunningEmulator, topic: Topic) -> None:
    identifier = send(emulator)
    html = html_of(emulator, identifier)
    [pixel] = re.findall(r'<body><img alt="" src="([^"]+)"', html)
    [through, plain, mailto] = re.findall(r'href="([^"]+)"', html)
    assert (plain, mailto) == ("https://example.com/plain", "mailto:me@example.com")
    assert "ses:" not in html
    emulator.settle()
    topic.told()
    status, _, body = follow(emulator, pixel)
    assert (status, body[:6]) == (200, b"GIF89a")
    assert follow(emulator, through)[:2] == (302, "https://example.com/a?b=1&c=2")
    opened, clicked = sorted(topic.events(), key=lambda event: event["eventType"], reverse=True)
    assert list(opened) == ["eventType", "mail", "open"]
    assert list(opened["open"]) == ["ipAddress", "timestamp", "userAgent"]
    assert (opened["open"]["userAgent"], opened["mail"]["messageId"]) == ("Reader/1.0", identifier)
    assert list(clicked) == ["eventType", "click", "mail"]
    assert list(clicked["click"]) == ["ipAddress", "link", "linkTags", "timestamp", "userAgent"]
    assert clicked["click"]["link"] == "https://example.com/a?b=1&c=2"
    assert clicked["click"]["linkTags"] == {"k": ["v", "w"]}
    assert follow(emulator, through[:-1] + "7")[0] == 404
    emulator.advance(61 * 86400)
    assert follow(emulator, pixel)[0] == 200
    assert topic.events() == []  # SES collects for 60 days
    emulator.control("DELETE", f"inbox/{identifier}")
    assert follow(emulator, pixel)[0] == follow(emulator, through)[0] == 404


def test_to_read_a_message_in_the_inbox_is_to_open_it(emulator: RunningEmulator, topic: Topic) -> None:
    identifier = send(emulator, '<a href="https://example.com/">x</a>')
    [link] = emulator.control("GET", f"inbox/{identifier}")["links"]
    page = follow(emulator, f"/_emulator/inbox/{identifier}", accept="text/html")[2].decode()
    assert f'<a href="{link}" rel="noreferrer' in page
    [allowed] = re.findall(r"img-src data: ([^;]+);", page)
    assert f"src=&quot;{allowed}{identifier}&quot;" in page
    assert 'sandbox=""' in page


def test_messages_of_other_sets_and_of_text_stay_as_they_are(emulator: RunningEmulator, topic: Topic) -> None:
    emulator.client("sesv2").create_configuration_set(ConfigurationSetName="quiet")
    html = '<a href="https://example.com/">x</a>'
    for changes in ({"ConfigurationSetName": "quiet"}, {"ConfigurationSetName": ""}):
        assert html_of(emulator, send(emulator, html, **changes)) == html
    raw = b"From: a@example.com\r\nTo: ada@example.org\r\nSubject: s\r\n\r\nhttps://example.com/\r\n"
    identifier = send(emulator, Content={"Raw": {"Data": raw}})
    assert emulator.control("GET", f"inbox/{identifier}")["text"] == "https://example.com/"


def test_raw_and_templated_messages_are_tracked_too(emulator: RunningEmulator, topic: Topic) -> None:
    raw = (
        "From: a@example.com\r\nTo: ada@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n'
        'Content-Transfer-Encoding: 8bit\r\n\r\n<p>Größe <a href="https://example.com/">x</a></p>\r\n'
        "--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n"
        '<a href="https://example.com/untouched">x</a>\r\n--b--\r\n'
    ).encode("iso-8859-1")
    message = emulator.control("GET", f"inbox/{send(emulator, Content={'Raw': {'Data': raw}})}")
    assert message["subject"] == "Grüße"
    assert message["html"].startswith("<p>Größe <a href=")
    assert "/_emulator/opened/" in message["html"]
    through = message["links"][0]
    assert follow(emulator, through)[:2] == (302, "https://example.com/")
    _, _, attachment = follow(emulator, message["attachments"][0]["path"])
    assert b"https://example.com/untouched" in attachment
    emulator.client("sesv2").create_email_template(
        TemplateName="t", TemplateContent={"Subject": "s", "Html": "{{ses:openTracker}}<a href='{{link}}'>x</a>"}
    )
    content = {"Template": {"TemplateName": "t", "TemplateData": '{"link": "https://example.com/t"}'}}
    message = emulator.control("GET", f"inbox/{send(emulator, Content=content)}")
    assert message["html"].startswith('<img alt="" src="')
    assert follow(emulator, message["links"][0])[:2] == (302, "https://example.com/t")


def lists(emulator: RunningEmulator) -> dict[str, Any]:
    """A contact list with a topic, and how to send by it."""
    emulator.client("sesv2").create_contact_list(
        ContactListName="readers",
        Topics=[{"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_IN"}],
    )
    return {"ListManagementOptions": {"ContactListName": "readers", "TopicName": "news"}}


def test_whoever_leaves_a_topic_gets_no_more_of_it(emulator: RunningEmulator, topic: Topic) -> None:
    options = lists(emulator)
    identifier = send(emulator, "<p>no link</p>", **options)
    message = emulator.control("GET", f"inbox/{identifier}")
    headers = {header["name"]: header["value"] for header in message["headers"]}
    leave = headers["List-Unsubscribe"].strip("<>")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["text"] == f"Leave: {leave}"
    emulator.settle()
    topic.told()
    assert b'method="post"' in follow(emulator, leave)[2]
    assert topic.events() == []  # who only looks stays
    assert follow(emulator, leave, "POST")[0] == 200
    [event] = topic.events()
    assert list(event) == ["eventType", "mail", "subscription"]
    assert (event["eventType"], event["subscription"]["source"]) == ("Subscription", "UnsubscribeHeader")
    assert event["subscription"]["newTopicPreferences"] == {
        "unsubscribeAll": False,
        "topicSubscriptionStatus": [{"topicName": "news", "subscriptionStatus": "OptOut"}],
    }
    assert event["subscription"]["oldTopicPreferences"]["topicSubscriptionStatus"][0]["subscriptionStatus"] == "OptIn"
    v2 = emulator.client("sesv2")
    contact = v2.get_contact(ContactListName="readers", EmailAddress="ada@example.org")
    assert contact["TopicPreferences"] == [{"TopicName": "news", "SubscriptionStatus": "OPT_OUT"}]
    send(emulator, **options)
    emulator.settle()
    [bounce] = topic.events()
    assert bounce["bounce"]["bounceSubType"] == "UnsubscribedRecipient"
    assert v2.list_suppressed_destinations()["SuppressedDestinationSummaries"] == []
    send(emulator, ListManagementOptions={"ContactListName": "readers"})
    emulator.settle()
    assert emulator.inbox()[-1]["delivery"]["state"] == "delivered"  # of the list, all but one topic


def test_whoever_leaves_a_list_gets_no_more_of_it_by_raw_messages_either(
    emulator: RunningEmulator, topic: Topic
) -> None:
    lists(emulator)
    raw = (
        b"From: a@example.com\r\nTo: ada@example.org\r\nSubject: s\r\nList-Unsubscribe: <https://example.com/own>\r\n"
        b"X-SES-LIST-MANAGEMENT-OPTIONS: readers\r\n\r\nLeave: {{amazonSESUnsubscribeUrl}}\r\n"
    )
    identifier = send(emulator, Content={"Raw": {"Data": raw}})
    message = emulator.control("GET", f"inbox/{identifier}")
    [leave] = message["links"]
    assert [each["value"] for each in message["headers"] if each["name"] == "List-Unsubscribe"] == [f"<{leave}>"]
    assert follow(emulator, leave + "?page=true", "POST")[0] == 200
    emulator.settle()
    [event] = topic.events()
    assert event["subscription"]["source"] == "UnsubscribePage"
    assert event["subscription"]["newTopicPreferences"]["unsubscribeAll"] is True
    send(emulator, Content={"Raw": {"Data": raw}})
    emulator.settle()
    assert [event["eventType"] for event in topic.events()] == ["Bounce"]
    plain = send(emulator)
    assert follow(emulator, f"/_emulator/unsubscribe/{plain}", "POST")[0] == 404


def test_lists_that_are_not_there_and_several_recipients_are_refused(emulator: RunningEmulator, topic: Topic) -> None:
    v2 = emulator.client("sesv2")
    request: dict[str, Any] = {
        "FromEmailAddress": "a@example.com",
        "Destination": {"ToAddresses": ["ada@example.org"]},
        "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
    }
    answer = error_of(v2.send_email, **request, ListManagementOptions={"ContactListName": "none"})
    assert answer == ("NotFoundException", "List with name: none doesn't exist.", 404)
    lists(emulator)
    options = {"ContactListName": "readers", "TopicName": "none"}
    assert error_of(v2.send_email, **request, ListManagementOptions=options)[0] == "NotFoundException"
    request["Destination"] = {"ToAddresses": ["ada@example.org", "bob@example.org"]}
    options = {"ContactListName": "readers"}
    assert error_of(v2.send_email, **request, ListManagementOptions=options)[0] == "BadRequestException"
    assert emulator.inbox() == []


def test_a_recipient_complains_in_the_inbox(emulator: RunningEmulator, topic: Topic) -> None:
    identifier = send(emulator)
    emulator.settle()
    topic.told()
    emulator.control("POST", f"inbox/{identifier}/complain", {"to": "ada@example.org"})
    [event] = topic.events()
    assert event["complaint"]["complainedRecipients"] == [{"emailAddress": "ada@example.org"}]
    [listed] = emulator.client("sesv2").list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert (listed["EmailAddress"], listed["Reason"]) == ("ada@example.org", "COMPLAINT")
    [point] = emulator.client("ses").get_send_statistics()["SendDataPoints"]
    assert (point["DeliveryAttempts"], point["Complaints"]) == (1, 1)
