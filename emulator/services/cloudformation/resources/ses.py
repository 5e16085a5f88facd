"""Identities, configuration sets, templates, contact lists and what becomes of incoming mail.

By the operations of SES API v2 where it has them; receipt rules are API v1's alone.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Any, cast

from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import deleting, retag
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    Properties,
    ResourceType,
    Steps,
    Subject,
    words,
)

_NAME = "ConfigurationSetName"


def _arn(it: Subject, kind: str, name: str) -> str:
    return f"arn:aws:ses:{it.scope.region}:{it.scope.account}:{kind}/{name}"


# ── identities ──


def _create_identity(it: Subject) -> Steps:
    request = it.wanted("EmailIdentity", "DkimSigningAttributes")
    made = yield Call("CreateEmailIdentity", {**request, "Tags": it.all_tags() or None})
    yield from _configure_identity(it)
    return Made(str(it.get("EmailIdentity")), _dkim(it, (made.get("DkimAttributes") or {}).get("Tokens") or []))


def _has_own_key(it: Subject) -> bool:
    return bool((it.get("DkimSigningAttributes") or {}).get("DomainSigningPrivateKey"))


def _dkim(it: Subject, tokens: list[str]) -> dict[str, Json]:
    """The CNAME records of Easy DKIM; empty for identities that have none."""
    found: dict[str, Json] = {}
    tokens = [] if _has_own_key(it) else tokens
    for index in range(3):
        token = tokens[index] if index < len(tokens) else ""
        found[f"DkimDNSTokenName{index + 1}"] = f"{token}._domainkey.{it.get('EmailIdentity')}" if token else ""
        found[f"DkimDNSTokenValue{index + 1}"] = f"{token}.dkim.amazonses.com" if token else ""
    return found


def _configure_identity(it: Subject) -> Generator[Call, Json, None]:
    """What has operations of its own."""
    for name, operation, back in (
        ("ConfigurationSetAttributes", "PutEmailIdentityConfigurationSetAttributes", {}),
        ("DkimAttributes", "PutEmailIdentityDkimAttributes", {"SigningEnabled": True}),
        ("FeedbackAttributes", "PutEmailIdentityFeedbackAttributes", {"EmailForwardingEnabled": True}),
        ("MailFromAttributes", "PutEmailIdentityMailFromAttributes", {}),
    ):
        if it.changed(name):
            yield Call(operation, {**(it.get(name) or back), "EmailIdentity": it.get("EmailIdentity")})


def _update_identity(it: Subject) -> Steps:
    attributes = it.attributes
    signing: dict[str, Any] = it.get("DkimSigningAttributes") or {}
    if it.changed("DkimSigningAttributes"):
        origin = "EXTERNAL" if _has_own_key(it) else "AWS_SES"
        request = {"EmailIdentity": it.physical_id, "SigningAttributesOrigin": origin}
        made = yield Call("PutEmailIdentityDkimSigningAttributes", {**request, "SigningAttributes": signing or None})
        attributes = _dkim(it, made.get("DkimTokens") or [])
    yield from _configure_identity(it)
    yield from retag(it, _arn(it, "identity", it.physical_id))
    return Made(it.physical_id, attributes)


# ── configuration sets ──

_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "DeliveryOptions": ("PutConfigurationSetDeliveryOptions", {"TlsPolicy": "OPTIONAL"}),
    "ReputationOptions": ("PutConfigurationSetReputationOptions", {"ReputationMetricsEnabled": False}),
    "SendingOptions": ("PutConfigurationSetSendingOptions", {"SendingEnabled": True}),
    "SuppressionOptions": ("PutConfigurationSetSuppressionOptions", {}),
    "TrackingOptions": ("PutConfigurationSetTrackingOptions", {}),
}
"""Property → operation that changes it, and what it goes back to."""


def _create_set(it: Subject) -> Steps:
    request = it.wanted(*_OPTIONS, "ArchivingOptions", "VdmOptions")
    yield Call("CreateConfigurationSet", {**request, _NAME: it.name, "Tags": it.all_tags() or None})
    return Made(it.name)


def _update_set(it: Subject) -> Steps:
    name = it.physical_id
    for option, (operation, back) in _OPTIONS.items():
        if it.changed(option):
            yield Call(operation, {_NAME: name, **(it.get(option) or back)})
    if it.changed("VdmOptions"):
        yield Call("PutConfigurationSetVdmOptions", {_NAME: name, "VdmOptions": it.get("VdmOptions") or {}})
    if it.changed("ArchivingOptions"):
        yield Call("PutConfigurationSetArchivingOptions", {_NAME: name, **(it.get("ArchivingOptions") or {})})
    yield from retag(it, _arn(it, "configuration-set", name))
    return Made(name)


def _destination(it: Subject) -> dict[str, Any]:
    """EventDestination in API v2's words: templates use v1's (`renderingFailure`, `messageTag`), too."""
    given = {key: value for key, value in it.get("EventDestination").items() if key != "Name"}
    if isinstance(given.get("MatchingEventTypes"), list):
        given["MatchingEventTypes"] = [_constant(kind) for kind in given["MatchingEventTypes"]]
    metrics = given.get("CloudWatchDestination")
    if isinstance(metrics, Mapping):
        dimensions = cast("list[dict[str, Any]]", metrics.get("DimensionConfigurations") or [])
        given["CloudWatchDestination"] = {
            "DimensionConfigurations": [
                {**each, "DimensionValueSource": _constant(each.get("DimensionValueSource"))} for each in dimensions
            ]
        }
    return given


def _constant(text: Json) -> str:
    """`renderingFailure` → `RENDERING_FAILURE`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(text)).upper()


def _create_destination(it: Subject) -> Steps:
    name = it.get("EventDestination").get("Name") or it.name
    request = {**it.wanted(_NAME), "EventDestinationName": name, "EventDestination": _destination(it)}
    yield Call("CreateConfigurationSetEventDestination", request)
    return Made(name, {"Id": name})


def _update_destination(it: Subject) -> Steps:
    request = {**it.wanted(_NAME), "EventDestinationName": it.physical_id, "EventDestination": _destination(it)}
    yield Call("UpdateConfigurationSetEventDestination", request)
    return Made(it.physical_id, it.attributes)


def _renamed(member: str, name: str) -> Any:
    """Whether the name within a property is another one than before."""

    def compare(before: Properties, after: Properties) -> bool:
        return (before.get(member) or {}).get(name) != (after.get(member) or {}).get(name)

    return compare


# ── templates, lists, pools ──


def _content(it: Subject) -> dict[str, Any]:
    names = {"HtmlPart": "Html", "SubjectPart": "Subject", "TextPart": "Text"}
    given: dict[str, Any] = it.get("Template") or {}
    return {names.get(key, key): value for key, value in given.items() if key != "TemplateName"}


def _create_template(it: Subject) -> Steps:
    name = (it.get("Template") or {}).get("TemplateName") or it.name
    request = {"TemplateName": name, "TemplateContent": _content(it), "Tags": it.all_tags() or None}
    yield Call("CreateEmailTemplate", request)
    return Made(name, {"Id": name})


def _update_template(it: Subject) -> Steps:
    yield Call("UpdateEmailTemplate", {"TemplateName": it.physical_id, "TemplateContent": _content(it)})
    yield from retag(it, _arn(it, "template", it.physical_id))
    return Made(it.physical_id, it.attributes)


_VERIFICATION = (
    "FailureRedirectionURL FromEmailAddress SuccessRedirectionURL TemplateContent TemplateName TemplateSubject"
)


def _create_verification(it: Subject) -> Steps:
    yield Call("CreateCustomVerificationEmailTemplate", it.wanted(*_VERIFICATION.split()))
    return Made(str(it.get("TemplateName")))


def _update_verification(it: Subject) -> Steps:
    yield Call("UpdateCustomVerificationEmailTemplate", it.wanted(*_VERIFICATION.split()))
    return Made(it.physical_id)


def _create_list(it: Subject) -> Steps:
    request = it.wanted("ContactListName", "Description", "Topics")
    yield Call("CreateContactList", {**request, "Tags": it.all_tags() or None})
    return Made(it.name)


def _update_list(it: Subject) -> Steps:
    request = {"Description": "", "Topics": [], **it.wanted("Description", "Topics")}
    yield Call("UpdateContactList", {**request, "ContactListName": it.physical_id})
    yield from retag(it, _arn(it, "contact-list", it.physical_id))
    return Made(it.physical_id)


def _create_pool(it: Subject) -> Steps:
    yield Call("CreateDedicatedIpPool", {**it.wanted("PoolName", "ScalingMode"), "Tags": it.all_tags() or None})
    return Made(it.name)


def _update_pool(it: Subject) -> Steps:
    if it.changed("ScalingMode"):
        request = {"PoolName": it.physical_id, "ScalingMode": it.get("ScalingMode", "STANDARD")}
        yield Call("PutDedicatedIpPoolScalingAttributes", request)
    yield from retag(it, _arn(it, "dedicated-ip-pool", it.physical_id))
    return Made(it.physical_id)


def _put_vdm(it: Subject) -> Steps:
    settings = it.wanted("DashboardAttributes", "GuardianAttributes")
    yield Call("PutAccountVdmAttributes", {"VdmAttributes": {"VdmEnabled": "ENABLED", **settings}})
    identifier = it.physical_id or it.token
    return Made(identifier, {"VdmAttributesResourceId": identifier})


def _stop_vdm(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("PutAccountVdmAttributes", {"VdmAttributes": {"VdmEnabled": "DISABLED"}})
    return None


# ── incoming mail ──


def _create_rule_set(it: Subject) -> Steps:
    yield Call("CreateReceiptRuleSet", {"RuleSetName": it.name}, "ses")
    return Made(it.name)


def _create_rule(it: Subject) -> Steps:
    rule: dict[str, Any] = {**it.get("Rule")}
    name = rule.get("Name") or it.name
    yield Call("CreateReceiptRule", {**it.wanted("RuleSetName", "After"), "Rule": {**rule, "Name": name}}, "ses")
    return Made(name, {"Id": name, "RuleName": name})


def _update_rule(it: Subject) -> Steps:
    rule = {**it.get("Rule"), "Name": it.physical_id}
    yield Call("UpdateReceiptRule", {**it.wanted("RuleSetName"), "Rule": rule}, "ses")
    if it.changed("After"):
        place = {**it.wanted("RuleSetName", "After"), "RuleName": it.physical_id}
        yield Call("SetReceiptRulePosition", place, "ses")
    return Made(it.physical_id, it.attributes)


def _create_filter(it: Subject) -> Steps:
    name = it.get("Filter").get("Name") or it.name
    yield Call("CreateReceiptFilter", {"Filter": {**it.get("Filter"), "Name": name}}, "ses")
    return Made(name, {"Id": name})


TYPES = [
    ResourceType(
        name="AWS::SES::EmailIdentity",
        service="sesv2",
        properties=words("ConfigurationSetAttributes DkimAttributes DkimSigningAttributes EmailIdentity")
        | words("FeedbackAttributes MailFromAttributes Tags"),
        required=words("EmailIdentity"),
        replaces=words("EmailIdentity"),
        create=_create_identity,
        update=_update_identity,
        delete=deleting("DeleteEmailIdentity", "EmailIdentity"),
    ),
    ResourceType(
        name="AWS::SES::ConfigurationSet",
        service="sesv2",
        properties=words("ArchivingOptions Name Tags VdmOptions") | frozenset(_OPTIONS),
        replaces=words("Name"),
        named_by="Name",
        create=_create_set,
        update=_update_set,
        delete=deleting("DeleteConfigurationSet", _NAME),
    ),
    ResourceType(
        name="AWS::SES::ConfigurationSetEventDestination",
        service="sesv2",
        properties=words(f"{_NAME} EventDestination"),
        required=words(f"{_NAME} EventDestination"),
        replaces=words(_NAME),
        replaces_when=_renamed("EventDestination", "Name"),
        create=_create_destination,
        update=_update_destination,
        delete=deleting("DeleteConfigurationSetEventDestination", "EventDestinationName", ConfigurationSetName=_NAME),
    ),
    ResourceType(
        name="AWS::SES::Template",
        service="sesv2",
        properties=words("Tags Template"),
        replaces_when=_renamed("Template", "TemplateName"),
        create=_create_template,
        update=_update_template,
        delete=deleting("DeleteEmailTemplate", "TemplateName"),
    ),
    ResourceType(
        name="AWS::SES::CustomVerificationEmailTemplate",
        service="sesv2",
        properties=words(f"{_VERIFICATION} Tags"),
        required=words(_VERIFICATION),
        no_effect=words("Tags"),
        replaces=words("TemplateName"),
        create=_create_verification,
        update=_update_verification,
        delete=deleting("DeleteCustomVerificationEmailTemplate", "TemplateName"),
    ),
    ResourceType(
        name="AWS::SES::ContactList",
        service="sesv2",
        properties=words("ContactListName Description Tags Topics"),
        replaces=words("ContactListName"),
        named_by="ContactListName",
        create=_create_list,
        update=_update_list,
        delete=deleting("DeleteContactList", "ContactListName"),
    ),
    ResourceType(
        name="AWS::SES::DedicatedIpPool",
        service="sesv2",
        properties=words("PoolName ScalingMode Tags"),
        replaces=words("PoolName"),
        named_by="PoolName",
        create=_create_pool,
        update=_update_pool,
        delete=deleting("DeleteDedicatedIpPool", "PoolName"),
    ),
    ResourceType(
        name="AWS::SES::VdmAttributes",
        service="sesv2",
        properties=words("DashboardAttributes GuardianAttributes"),
        create=_put_vdm,
        update=_put_vdm,
        delete=_stop_vdm,
    ),
    ResourceType(
        name="AWS::SES::ReceiptRuleSet",
        service="ses",
        properties=words("RuleSetName"),
        replaces=words("RuleSetName"),
        named_by="RuleSetName",
        create=_create_rule_set,
        delete=deleting("DeleteReceiptRuleSet", "RuleSetName"),
    ),
    ResourceType(
        name="AWS::SES::ReceiptRule",
        service="ses",
        properties=words("After Rule RuleSetName"),
        required=words("Rule RuleSetName"),
        replaces=words("RuleSetName"),
        replaces_when=_renamed("Rule", "Name"),
        create=_create_rule,
        update=_update_rule,
        delete=deleting("DeleteReceiptRule", "RuleName", RuleSetName="RuleSetName"),
    ),
    ResourceType(
        name="AWS::SES::ReceiptFilter",
        service="ses",
        properties=words("Filter"),
        required=words("Filter"),
        replaces=words("Filter"),
        create=_create_filter,
        delete=deleting("DeleteReceiptFilter", "FilterName"),
    ),
]
