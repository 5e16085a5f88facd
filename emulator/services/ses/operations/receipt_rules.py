"""Receipt rule sets, receipt rules and IP address filters: operations of SES, API of 2010 (sesv2 has none).

Texts are those that tools report of AWS [P], where they do; others are unverified. What a rule does to a message is
receiving.py's and the receipt worker's.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import store_documents
from emulator.services.ses.operations.configuration_sets import NAME
from emulator.services.ses.operations.dialect import V1
from emulator.services.ses.operations.sending import Sending
from emulator.services.ses.receiving import ACTIONS
from emulator.services.ses.store_documents import Document, Kind

LONGEST_HEADER_VALUE = 2048
RULE_SETS = Kind("receipt-rule-set")
FILTERS = Kind("receipt-filter")
ACTIVE = "ActiveRuleSet"
MOST_SETS = 40
MOST_RULES = 200
MOST_ACTIONS = 10
MOST_RECIPIENTS = 500
MOST_FILTERS = 100

Rule = dict[str, Any]


class ReceiptRuleOperations:
    """Receipt rules of one emulator."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    # ── rule sets ───────────────────────────────────────────────────────────────────────────────

    def create_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateReceiptRuleSet."""
        self._new_set(tx, scope, request["RuleSetName"], [])
        return {}

    def clone_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CloneReceiptRuleSet: all rules of another set [R:test_clone_receipt_rule_set]."""
        original = self._set(tx, scope, request["OriginalRuleSetName"])
        self._new_set(tx, scope, request["RuleSetName"], original.body["rules"])
        return {}

    def _new_set(self, tx: Transaction, scope: Scope, name: str, rules: list[Rule]) -> None:
        if NAME.fullmatch(name) is None:
            raise AwsError(V1.bad_request, f"Not a valid rule set name: {name}")
        if store_documents.get(tx, scope, RULE_SETS, name) is not None:
            raise AwsError("AlreadyExists", f"Rule set already exists: {name}")
        if store_documents.count(tx, scope, RULE_SETS) >= MOST_SETS:
            raise AwsError("LimitExceeded", "Maximum number of rule sets exceeded.")
        store_documents.put(tx, scope, RULE_SETS, name, {"rules": rules})

    def delete_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteReceiptRuleSet: not the active one; one that is not there is no error."""
        name = request["RuleSetName"]
        if self.active_name(tx, scope) == name:
            raise AwsError("CannotDelete", f"Cannot delete active rule set: {name}", members={"Name": name})
        store_documents.delete(tx, scope, RULE_SETS, name)
        return {}

    def describe_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeReceiptRuleSet."""
        return _described(self._set(tx, scope, request["RuleSetName"]))

    def describe_active(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeActiveReceiptRuleSet: nothing if none is active."""
        name = self.active_name(tx, scope)
        return _described(self._set(tx, scope, name)) if name else {}

    def set_active(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetActiveReceiptRuleSet: without a name none is active."""
        name = request.get("RuleSetName")
        if name:
            self._set(tx, scope, name)
        self._sending.change_account(tx, scope, {ACTIVE: name})
        return {}

    def list_sets(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListReceiptRuleSets: there are 40 at most, which fit on one page."""
        found = store_documents.page(tx, scope, RULE_SETS)
        return {"RuleSets": [{"Name": each.name, "CreatedTimestamp": each.created_at} for each in found]}

    def active_name(self, tx: Transaction, scope: Scope) -> str:
        """The name of the active rule set; empty if there is none."""
        return str(self._sending.account_settings(tx, scope).get(ACTIVE) or "")

    def active_rules(self, tx: Transaction, scope: Scope) -> list[Rule]:
        """Rules that incoming mail meets."""
        name = self.active_name(tx, scope)
        document = store_documents.get(tx, scope, RULE_SETS, name) if name else None
        return document.body["rules"] if document is not None else []

    def _set(self, tx: Transaction, scope: Scope, name: str) -> Document:
        document = store_documents.get(tx, scope, RULE_SETS, name)
        if document is None:
            raise AwsError("RuleSetDoesNotExist", f"Rule set does not exist: {name}", members={"Name": name})
        return document

    # ── rules ───────────────────────────────────────────────────────────────────────────────────

    def create_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateReceiptRule: after a named rule, else before all others."""
        rules = self._rules(tx, scope, request)
        rule = self._checked(tx, scope, request["Rule"])
        if any(each["Name"] == rule["Name"] for each in rules):
            raise AwsError("AlreadyExists", f"Rule already exists: {rule['Name']}", members={"Name": rule["Name"]})
        if len(rules) >= MOST_RULES:
            raise AwsError("LimitExceeded", "Maximum number of rules exceeded.")
        after = request.get("After")
        rules.insert(_position(rules, after) + 1 if after else 0, rule)
        return self._keep(tx, scope, request, rules)

    def describe_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeReceiptRule."""
        rules = self._rules(tx, scope, request)
        return {"Rule": rules[_position(rules, request["RuleName"])]}

    def update_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateReceiptRule: replaces a rule where it is."""
        rules = self._rules(tx, scope, request)
        rules[_position(rules, request["Rule"]["Name"])] = self._checked(tx, scope, request["Rule"])
        return self._keep(tx, scope, request, rules)

    def delete_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteReceiptRule: one that is not there is no error."""
        rules = [each for each in self._rules(tx, scope, request) if each["Name"] != request["RuleName"]]
        return self._keep(tx, scope, request, rules)

    def set_position(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetReceiptRulePosition: after a named rule, else before all others."""
        rules = self._rules(tx, scope, request)
        after = request.get("After")
        if after:
            _position(rules, after)
        moved = rules.pop(_position(rules, request["RuleName"]))
        rules.insert(_position(rules, after) + 1 if after and after != moved["Name"] else 0, moved)
        return self._keep(tx, scope, request, rules)

    def reorder(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ReorderReceiptRuleSet: names all rules, in their new order."""
        rules = {each["Name"]: each for each in self._rules(tx, scope, request)}
        names: list[str] = request["RuleNames"]
        for name in names:
            if name not in rules:
                raise _unknown_rule(name)
        if sorted(names) != sorted(rules):
            raise AwsError(V1.bad_request, "All rules of the rule set must be named exactly once.")
        return self._keep(tx, scope, request, [rules[name] for name in names])

    def _rules(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> list[Rule]:
        return list(self._set(tx, scope, request["RuleSetName"]).body["rules"])

    def _keep(self, tx: Transaction, scope: Scope, request: dict[str, Any], rules: list[Rule]) -> dict[str, Any]:
        store_documents.put(tx, scope, RULE_SETS, request["RuleSetName"], {"rules": rules})
        return {}

    def _checked(self, tx: Transaction, scope: Scope, given: dict[str, Any]) -> Rule:
        """A rule as it is kept, with AWS's defaults [R:test_clone_receipt_rule_set]."""
        name = given["Name"]
        if NAME.fullmatch(name) is None:
            raise AwsError(V1.bad_request, f"Not a valid rule name: {name}")
        actions: list[dict[str, Any]] = given.get("Actions") or []
        recipients: list[str] = given.get("Recipients") or []
        if len(actions) > MOST_ACTIONS or len(recipients) > MOST_RECIPIENTS:
            raise AwsError("LimitExceeded", "Maximum number of actions or recipients of a rule exceeded.")
        for action in actions:
            self._check_action(tx, scope, action)
        rule: Rule = {"Name": name, "Enabled": bool(given.get("Enabled"))}
        rule["TlsPolicy"] = given.get("TlsPolicy") or "Optional"
        if recipients:
            rule["Recipients"] = recipients
        return {**rule, "Actions": actions, "ScanEnabled": bool(given.get("ScanEnabled"))}

    def _check_action(self, tx: Transaction, scope: Scope, action: dict[str, Any]) -> None:
        named = [kind for kind, given in action.items() if given is not None]
        if len(named) != 1:
            raise AwsError(V1.bad_request, "Exactly one action must be specified.")
        [kind] = named
        if kind not in ACTIONS:
            raise NotEmulated("ses", "CreateReceiptRule", kind)
        given = action[kind]
        if kind == "S3Action" and (given.get("KmsKeyArn") or given.get("IamRoleArn")):
            raise NotEmulated("ses", "CreateReceiptRule", "KmsKeyArn and IamRoleArn of an S3Action")
        topic = given.get("TopicArn")
        if topic and not self._sending.publisher.has_topic(tx, scope, topic):
            raise AwsError("InvalidSnsTopic", f"Invalid SNS topic: {topic}", members={"Topic": topic})
        if kind == "LambdaAction" and ":function:" not in given["FunctionArn"]:
            arn = given["FunctionArn"]
            raise AwsError("InvalidLambdaFunction", f"Invalid Lambda function: {arn}", members={"FunctionArn": arn})
        if kind == "AddHeaderAction" and not (
            given["HeaderName"].replace("-", "").isalnum() and given["HeaderName"].isascii()
        ):
            raise AwsError(V1.bad_request, f"Not a valid header name: {given['HeaderName']}")
        if kind == "AddHeaderAction":
            value = given["HeaderValue"]
            if len(value) >= LONGEST_HEADER_VALUE or any(ord(character) < 32 for character in value):
                # "… fewer than 2048 characters, and must not contain newline characters" [M]; the text is unverified
                raise AwsError(V1.bad_request, "Not a valid header value.")

    # ── filters ─────────────────────────────────────────────────────────────────────────────────

    def create_filter(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateReceiptFilter: a range of IP addresses that mail is taken from or not."""
        given = request["Filter"]
        name = given["Name"]
        if store_documents.get(tx, scope, FILTERS, name) is not None:
            raise AwsError("AlreadyExists", f"Filter already exists: {name}", members={"Name": name})
        try:
            ipaddress.ip_network(given["IpFilter"]["Cidr"], strict=False)
        except ValueError:
            raise AwsError(V1.bad_request, f"Not a valid IP address or range: {given['IpFilter']['Cidr']}") from None
        if store_documents.count(tx, scope, FILTERS) >= MOST_FILTERS:
            raise AwsError("LimitExceeded", "Maximum number of filters exceeded.")
        store_documents.put(tx, scope, FILTERS, name, given["IpFilter"])
        return {}

    def list_filters(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListReceiptFilters."""
        found = store_documents.page(tx, scope, FILTERS)
        return {"Filters": [{"Name": each.name, "IpFilter": each.body} for each in found]}

    def delete_filter(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteReceiptFilter: one that is not there is no error."""
        store_documents.delete(tx, scope, FILTERS, request["FilterName"])
        return {}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "CreateReceiptRuleSet": self.create_set,
            "CloneReceiptRuleSet": self.clone_set,
            "DeleteReceiptRuleSet": self.delete_set,
            "DescribeReceiptRuleSet": self.describe_set,
            "DescribeActiveReceiptRuleSet": self.describe_active,
            "SetActiveReceiptRuleSet": self.set_active,
            "ListReceiptRuleSets": self.list_sets,
            "CreateReceiptRule": self.create_rule,
            "DescribeReceiptRule": self.describe_rule,
            "UpdateReceiptRule": self.update_rule,
            "DeleteReceiptRule": self.delete_rule,
            "SetReceiptRulePosition": self.set_position,
            "ReorderReceiptRuleSet": self.reorder,
            "CreateReceiptFilter": self.create_filter,
            "ListReceiptFilters": self.list_filters,
            "DeleteReceiptFilter": self.delete_filter,
        }


def _described(document: Document) -> dict[str, Any]:
    return {
        "Metadata": {"Name": document.name, "CreatedTimestamp": document.created_at},
        "Rules": document.body["rules"],
    }


def _position(rules: list[Rule], name: str) -> int:
    for position, rule in enumerate(rules):
        if rule["Name"] == name:
            return position
    raise _unknown_rule(name)


def _unknown_rule(name: str) -> AwsError:
    return AwsError("RuleDoesNotExist", f"Rule does not exist: {name}", members={"Name": name})
