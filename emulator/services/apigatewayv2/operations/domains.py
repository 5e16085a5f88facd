"""Operations on domain names and API mappings: another view of the names and mappings that `apigateway` has, which owns
them (`apigateway/domain_store.py`). Requests whose Host is such a name follow them.

Certificates, trust stores and security policies are kept and shown: the emulator speaks no TLS.
"""

from __future__ import annotations

import re
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import domain_store as names
from emulator.services.apigateway.domain_store import key_of
from emulator.services.apigateway.domains import REST, check_name, check_new, with_targets
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.routing_rules import MAPPINGS_ONLY
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.model import Document, given_tags
from emulator.services.apigatewayv2.operations.loading import Loading, Request, page

_KEY = re.compile(r"|[A-Za-z0-9$\-_.+!*'()]+(?:/[A-Za-z0-9$\-_.+!*'()]+)*")
_LONGEST_KEY = 300
"""[D: rest-api-mappings]"""
_EDGE = "EDGE endpoint type is not supported for APIGatewayV2 domainName"
_NOT_OURS = (
    "Only REGIONAL domain names can be managed through the API Gateway V2 API. For EDGE domain names, please use the "
    "API Gateway V1 API. Also note that only REST APIs can be attached to EDGE domain names."
)
"""Both as users quote them."""
_REGIONAL_MEMBERS = {
    "CertificateArn": "regionalCertificateArn",
    "CertificateName": "regionalCertificateName",
    "OwnershipVerificationCertificateArn": "ownershipVerificationCertificateArn",
    "SecurityPolicy": "securityPolicy",
}
_SHOWN = {
    "REGIONAL": {
        "ApiGatewayDomainName": "regionalDomainName",
        "CertificateArn": "regionalCertificateArn",
        "CertificateName": "regionalCertificateName",
        "HostedZoneId": "regionalHostedZoneId",
    },
    "EDGE": {
        "ApiGatewayDomainName": "distributionDomainName",
        "CertificateArn": "certificateArn",
        "CertificateName": "certificateName",
        "CertificateUploadDate": "certificateUploadDate",
        "HostedZoneId": "distributionHostedZoneId",
    },
}
"""Members of a configuration by its endpoint type, and where `apigateway` has them."""
_TRUST = {"TruststoreUri": "truststoreUri", "TruststoreVersion": "truststoreVersion"}


class Domains(Loading):
    """CreateDomainName … DeleteApiMapping."""

    def create_domain_name(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new domain name, AVAILABLE at once."""
        name = request["DomainName"].lower()
        check_name(name)
        if names.find(tx, name) is not None:
            raise conflict("The domain name you provided already exists.")
        domain: Document = {
            "domainName": name,
            "domainNameArn": f"arn:aws:apigateway:{scope.region}::/domainnames/{name}",
            "domainNameStatus": "AVAILABLE",
            "endpointConfiguration": {"types": ["REGIONAL"], "ipAddressType": "ipv4"},
            "securityPolicy": "TLS_1_2",
            "routingMode": MAPPINGS_ONLY,
            "tags": given_tags(request),
        }
        _configure(domain, request)
        domain = with_targets(domain, scope.region, tx.now, short_id(tx.new_id(), 10))
        names.keep(tx, scope, domain)
        return _shown(domain)

    def get_domain_name(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One domain name."""
        return _shown(self._domain(tx, scope, request))

    def get_domain_names(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Public domain names of the account and region, a page at a time; private ones are `apigateway`'s alone."""
        found = [domain for domain in names.listed(tx, scope) if "domainNameId" not in domain]
        return page([_shown(domain) for domain in found], request)

    def update_domain_name(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Configure a domain name anew."""
        domain = self._managed(tx, scope, request)
        _configure(domain, request)
        names.keep(tx, scope, domain)
        return _shown(domain)

    def delete_domain_name(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a domain name with its mappings."""
        names.delete(tx, scope, key_of(self._managed(tx, scope, request)))
        return {}

    # ── API mappings ──

    def create_api_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Map a path of a domain name to a stage."""
        return self._keep_mapping(tx, scope, request, {"id": short_id(tx.new_id(), 6), "key": ""})

    def get_api_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One mapping."""
        return _shown_mapping(self._mapping(tx, scope, request))

    def get_api_mappings(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The mappings of a domain name, a page at a time."""
        key = key_of(self._domain(tx, scope, request))
        return page([_shown_mapping(mapping) for mapping in names.mappings(tx, scope, key)], request)

    def update_api_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given."""
        return self._keep_mapping(tx, scope, request, self._mapping(tx, scope, request))

    def delete_api_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a mapping."""
        key = key_of(self._managed(tx, scope, request))
        names.delete_mapping(tx, scope, key, self._mapping(tx, scope, request))
        return {}

    def _domain(self, tx: Transaction, scope: Scope, request: Request) -> Document:
        domain = names.load(tx, scope, request["DomainName"].lower())
        if domain is None:
            raise not_found("Invalid domain name identifier specified")
        return domain

    def _managed(self, tx: Transaction, scope: Scope, request: Request) -> Document:
        domain = self._domain(tx, scope, request)
        if "REGIONAL" not in domain["endpointConfiguration"]["types"]:
            raise bad_request(_NOT_OURS)
        return domain

    def _mapping(self, tx: Transaction, scope: Scope, request: Request) -> Document:
        key = key_of(self._domain(tx, scope, request))
        for mapping in names.mappings(tx, scope, key):
            if mapping["id"] == request["ApiMappingId"]:
                return mapping
        raise not_found("The API mapping resource specified in the request was not found.")

    def _keep_mapping(self, tx: Transaction, scope: Scope, request: Request, old: Document) -> dict[str, Any]:
        key = key_of(self._managed(tx, scope, request))
        given = {"key": request.get("ApiMappingKey"), "apiId": request["ApiId"], "stage": request.get("Stage")}
        mapping = {**old, **{name: value for name, value in given.items() if value is not None}}
        if not _KEY.fullmatch(mapping["key"]):
            raise bad_request("An ApiMapping key may contain only letters, numbers and one of $-_.+!*'()/")
        if len(mapping["key"]) > _LONGEST_KEY:
            raise bad_request(f"An ApiMapping key may have {_LONGEST_KEY} characters.")  # unverified
        mapping["protocol"] = self._protocol(tx, scope, mapping)
        taken = "ApiMapping key already exists for this domain name"
        check_new(names.mappings(tx, scope, key), mapping, taken)
        names.keep_mapping(tx, scope, key, mapping)
        return _shown_mapping(mapping)

    def _protocol(self, tx: Transaction, scope: Scope, mapping: Document) -> str:
        """The protocol of a mapped API. Raises unless it has the stage; that text is as users quote it."""
        api = store.load_api(tx, scope, mapping["apiId"])
        if api is not None:
            if store.load_stage(tx, api.id, mapping.get("stage") or "") is None:
                raise bad_request("Invalid stage identifier specified")
            return api.settings["ProtocolType"]
        try:
            self._calls.call(tx, scope, "apigateway", "GetRestApi", {"restApiId": mapping["apiId"]})
        except AwsError:
            raise not_found(f"Invalid API identifier specified {scope.account}:{mapping['apiId']}") from None
        stage = {"restApiId": mapping["apiId"], "stageName": mapping.get("stage") or ""}
        try:
            if mapping.get("stage"):
                self._calls.call(tx, scope, "apigateway", "GetStage", stage)
        except AwsError:
            raise bad_request("Invalid stage identifier specified") from None
        return REST


def _configure(domain: Document, request: Request) -> None:
    """What a request says of a domain name, into it; without a configuration it is a regional one (unverified)."""
    mode = request.get("RoutingMode")
    if mode is not None:
        domain["routingMode"] = mode.replace("API_MAPPING", "BASE_PATH_MAPPING")
    given = request.get("DomainNameConfigurations") or []
    if len(given) > 1:
        raise bad_request("Only one domain name configuration is supported.")  # unverified
    for configuration in given:
        if configuration.get("EndpointType") == "EDGE":
            raise bad_request(_EDGE)
        for member, kept in _REGIONAL_MEMBERS.items():
            if configuration.get(member) is not None:
                domain[kept] = configuration[member]
        if configuration.get("IpAddressType") is not None:
            kept = {**domain["endpointConfiguration"], "ipAddressType": configuration["IpAddressType"]}
            domain["endpointConfiguration"] = kept
    trust = request.get("MutualTlsAuthentication")
    if trust is not None:
        domain.pop("mutualTlsAuthentication", None)
        if trust.get("TruststoreUri"):
            domain["mutualTlsAuthentication"] = {
                kept: trust[member] for member, kept in _TRUST.items() if trust.get(member)
            }


def _shown(domain: Document) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ApiMappingSelectionExpression": "$request.basepath",
        "DomainName": domain["domainName"],
        "DomainNameArn": domain["domainNameArn"],
        "DomainNameConfigurations": [_configuration(domain, kind) for kind in domain["endpointConfiguration"]["types"]],
        "RoutingMode": domain["routingMode"].replace("BASE_PATH_MAPPING", "API_MAPPING"),
        "Tags": domain["tags"],
    }
    if "mutualTlsAuthentication" in domain:
        trust = domain["mutualTlsAuthentication"]
        shown["MutualTlsAuthentication"] = {member: trust[kept] for member, kept in _TRUST.items() if kept in trust}
    return shown


def _configuration(domain: Document, kind: str) -> dict[str, Any]:
    shown = {member: domain[kept] for member, kept in _SHOWN[kind].items() if domain.get(kept) is not None}
    shown |= {
        "DomainNameStatus": domain["domainNameStatus"],
        "EndpointType": kind,
        "IpAddressType": domain["endpointConfiguration"]["ipAddressType"],
        "SecurityPolicy": domain["securityPolicy"],
    }
    if "ownershipVerificationCertificateArn" in domain:
        shown["OwnershipVerificationCertificateArn"] = domain["ownershipVerificationCertificateArn"]
    return shown


def _shown_mapping(mapping: Document) -> dict[str, Any]:
    """A mapping without a stage, which `apigateway` can make, shows an empty one (unverified)."""
    return {
        "ApiId": mapping["apiId"],
        "ApiMappingId": mapping["id"],
        "ApiMappingKey": mapping["key"],
        "Stage": mapping.get("stage", ""),
    }
