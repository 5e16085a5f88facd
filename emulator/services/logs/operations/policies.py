"""Resource policies and saved queries of an account: kept and shown. Nobody is refused by such a policy, and queries of
Insights are not emulated."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.logs import document_store as store
from emulator.services.logs import model
from emulator.services.logs.document_store import POLICY, QUERY
from emulator.services.logs.model import milliseconds
from emulator.services.logs.operations.state import LogsState, page

PAGE = 1000
MOST_POLICIES = 10
"""[Q]: resource policies of an account in a region."""
LARGEST_POLICY_BYTES = 5120


class PolicyOperations(LogsState):
    """The operations on resource policies and query definitions."""

    def put_resource_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Make or change a policy. Texts of refusals are unverified."""
        _refuse_resources(request, "PutResourcePolicy")
        name, document = request.get("policyName"), request.get("policyDocument")
        if not name or document is None:
            raise model.invalid("policyName and policyDocument must be specified.")
        if len(document.encode()) > LARGEST_POLICY_BYTES:
            raise model.invalid("The policy document is too large.")
        try:
            parsed = json.loads(document)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise model.invalid("Unable to parse policy document.")
        known = {found["policyName"] for found in store.every(tx, scope, POLICY)}
        if name not in known and len(known) >= MOST_POLICIES:
            raise AwsError("LimitExceededException", "Resource limit exceeded.", 400)
        policy = {"policyName": name, "policyDocument": document, "lastUpdatedTime": milliseconds(tx.now)}
        store.put(tx, scope, POLICY, name, policy)
        return {"resourcePolicy": policy}

    def describe_resource_policies(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The policies by name."""
        _refuse_resources(request, "DescribeResourcePolicies")
        shown, token = page(store.every(tx, scope, POLICY), request, PAGE, lambda each: each["policyName"])
        return {"resourcePolicies": shown, "nextToken": token}

    def delete_resource_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a policy."""
        _refuse_resources(request, "DeleteResourcePolicy")
        name = request.get("policyName") or ""
        if store.get(tx, scope, POLICY, name) is None:
            raise AwsError("ResourceNotFoundException", f"Policy with name [{name}] does not exist.", 400)
        store.delete(tx, scope, POLICY, name)
        return {}

    def put_query_definition(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Save a query, or change all of a saved one."""
        identifier: str = request.get("queryDefinitionId") or tx.new_id()
        if request.get("queryDefinitionId"):
            _required_query(tx, scope, identifier)
        members = ("logGroupNames", "name", "parameters", "queryLanguage", "queryString")
        query = {"queryDefinitionId": identifier, "lastModified": milliseconds(tx.now)}
        query |= {member: request[member] for member in members if request.get(member) is not None}
        store.put(tx, scope, QUERY, identifier, query)
        return {"queryDefinitionId": identifier}

    def describe_query_definitions(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Saved queries by name."""
        prefix, language = request.get("queryDefinitionNamePrefix") or "", request.get("queryLanguage")
        found = [
            query
            for query in store.every(tx, scope, QUERY)
            if query["name"].startswith(prefix) and language in (None, query.get("queryLanguage", "CWLI"))
        ]
        asked = {**request, "limit": request.get("maxResults")}
        found.sort(key=lambda each: (each["name"], each["queryDefinitionId"]))
        shown, token = page(found, asked, PAGE, lambda each: f"{each['name']}:{each['queryDefinitionId']}")
        return {"queryDefinitions": shown, "nextToken": token}

    def delete_query_definition(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Forget a saved query."""
        _required_query(tx, scope, request["queryDefinitionId"])
        store.delete(tx, scope, QUERY, request["queryDefinitionId"])
        return {"success": True}


def _refuse_resources(request: dict[str, Any], operation: str) -> None:
    for member in ("resourceArn", "expectedRevisionId", "policyScope"):
        if request.get(member) not in (None, "ACCOUNT"):
            raise NotEmulated("logs", f"{operation} with {member}", "policies of single log groups")


def _required_query(tx: Transaction, scope: Scope, identifier: str) -> None:
    if store.get(tx, scope, QUERY, identifier) is None:
        raise AwsError("ResourceNotFoundException", "The specified query definition does not exist.", 400)
