"""Verification by mail and contact lists, through real boto3 clients."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def follow(url: str) -> tuple[int, str]:
    """Status and Location of a link."""
    try:
        with urllib.request.build_opener(_Stay).open(url, timeout=STUCK_SECONDS) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as answer:
        answer.close()
        return answer.code, answer.headers.get("Location", "")


def code_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def test_an_address_is_verified_by_the_link_it_gets(emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"ses_auto_verify": False})
    v2 = emulator.client("sesv2")
    v2.create_email_identity(EmailIdentity="ada@example.org")
    v2.create_email_identity(EmailIdentity="late@example.org")
    emulator.settle()
    assert v2.get_email_identity(EmailIdentity="ada@example.org")["VerificationStatus"] == "PENDING"
    ada, late = emulator.inbox()
    assert (ada["to"], ada["delivery"]["state"]) == (["ada@example.org"], "delivered")
    assert follow(ada["links"][0]) == (200, "")
    assert v2.get_email_identity(EmailIdentity="ada@example.org")["VerificationStatus"] == "SUCCESS"
    emulator.advance(86_401)
    assert follow(late["links"][0])[0] == 404
    assert v2.get_email_identity(EmailIdentity="late@example.org")["VerificationStatus"] == "PENDING"
    assert follow(f"{emulator.url}/_emulator/verify/nothing")[0] == 404


def test_custom_verification_mails_lead_back_to_the_application(emulator: RunningEmulator) -> None:
    ses, v2 = emulator.client("ses"), emulator.client("sesv2")
    template = {
        "TemplateName": "welcome",
        "FromEmailAddress": "hello@example.com",
        "TemplateSubject": "Is it you?",
        "TemplateContent": "<h1>Welcome</h1>",
        "SuccessRedirectionURL": "https://example.com/yes",
        "FailureRedirectionURL": "https://example.com/no",
    }
    assert code_of(ses.create_custom_verification_email_template, **template) == "FromEmailAddressNotVerified"
    ses.verify_domain_identity(Domain="example.com")
    ses.create_custom_verification_email_template(**template)
    again = ses.create_custom_verification_email_template
    assert code_of(again, **template) == "CustomVerificationEmailTemplateAlreadyExists"
    emulator.control("PUT", "settings", {"ses_auto_verify": False})
    v2.send_custom_verification_email(EmailAddress="ada@example.org", TemplateName="welcome")
    [message] = emulator.inbox()
    assert (message["from"], message["subject"]) == ("hello@example.com", "Is it you?")
    assert "<h1>Welcome</h1>" in message["html"]
    assert follow(message["links"][0]) == (302, "https://example.com/yes")
    assert v2.get_email_identity(EmailIdentity="ada@example.org")["VerificationStatus"] == "SUCCESS"
    ses.update_custom_verification_email_template(TemplateName="welcome", TemplateSubject="New")
    assert v2.get_custom_verification_email_template(TemplateName="welcome")["TemplateSubject"] == "New"
    [listed] = ses.list_custom_verification_email_templates()["CustomVerificationEmailTemplates"]
    assert (listed["TemplateName"], "TemplateContent" in listed) == ("welcome", False)
    v2.delete_custom_verification_email_template(TemplateName="welcome")
    assert code_of(v2.get_custom_verification_email_template, TemplateName="welcome") == "NotFoundException"
    missing = ses.get_custom_verification_email_template
    assert code_of(missing, TemplateName="welcome") == "CustomVerificationEmailTemplateDoesNotExist"


def test_contacts_are_kept_with_what_they_want(emulator: RunningEmulator) -> None:
    v2 = emulator.client("sesv2")
    topics = [{"TopicName": "news", "DisplayName": "News", "DefaultSubscriptionStatus": "OPT_IN"}]
    v2.create_contact_list(ContactListName="list", Topics=topics, Description="all")
    assert code_of(v2.create_contact_list, ContactListName="list") == "AlreadyExistsException"
    assert code_of(v2.create_contact_list, ContactListName="other") == "LimitExceededException"
    out = [{"TopicName": "news", "SubscriptionStatus": "OPT_OUT"}]
    v2.create_contact(ContactListName="list", EmailAddress="ada@example.org", AttributesData='{"a": 1}')
    v2.create_contact(ContactListName="list", EmailAddress="bob@example.org", TopicPreferences=out)
    contact = v2.get_contact(ContactListName="list", EmailAddress="ada@example.org")
    assert (contact["UnsubscribeAll"], contact["AttributesData"]) == (False, '{"a": 1}')
    assert contact["TopicDefaultPreferences"] == [{"TopicName": "news", "SubscriptionStatus": "OPT_IN"}]
    wanted = {"TopicName": "news", "UseDefaultIfPreferenceUnavailable": True}
    chosen = {"FilteredStatus": "OPT_IN", "TopicFilter": wanted}
    listed = v2.list_contacts(ContactListName="list", Filter=chosen)["Contacts"]
    assert [each["EmailAddress"] for each in listed] == ["ada@example.org"]
    page = v2.list_contacts(ContactListName="list", PageSize=1)
    rest = v2.list_contacts(ContactListName="list", PageSize=1, NextToken=page["NextToken"])["Contacts"]
    assert [each["EmailAddress"] for each in rest] == ["bob@example.org"]
    v2.update_contact(ContactListName="list", EmailAddress="ada@example.org", UnsubscribeAll=True)
    assert v2.get_contact(ContactListName="list", EmailAddress="ada@example.org")["UnsubscribeAll"] is True
    unknown = [{"TopicName": "x", "SubscriptionStatus": "OPT_IN"}]
    update = v2.update_contact
    wrong = {"ContactListName": "list", "EmailAddress": "ada@example.org", "TopicPreferences": unknown}
    assert code_of(update, **wrong) == "NotFoundException"
    assert code_of(v2.create_contact, ContactListName="list", EmailAddress="x") == "BadRequestException"
    v2.delete_contact(ContactListName="list", EmailAddress="bob@example.org")
    assert code_of(v2.get_contact, ContactListName="list", EmailAddress="bob@example.org") == "NotFoundException"
    v2.update_contact_list(ContactListName="list", Description="new")
    assert v2.get_contact_list(ContactListName="list")["Description"] == "new"
    v2.delete_contact_list(ContactListName="list")
    assert v2.list_contact_lists()["ContactLists"] == []
