"""Operations on domain names and API mappings. Requests whose Host is such a name follow them."""

from __future__ import annotations

import re
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.model import Document, bad_request, conflict, not_found, short_id
from emulator.services.apigatewayv2.operations.loading import Loading, Request, given, page

_DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9\-]*[a-z0-9])?\.)+[a-z0-9\-]{2,}")
_KEY = re.compile(r"|[A-Za-z0-9$\-_.+!*'()]+(?:/[A-Za-z0-9$\-_.+!*'()]+)*")
_CONFIGURATION = (
    "CertificateArn",
    "CertificateName",
    "EndpointType",
    "IpAddressType",
    "OwnershipVerificationCertificateArn",
    "SecurityPolicy",
)


class Domains(Loading):
    """CreateDomainName … DeleteApiMapping."""

    def create_domain_name(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new domain name."""
        name = request["DomainName"]
        if not _DOMAIN.fullmatch(name):
            raise bad_request("Invalid domain name identifier specified")
        if store.find_domain(tx, name) is not None:
            raise conflict("The domain name you provided already exists.")
        domain: Document = {
            "ApiMappingSelectionExpression": "$request.basepath",
            "DomainName": name,
            "DomainNameArn": f"arn:aws:apigateway:{scope.region}::/domainnames/{name}",
            "Tags": dict(request.get("Tags") or {}),
            "Mappings": {},
        }
        self._configure(tx, scope, domain, request)
        store.put_domain(tx, scope, domain)
        return _shown(domain)

    def get_domain_name(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One domain name."""
        return _shown(self._domain(tx, scope, request))

    def get_domain_names(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Domain names of the account and region, a page at a time."""
        return page([_shown(domain) for domain in store.list_domains(tx, scope)], request)

    def update_domain_name(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Configure a domain name anew."""
        domain = self._domain(tx, scope, request)
        self._configure(tx, scope, domain, request)
        store.put_domain(tx, scope, domain)
        return _shown(domain)

    def delete_domain_name(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a domain name with its mappings."""
        store.delete_domain(tx, scope, self._domain(tx, scope, request)["DomainName"])
        return {}

    def _configure(self, tx: Transaction, scope: Scope, domain: Document, request: Request) -> None:
        if request.get("MutualTlsAuthentication"):
            raise NotEmulated("apigatewayv2", "CreateDomainName", "MutualTlsAuthentication")
        if request.get("RoutingMode") not in (None, "API_MAPPING_ONLY"):
            raise NotEmulated("apigatewayv2", "CreateDomainName", "routing rules")
        given_ones = request.get("DomainNameConfigurations")
        if given_ones is None:
            return
        domain["DomainNameConfigurations"] = [
            {
                "ApiGatewayDomainName": f"d-{short_id(tx.new_id(), 10)}.execute-api.{scope.region}.amazonaws.com",
                "DomainNameStatus": "AVAILABLE",
                "EndpointType": "REGIONAL",
                "HostedZoneId": "Z1UJRXOUMOOFQ8",
                "SecurityPolicy": "TLS_1_2",
                **given(item, _CONFIGURATION),
            }
            for item in given_ones
        ]

    # ── API mappings ──

    def create_api_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Map a path of a domain name to a stage."""
        domain = self._domain(tx, scope, request)
        mapping = given(request, ("ApiId", "ApiMappingKey", "Stage"))
        mapping.setdefault("ApiMappingKey", "")
        self._check_mapping(tx, scope, domain, mapping)
        mapping["ApiMappingId"] = short_id(tx.new_id(), 6)
        domain["Mappings"][mapping["ApiMappingId"]] = mapping
        store.put_domain(tx, scope, domain)
        return mapping

    def get_api_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One mapping."""
        return self._mapping(self._domain(tx, scope, request), request)

    def get_api_mappings(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The mappings of a domain name, a page at a time."""
        return page(list(self._domain(tx, scope, request)["Mappings"].values()), request)

    def update_api_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given."""
        domain = self._domain(tx, scope, request)
        mapping = {**self._mapping(domain, request), **given(request, ("ApiId", "ApiMappingKey", "Stage"))}
        self._check_mapping(tx, scope, domain, mapping)
        domain["Mappings"][mapping["ApiMappingId"]] = mapping
        store.put_domain(tx, scope, domain)
        return mapping

    def delete_api_mapping(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a mapping."""
        domain = self._domain(tx, scope, request)
        del domain["Mappings"][self._mapping(domain, request)["ApiMappingId"]]
        store.put_domain(tx, scope, domain)
        return {}

    def _domain(self, tx: Transaction, scope: Scope, request: Request) -> Document:
        domain = store.load_domain(tx, scope, request["DomainName"])
        if domain is None:
            raise not_found("Invalid domain name identifier specified")
        return domain

    def _mapping(self, domain: Document, request: Request) -> Document:
        mapping = domain["Mappings"].get(request["ApiMappingId"])
        if mapping is None:
            raise not_found("The API mapping resource specified in the request was not found.")
        return mapping

    def _check_mapping(self, tx: Transaction, scope: Scope, domain: Document, mapping: Document) -> None:
        if not _KEY.fullmatch(mapping["ApiMappingKey"]):
            raise bad_request(f"Invalid API mapping key specified: {mapping['ApiMappingKey']}")
        if store.exists(tx, mapping["ApiId"]):
            self._stage(tx, scope, {"ApiId": mapping["ApiId"], "StageName": mapping["Stage"]})
        else:
            self._check_rest_stage(tx, scope, mapping)
        for identifier, other in domain["Mappings"].items():
            if other["ApiMappingKey"] == mapping["ApiMappingKey"] and identifier != mapping.get("ApiMappingId"):
                raise conflict("ApiMapping key already exists for this domain name")

    def _check_rest_stage(self, tx: Transaction, scope: Scope, mapping: Document) -> None:
        wanted = {"restApiId": mapping["ApiId"], "stageName": mapping["Stage"]}
        try:
            self._calls.call(tx, scope, "apigateway", "GetStage", wanted)
        except AwsError:
            text = f"Invalid API identifier or stage specified: {mapping['ApiId']}, {mapping['Stage']}"
            raise not_found(text) from None


def _shown(domain: Document) -> dict[str, Any]:
    return {name: value for name, value in domain.items() if name != "Mappings"}
