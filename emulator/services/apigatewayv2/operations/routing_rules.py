"""Operations on the routing rules of domain names; what a rule means, `apigateway/routing_rules.py` says."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import domain_store as names
from emulator.services.apigateway.domain_store import key_of
from emulator.services.apigateway.domains import REST
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.quotas import check_room
from emulator.services.apigateway.routing_rules import checked_rule
from emulator.services.apigatewayv2.model import Document
from emulator.services.apigatewayv2.operations.domains import Domains
from emulator.services.apigatewayv2.operations.loading import Request, page


class RoutingRules(Domains):
    """CreateRoutingRule … DeleteRoutingRule."""

    def create_routing_rule(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new rule."""
        kept = names.rules(tx, scope, self._ruled(tx, scope, request))
        check_room(len(kept), self._settings.routing_rules, "routing rules", "domain", "TooManyRequestsException")
        return self._keep_rule(tx, scope, request, short_id(tx.new_id(), 10))

    def put_routing_rule(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Replace a rule, its id stays."""
        return self._keep_rule(tx, scope, request, self._rule(tx, scope, request)["RoutingRuleId"])

    def get_routing_rule(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One rule."""
        return self._rule(tx, scope, request)

    def list_routing_rules(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The rules of a domain name by priority, a page at a time."""
        rules = names.rules(tx, scope, self._ruled(tx, scope, request))
        asked = {**request, "MaxResults": str(request.get("MaxResults") or 100)}
        listed = page(sorted(rules, key=lambda rule: rule["Priority"]), asked)
        return {"RoutingRules": listed.pop("Items"), **listed}

    def delete_routing_rule(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a rule."""
        rule = self._rule(tx, scope, request)
        names.delete_rule(tx, scope, self._ruled(tx, scope, request), rule)
        return {}

    def _ruled(self, tx: Transaction, scope: Scope, request: Request) -> str:
        """The key of the domain name, which must be there."""
        key = key_of({"domainName": request["DomainName"], "domainNameId": request.get("DomainNameId")})
        if names.load(tx, scope, key) is None:
            raise not_found("Invalid domain name identifier specified")
        return key

    def _rule(self, tx: Transaction, scope: Scope, request: Request) -> Document:
        for rule in names.rules(tx, scope, self._ruled(tx, scope, request)):
            if rule["RoutingRuleId"] == request["RoutingRuleId"]:
                return rule
        raise not_found("Invalid routing rule identifier specified")  # unverified

    def _keep_rule(self, tx: Transaction, scope: Scope, request: Request, rule_id: str) -> Document:
        key = self._ruled(tx, scope, request)
        arn = f"arn:aws:apigateway:{scope.region}:{scope.account}:/domainnames/{key}/routingrules/{rule_id}"
        rule = {**checked_rule(request), "RoutingRuleArn": arn, "RoutingRuleId": rule_id}
        target = request["Actions"][0]["InvokeApi"]
        if self._protocol(tx, scope, {"apiId": target["ApiId"], "stage": target["Stage"]}) != REST:
            raise bad_request("Routing rules can only invoke REST APIs.")  # unverified
        others = [other for other in names.rules(tx, scope, key) if other["RoutingRuleId"] != rule_id]
        if any(other["Priority"] == rule["Priority"] for other in others):
            raise conflict("A routing rule with this priority already exists for this domain name.")  # unverified
        names.keep_rule(tx, scope, key, rule)
        return rule
