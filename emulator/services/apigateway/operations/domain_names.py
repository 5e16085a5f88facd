"""Operations on custom domain names, their base path mappings, and access associations of private ones.

Requests whose Host is such a name are answered by `gateway/custom_domains.py`. Certificates, trust stores and
security policies are kept and shown: the emulator speaks no TLS.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import document_store as documents
from emulator.services.apigateway import domain_store as names
from emulator.services.apigateway import store
from emulator.services.apigateway.document_store import Place
from emulator.services.apigateway.domain_store import key_of
from emulator.services.apigateway.domains import (
    NO_BASE_PATH,
    REST,
    SECURITY_POLICIES,
    check_name,
    check_new,
    checked_base_path,
    with_targets,
)
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.operations.loading import Loading, checked_endpoint, given, page
from emulator.services.apigateway.patch import Patchable, Scalar, apply
from emulator.services.apigateway.quotas import check_room
from emulator.services.apigateway.routing_rules import MAPPINGS_ONLY, MODES

_ASSOCIATIONS = Place("domain name access association")
_ALL = ("add", "replace", "remove")
DOMAIN = Patchable(
    scalars={
        "/certificateName": Scalar("certificateName", operations=_ALL),
        "/certificateArn": Scalar("certificateArn", operations=_ALL),
        "/endpointAccessMode": Scalar("endpointAccessMode"),
        "/managementPolicy": Scalar("managementPolicy"),
        "/mutualTlsAuthentication/truststoreUri": Scalar("truststoreUri", operations=_ALL),
        "/mutualTlsAuthentication/truststoreVersion": Scalar("truststoreVersion", operations=_ALL),
        "/policy": Scalar("policy"),
        "/regionalCertificateName": Scalar("regionalCertificateName", operations=_ALL),
        "/regionalCertificateArn": Scalar("regionalCertificateArn", operations=_ALL),
        "/routingMode": Scalar("routingMode"),
        "/securityPolicy": Scalar("securityPolicy"),
        "/ownershipVerificationCertificateArn": Scalar("ownershipVerificationCertificateArn", operations=_ALL),
    }
)
MAPPING = Patchable(
    scalars={
        "/basePath": Scalar("basePath"),
        "/basepath": Scalar("basePath"),
        "/restapiId": Scalar("restApiId"),
        "/restApiId": Scalar("restApiId"),
        "/stage": Scalar("stage"),
    }
)
"""AWS documents `/basepath` and `/restapiId`; its own clients write the members' names."""
_GIVEN = (
    "certificateName",
    "certificateArn",
    "regionalCertificateName",
    "regionalCertificateArn",
    "ownershipVerificationCertificateArn",
    "endpointAccessMode",
    "mutualTlsAuthentication",
    "policy",
)
_PRIVATE_ONLY = ("policy", "managementPolicy")


class DomainNames(Loading):
    """CreateDomainName … RejectDomainNameAccessAssociation."""

    def create_domain_name(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A new domain name, AVAILABLE at once."""
        name = request["domainName"].lower()
        check_name(name)
        endpoint = checked_endpoint(request.get("endpointConfiguration"))
        private = endpoint["types"] == ["PRIVATE"]
        if not private and names.find(tx, name) is not None:
            raise bad_request("The domain name you provided already exists.")
        _check_routing(request.get("routingMode"))
        if not private:
            public = [item for item in names.listed(tx, scope) if "domainNameId" not in item]
            check_room(len(public), self._settings.custom_domain_names, "domain names", "account")
        domain: dict[str, Any] = {"domainName": name, **_identity(tx, scope, name, private), **given(request, *_GIVEN)}
        domain["endpointConfiguration"] = endpoint
        domain["domainNameStatus"] = "AVAILABLE"
        domain["securityPolicy"] = request.get("securityPolicy") or "TLS_1_2"
        domain["routingMode"] = request.get("routingMode") or MAPPINGS_ONLY
        domain["tags"] = dict(request.get("tags") or {})
        _check_private(domain)
        domain = with_targets(domain, scope.region, tx.now, short_id(tx.new_id(), 10))
        names.keep(tx, scope, domain)
        return domain

    def get_domain_name(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One domain name."""
        return self._domain(tx, scope, key_of(request))

    def get_domain_names(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Domain names of the account and region; other accounts share none here."""
        found = names.listed(tx, scope)
        return page([] if request.get("resourceOwner") == "OTHER_ACCOUNTS" else found, request)

    def update_domain_name(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a domain name by patch operations."""
        domain = self._domain(tx, scope, key_of(request))
        tls = domain.pop("mutualTlsAuthentication", {})
        domain |= tls
        for operation in request.get("patchOperations") or []:
            if (operation.get("path") or "").startswith("/endpointConfiguration/"):
                _patch_endpoint(domain, operation)
            else:
                domain = apply(domain, [operation], DOMAIN)
        _check_routing(domain.get("routingMode"))
        _check_tls(domain)
        if not domain["endpointConfiguration"]["types"]:
            raise bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
        _check_private(domain)
        tls = {name: domain.pop(name) for name in ("truststoreUri", "truststoreVersion") if name in domain}
        if tls.get("truststoreUri"):
            domain["mutualTlsAuthentication"] = tls
        domain = with_targets(domain, scope.region, tx.now, short_id(tx.new_id(), 10))
        names.keep(tx, scope, domain)
        return domain

    def delete_domain_name(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a domain name with its mappings."""
        key = key_of(request)
        self._domain(tx, scope, key)
        names.delete(tx, scope, key)
        return {}

    def _domain(self, tx: Transaction, scope: Scope, key: str) -> dict[str, Any]:
        domain = names.load(tx, scope, key)
        if domain is None:
            raise not_found("Invalid domain name identifier specified")
        return domain

    # ── base path mappings ──

    def create_base_path_mapping(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Map a base path of a domain name to a stage, or to all stages of an API."""
        key = key_of(request)
        self._domain(tx, scope, key)
        mapping = _as_kept(
            short_id(tx.new_id(), 6),
            {"basePath": request.get("basePath"), "restApiId": request["restApiId"], "stage": request.get("stage")},
        )
        self._check_mapping(tx, scope, key, mapping)
        names.keep_mapping(tx, scope, key, mapping)
        return _shown_mapping(mapping)

    def get_base_path_mapping(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One mapping."""
        return _shown_mapping(self._mapping(tx, scope, request))

    def get_base_path_mappings(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The mappings of a domain name; those to HTTP and WebSocket APIs, too (unverified)."""
        key = key_of(request)
        self._domain(tx, scope, key)
        return page([_shown_mapping(mapping) for mapping in names.mappings(tx, scope, key)], request)

    def update_base_path_mapping(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a mapping's base path, API or stage."""
        old = self._mapping(tx, scope, request)
        changed = apply(_shown_mapping(old), request.get("patchOperations") or [], MAPPING)
        mapping = _as_kept(old["id"], changed)
        self._check_mapping(tx, scope, key_of(request), mapping)
        names.keep_mapping(tx, scope, key_of(request), mapping)
        return _shown_mapping(mapping)

    def delete_base_path_mapping(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a mapping."""
        names.delete_mapping(tx, scope, key_of(request), self._mapping(tx, scope, request))
        return {}

    def _mapping(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        key, path = key_of(request), request["basePath"] or NO_BASE_PATH
        self._domain(tx, scope, key)
        for mapping in names.mappings(tx, scope, key):
            if (mapping["key"] or NO_BASE_PATH) == path:
                return mapping
        raise not_found("Invalid base path mapping identifier specified")

    def _check_mapping(self, tx: Transaction, scope: Scope, key: str, mapping: dict[str, Any]) -> None:
        if store.load_api(tx, scope, mapping["apiId"]) is None:
            raise bad_request("Invalid REST API identifier specified")
        if "stage" in mapping and store.load_stage(tx, mapping["apiId"], mapping["stage"]) is None:
            raise bad_request("Invalid stage identifier specified")
        check_new(names.mappings(tx, scope, key), mapping, "Base path already exists for this domain name")

    # ── access associations ──

    def create_domain_name_access_association(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Let a VPC endpoint reach a private domain name; kept and shown, since there is no VPC here."""
        domain = self._domain_of_arn(tx, scope, request["domainNameArn"])
        source = request["accessAssociationSource"]
        where = f"arn:aws:apigateway:{scope.region}:{scope.account}:/domainnameaccessassociations"
        arn = f"{where}/domainname/{key_of(domain)}/vpcesource/{source}"
        if documents.load(tx, scope, _ASSOCIATIONS, arn) is not None:
            raise conflict("The domain name access association already exists.")  # unverified
        association: dict[str, Any] = {
            "domainNameAccessAssociationArn": arn,
            **given(request, "domainNameArn", "accessAssociationSourceType", "accessAssociationSource"),
            "tags": dict(request.get("tags") or {}),
        }
        documents.put(tx, scope, _ASSOCIATIONS, arn, association)
        return association

    def get_domain_name_access_associations(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The associations of the account and region."""
        found = documents.listed(tx, scope, _ASSOCIATIONS)
        return page([] if request.get("resourceOwner") == "OTHER_ACCOUNTS" else found, request)

    def delete_domain_name_access_association(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Delete an association."""
        arn = request["domainNameAccessAssociationArn"]
        if documents.load(tx, scope, _ASSOCIATIONS, arn) is None:
            raise not_found("Invalid domain name access association identifier specified")  # unverified
        documents.delete(tx, scope, _ASSOCIATIONS, arn)
        return {}

    def reject_domain_name_access_association(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The owner of a domain name ends an association."""
        self._domain_of_arn(tx, scope, request["domainNameArn"])
        return self.delete_domain_name_access_association(tx, scope, request)

    def _domain_of_arn(self, tx: Transaction, scope: Scope, arn: str) -> dict[str, Any]:
        domain = self._domain(tx, scope, arn.partition("/domainnames/")[2])
        if "domainNameId" not in domain:
            raise bad_request("Domain name access associations are only supported for private custom domain names.")
        return domain


def _as_kept(identifier: str, mapping: dict[str, Any]) -> dict[str, Any]:
    """A base path mapping as `domain_store` keeps it; without a stage the path names one."""
    key, api_id = checked_base_path(mapping.get("basePath")), mapping.get("restApiId") or ""
    kept = {"id": identifier, "key": key, "apiId": api_id, "protocol": REST}
    return {**kept, "stage": mapping["stage"]} if mapping.get("stage") else kept


def _shown_mapping(mapping: dict[str, Any]) -> dict[str, Any]:
    shown = {"basePath": mapping["key"] or NO_BASE_PATH, "restApiId": mapping["apiId"]}
    return {**shown, "stage": mapping["stage"]} if "stage" in mapping else shown


def _identity(tx: Transaction, scope: Scope, name: str, private: bool) -> dict[str, str]:
    if not private:
        return {"domainNameArn": f"arn:aws:apigateway:{scope.region}::/domainnames/{name}"}
    identifier = short_id(tx.new_id(), 10)
    arn = f"arn:aws:apigateway:{scope.region}:{scope.account}:/domainnames/{name}+{identifier}"
    return {"domainNameId": identifier, "domainNameArn": arn}


def _check_routing(mode: str | None) -> None:
    if mode is not None and mode not in MODES:
        raise bad_request(f"Invalid routing mode specified. Valid options are {','.join(MODES)}")  # unverified


def _check_tls(domain: dict[str, Any]) -> None:
    """Raise for values that CreateDomainName's model knows and a patch's does not (texts unverified)."""
    if domain.get("securityPolicy") not in SECURITY_POLICIES:
        raise bad_request(f"Invalid security policy specified. Valid options are {','.join(SECURITY_POLICIES)}")
    if domain.get("endpointAccessMode") not in (None, "BASIC", "STRICT"):
        raise bad_request("Invalid endpoint access mode specified. Valid options are BASIC,STRICT")


def _check_private(domain: dict[str, Any]) -> None:
    """Raise for members that only private domain names have (texts unverified)."""
    if domain["endpointConfiguration"]["types"] == ["PRIVATE"]:
        return
    for member in _PRIVATE_ONLY:
        if domain.get(member):
            raise bad_request(f"{member} is only supported for private custom domain names.")


def _patch_endpoint(domain: dict[str, Any], operation: dict[str, str]) -> None:
    """`/endpointConfiguration/…` of AWS's table; `types/{old}` can be replaced, as AWS's own clients do."""
    op, path, value = operation.get("op"), operation["path"], operation.get("value") or ""
    endpoint = dict(domain["endpointConfiguration"])
    types: list[str] = list(endpoint["types"])
    if path == "/endpointConfiguration/ipAddressType" and op == "replace":
        if value not in ("ipv4", "dualstack"):
            raise bad_request("ipAddressType must be either ipv4 or dualstack.")
        endpoint["ipAddressType"] = value
    elif path.startswith("/endpointConfiguration/types"):
        value = value or path.removeprefix("/endpointConfiguration/types").removeprefix("/")
        if value not in ("REGIONAL", "EDGE"):
            raise bad_request("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
        if types == ["PRIVATE"]:
            raise bad_request("Private custom domain names cannot be updated to another endpoint type.")  # unverified
        if op == "add":
            types = [*types, *([value] if value not in types else [])]
        elif op == "remove":
            types = [item for item in types if item != value]
        elif path != "/endpointConfiguration/types" and op == "replace":
            types = [value]
        else:
            raise bad_request("Invalid patch operation specified. Must be one of: [add, remove]")
        endpoint["types"] = types
    else:
        raise bad_request(f"Invalid patch path {path}")
    domain["endpointConfiguration"] = endpoint
