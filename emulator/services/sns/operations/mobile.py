"""Platform applications and their endpoints, as records: nothing reaches a push service.

What is published to an endpoint is written to the log group that AWS has for deliveries of its application.
Texts of errors are those that clients of SNS have seen where known, else unverified.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.sns import model, store_documents
from emulator.services.sns.endpoints import endpoint_parts, required_endpoint, resource_parts
from emulator.services.sns.model import invalid, not_found
from emulator.services.sns.operations.paging import page_after
from emulator.services.sns.store_documents import APPLICATION, Document, endpoints_of, tokens_of

PLATFORMS = frozenset(
    {"ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "GCM", "MACOS", "MACOS_SANDBOX"}
    | {"MPNS", "WNS"}
)
_SECRET = ("PlatformCredential", "PlatformPrincipal")
"""Attributes of an application that are written and never shown."""
_APPLICATION_ATTRIBUTES = frozenset(
    {*_SECRET, "EventEndpointCreated", "EventEndpointDeleted", "EventEndpointUpdated", "EventDeliveryFailure"}
    | {"SuccessFeedbackRoleArn", "FailureFeedbackRoleArn", "SuccessFeedbackSampleRate"}
    | {"ApplePlatformTeamID", "ApplePlatformBundleID", "Enabled"}
)
_ENDPOINT_ATTRIBUTES = ("CustomUserData", "Enabled", "Token")
_LONGEST_USER_DATA_BYTES = 2048
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")


class MobileOperations:
    """SNS's operations on mobile applications and endpoints."""

    def create_application(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreatePlatformApplication: made anew it keeps its endpoints and takes the new attributes."""
        name, platform = request["Name"], request["Platform"]
        if not _NAME.fullmatch(name):
            raise invalid("Name Reason: Platform Application name is invalid")
        if platform not in PLATFORMS:
            raise invalid(f"Platform Reason: {platform} is not supported")
        attributes = _application_attributes(request.get("Attributes") or {})
        if not attributes.get("PlatformCredential"):
            raise invalid("Attributes Reason: Platform credentials are required")
        resource = f"{platform}/{name}"
        store_documents.put(tx, scope, APPLICATION, resource, {"Enabled": "true", **attributes})
        return {"PlatformApplicationArn": f"arn:aws:sns:{scope.region}:{scope.account}:app/{resource}"}

    def delete_application(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeletePlatformApplication, with its endpoints; one that does not exist is no error."""
        owner, resource = resource_parts(request.get("PlatformApplicationArn"), "PlatformApplicationArn", "app/")
        store_documents.delete(tx, owner, APPLICATION, resource)
        store_documents.delete_all(tx, owner, endpoints_of(resource))
        store_documents.delete_all(tx, owner, tokens_of(resource))
        return {}

    def get_application(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetPlatformApplicationAttributes, without its credentials."""
        _, found = _application(tx, request)
        return {"Attributes": _shown(found)}

    def set_application(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetPlatformApplicationAttributes."""
        owner, found = _application(tx, request)
        changes = _application_attributes(request.get("Attributes") or {})
        store_documents.put(tx, owner, APPLICATION, found.name, {**found.body, **changes})
        return {}

    def list_applications(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListPlatformApplications, 100 at a time."""
        found = store_documents.page(tx, scope, APPLICATION, page_after(request), model.PAGE + 1)
        prefix = f"arn:aws:sns:{scope.region}:{scope.account}:app/"
        listed = [
            {"PlatformApplicationArn": prefix + each.name, "Attributes": _shown(each)} for each in found[: model.PAGE]
        ]
        return {"PlatformApplications": listed, **_token(found)}

    def create_endpoint(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreatePlatformEndpoint; the same token with the same attributes answers with the endpoint that is there."""
        owner, application = _application(tx, request)
        token = request["Token"]
        if not token:
            raise invalid("Token")
        attributes = _endpoint_attributes({"CustomUserData": request.get("CustomUserData") or ""})
        attributes |= _endpoint_attributes(request.get("Attributes") or {})
        wanted = {"Enabled": "true", **attributes, "Token": token}
        prefix = f"arn:aws:sns:{owner.region}:{owner.account}:endpoint/{application.name}/"
        known = store_documents.get(tx, owner, tokens_of(application.name), token)
        if known is not None:
            identifier = known.body["endpoint"]
            existing = store_documents.get(tx, owner, endpoints_of(application.name), identifier)
            assert existing is not None, "a token belongs to an endpoint that is there"
            if existing.body != wanted:
                text = "already exists with the same Token, but different attributes."
                raise invalid(f"Token Reason: Endpoint {prefix}{identifier} {text}")
            return {"EndpointArn": prefix + identifier}
        identifier = tx.new_id()
        store_documents.put(tx, owner, endpoints_of(application.name), identifier, wanted)
        store_documents.put(tx, owner, tokens_of(application.name), token, {"endpoint": identifier})
        return {"EndpointArn": prefix + identifier}

    def delete_endpoint(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteEndpoint; one that does not exist is no error. Subscriptions of it stay, as on AWS."""
        owner, application, identifier = endpoint_parts(request.get("EndpointArn"), "EndpointArn")
        found = store_documents.get(tx, owner, endpoints_of(application), identifier)
        if found is not None:
            store_documents.delete(tx, owner, endpoints_of(application), identifier)
            store_documents.delete(tx, owner, tokens_of(application), found.body["Token"])
        return {}

    def get_endpoint(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetEndpointAttributes."""
        _, _, found = required_endpoint(tx, request.get("EndpointArn"), "EndpointArn")
        return {"Attributes": _filled(found.body)}

    def set_endpoint(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetEndpointAttributes."""
        owner, application, found = required_endpoint(tx, request.get("EndpointArn"), "EndpointArn")
        changed = {**found.body, **_endpoint_attributes(request.get("Attributes") or {})}
        tokens = tokens_of(application)
        if changed["Token"] != found.body["Token"]:
            if store_documents.get(tx, owner, tokens, changed["Token"]) is not None:
                raise invalid("Token Reason: another endpoint has the same Token")
            store_documents.delete(tx, owner, tokens, found.body["Token"])
            store_documents.put(tx, owner, tokens, changed["Token"], {"endpoint": found.name})
        store_documents.put(tx, owner, endpoints_of(application), found.name, changed)
        return {}

    def list_endpoints(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListEndpointsByPlatformApplication, 100 at a time."""
        owner, application = _application(tx, request)
        kind = endpoints_of(application.name)
        found = store_documents.page(tx, owner, kind, page_after(request), model.PAGE + 1)
        prefix = f"arn:aws:sns:{owner.region}:{owner.account}:endpoint/{application.name}/"
        listed = [{"EndpointArn": prefix + each.name, "Attributes": _filled(each.body)} for each in found[: model.PAGE]]
        return {"Endpoints": listed, **_token(found)}

    def table(self) -> dict[str, Any]:
        """From AWS's name to method."""
        return {
            "CreatePlatformApplication": self.create_application,
            "DeletePlatformApplication": self.delete_application,
            "GetPlatformApplicationAttributes": self.get_application,
            "SetPlatformApplicationAttributes": self.set_application,
            "ListPlatformApplications": self.list_applications,
            "CreatePlatformEndpoint": self.create_endpoint,
            "DeleteEndpoint": self.delete_endpoint,
            "GetEndpointAttributes": self.get_endpoint,
            "SetEndpointAttributes": self.set_endpoint,
            "ListEndpointsByPlatformApplication": self.list_endpoints,
        }


def _application(tx: Transaction, request: dict[str, Any]) -> tuple[Scope, Document]:
    owner, resource = resource_parts(request.get("PlatformApplicationArn"), "PlatformApplicationArn", "app/")
    found = store_documents.get(tx, owner, APPLICATION, resource)
    if found is None:
        raise not_found("PlatformApplication does not exist")
    return owner, found


def _application_attributes(given: Mapping[str, str]) -> dict[str, str]:
    for name in given:
        if name not in _APPLICATION_ATTRIBUTES:
            raise invalid(f"Attributes Reason: Invalid attribute name: {name}")
    if not model.is_percentage(given.get("SuccessFeedbackSampleRate") or "0"):
        raise invalid("Attributes Reason: SuccessFeedbackSampleRate")
    return {name: str(value) for name, value in given.items()}


def _endpoint_attributes(given: Mapping[str, str]) -> dict[str, str]:
    attributes = {name: str(value) for name, value in given.items()}
    for name in attributes:
        if name not in _ENDPOINT_ATTRIBUTES:
            raise invalid(f"Attributes Reason: Invalid attribute name: {name}")
    if attributes.get("Enabled", "true").lower() not in ("true", "false"):
        raise invalid("Attributes Reason: Invalid value for attribute: Enabled must be true or false")
    data = attributes.get("CustomUserData", "")
    if len(data.encode("utf-8", "replace")) > _LONGEST_USER_DATA_BYTES:
        raise invalid("CustomUserData Reason: Length of CustomUserData must be less than 2048 bytes")
    if attributes.get("Token") == "":
        raise invalid("Token")
    if "Enabled" in attributes:
        attributes["Enabled"] = attributes["Enabled"].lower()
    if not data:
        attributes.pop("CustomUserData", None)
    return attributes


def _shown(found: Document) -> dict[str, str]:
    return {name: value for name, value in found.body.items() if name not in _SECRET and value}


def _filled(body: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in body.items() if value}


def _token(found: list[Document]) -> dict[str, str]:
    return {"NextToken": write_token(found[model.PAGE - 1].name)} if len(found) > model.PAGE else {}
