"""Where custom domain names and their mappings are kept: one place for boto3's `apigateway` and `apigatewayv2`, which
are two ways to the same names on AWS.

A domain name is in the shape of `apigateway`. A mapping is neither a base path mapping nor an API mapping, but what
both are made of: `{id, key, apiId, stage?, protocol}`; without a stage the path names it.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import document_store as documents
from emulator.services.apigateway.document_store import Place

_NAMES = Place("domain name")
_MAPPINGS = "mapping of a domain name"
_RULES = "routing rule"


def key_of(named: dict[str, Any]) -> str:
    """What a domain name is kept by: a private one shares its name with others, so that its id belongs to it."""
    identifier = named.get("domainNameId")
    name: str = named["domainName"].lower()
    return f"{name}+{identifier}" if identifier else name


def find(tx: Transaction, name: str) -> tuple[Scope, dict[str, Any]] | None:
    """A public domain name, whosever it is; it is one account's and region's alone."""
    found = documents.anywhere(tx, _NAMES.kind, name)
    return found[0] if found else None


def load(tx: Transaction, scope: Scope, key: str) -> dict[str, Any] | None:
    """One domain name."""
    return documents.load(tx, scope, _NAMES, key)


def listed(tx: Transaction, scope: Scope) -> list[dict[str, Any]]:
    """Domain names of an account and region, oldest first."""
    return documents.listed(tx, scope, _NAMES)


def keep(tx: Transaction, scope: Scope, domain: dict[str, Any]) -> None:
    """Keep a new or changed domain name."""
    documents.put(tx, scope, _NAMES, key_of(domain), domain)


def delete(tx: Transaction, scope: Scope, key: str) -> None:
    """Delete a domain name with its mappings and routing rules."""
    documents.clear(tx, scope, Place(_MAPPINGS, key))
    documents.clear(tx, scope, Place(_RULES, key))
    documents.delete(tx, scope, _NAMES, key)


def mappings(tx: Transaction, scope: Scope, key: str) -> list[dict[str, Any]]:
    """The mappings of a domain name, oldest first."""
    return documents.listed(tx, scope, Place(_MAPPINGS, key))


def keep_mapping(tx: Transaction, scope: Scope, key: str, mapping: dict[str, Any]) -> None:
    """Keep a new or changed mapping of a domain name."""
    documents.put(tx, scope, Place(_MAPPINGS, key), mapping["id"], mapping)


def delete_mapping(tx: Transaction, scope: Scope, key: str, mapping: dict[str, Any]) -> None:
    """Delete a mapping of a domain name."""
    documents.delete(tx, scope, Place(_MAPPINGS, key), mapping["id"])


def rules(tx: Transaction, scope: Scope, key: str) -> list[dict[str, Any]]:
    """The routing rules of a domain name, in the shape of `apigatewayv2`, oldest first."""
    return documents.listed(tx, scope, Place(_RULES, key))


def keep_rule(tx: Transaction, scope: Scope, key: str, rule: dict[str, Any]) -> None:
    """Keep a new or changed routing rule of a domain name."""
    documents.put(tx, scope, Place(_RULES, key), rule["RoutingRuleId"], rule)


def delete_rule(tx: Transaction, scope: Scope, key: str, rule: dict[str, Any]) -> None:
    """Delete a routing rule of a domain name."""
    documents.delete(tx, scope, Place(_RULES, key), rule["RoutingRuleId"])


def names_mapping(tx: Transaction, scope: Scope, api_id: str) -> list[str]:
    """The domain names that have a mapping to an API."""
    return [
        domain["domainName"]
        for domain in listed(tx, scope)
        if any(mapping["apiId"] == api_id for mapping in mappings(tx, scope, key_of(domain)))
    ]
