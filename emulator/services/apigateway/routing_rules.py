"""Routing rules of a custom domain name: which rule a request fits, by headers and base path. Pure.

[D: rest-api-routing-rules, rest-api-routing-rules-examples]. Rules lead to stages of REST APIs only; they are asked in
the order of their priorities, and before the domain name's mappings, if its routing mode lets it have those too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from emulator.services.apigateway.domains import REST, Mapping
from emulator.services.apigateway.model import bad_request

MAPPINGS_ONLY, RULES_ONLY, RULES_FIRST = (
    "BASE_PATH_MAPPING_ONLY",
    "ROUTING_RULE_ONLY",
    "ROUTING_RULE_THEN_BASE_PATH_MAPPING",
)
"""Routing modes as boto3 `apigateway` names them; `apigatewayv2` calls the mappings API mappings."""
MODES = (MAPPINGS_ONLY, RULES_ONLY, RULES_FIRST)
_MOST_HEADER_CONDITIONS = 2
_MOST_PATH_CONDITIONS = 1
_LONGEST = 128
"""Of a header's name, its value and a base path."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_GLOB = re.compile(r"[!-~]+")
_BASE_PATH = re.compile(r"[A-Za-z0-9$\-_.+!*'()]+(?:/[A-Za-z0-9$\-_.+!*'()]+)*")
_RESTRICTED = re.compile(
    r"access-control-.*|apigw-.*|authorization|connection|content-encoding|content-length|content-location|forwarded|"
    r"keep-alive|origin|proxy-authenticate|proxy-authorization|te|trailers|transfer-encoding|upgrade|x-amz-.*|"
    r"x-amzn-.*|x-apigw-api-id|x-forwarded-for|x-forwarded-host|x-forwarded-proto|via"
)
"""Headers that no condition may ask for."""


def checked_rule(request: dict[str, Any]) -> dict[str, Any]:
    """Actions, conditions and priority of a rule, as `apigatewayv2` has them.

    Raises BadRequestException; its texts are unverified.
    """
    actions, conditions = request["Actions"], request["Conditions"]
    if len(actions) != 1:
        raise bad_request("A routing rule must have exactly one action.")
    if not 1 <= request["Priority"] <= 1_000_000:
        raise bad_request("The priority of a routing rule must be between 1 and 1000000.")
    for condition in conditions:
        if len([kind for kind in ("MatchBasePaths", "MatchHeaders") if condition.get(kind)]) != 1:
            raise bad_request("A condition must have either matchBasePaths or matchHeaders.")
    headers = [condition["MatchHeaders"] for condition in conditions if condition.get("MatchHeaders")]
    paths = [condition["MatchBasePaths"] for condition in conditions if condition.get("MatchBasePaths")]
    if len(headers) > _MOST_HEADER_CONDITIONS or len(paths) > _MOST_PATH_CONDITIONS:
        raise bad_request("A routing rule can have up to two matchHeaders conditions and one matchBasePaths condition.")
    if not all(condition["AnyOf"] for condition in [*headers, *paths]):
        raise bad_request("anyOf must not be empty.")
    for value in [value for condition in headers for value in condition["AnyOf"]]:
        name, glob = value["Header"], value["ValueGlob"]
        if not _HEADER.fullmatch(name) or len(name) > _LONGEST or _RESTRICTED.fullmatch(name.lower()):
            raise bad_request(f"Invalid header specified for a routing rule: {name}")
        if not _GLOB.fullmatch(glob) or len(glob) > _LONGEST:
            raise bad_request(f"Invalid header value specified for a routing rule: {glob}")
    for path in [path for condition in paths for path in condition["AnyOf"]]:
        if not _BASE_PATH.fullmatch(path) or len(path) > _LONGEST:
            raise bad_request(f"Invalid base path specified for a routing rule: {path}")
    return {"Actions": actions, "Conditions": conditions, "Priority": request["Priority"]}


def chosen(rules: list[dict[str, Any]], headers: Sequence[tuple[str, str]], path: str) -> Mapping | None:
    """Where the first rule that a request fits leads it, or None if it fits none."""
    for rule in sorted(rules, key=lambda rule: rule["Priority"]):
        bases = [_base(condition, headers, path) for condition in rule["Conditions"]]
        if None not in bases:
            target = rule["Actions"][0]["InvokeApi"]
            base = max([base or "" for base in bases], key=len, default="") if target.get("StripBasePath") else ""
            left = path[len(base) :] or "/"
            return Mapping(REST, target["ApiId"], target["Stage"], base, left, rule.get("RoutingRuleId", ""))
    return None


def _base(condition: dict[str, Any], headers: Sequence[tuple[str, str]], path: str) -> str | None:
    """The part of the path that a condition is about, "" of one about headers; None if the request does not fit."""
    if condition.get("MatchHeaders"):
        wanted = condition["MatchHeaders"]["AnyOf"]
        return "" if any(_has(headers, value["Header"], value["ValueGlob"]) for value in wanted) else None
    bases = ["/" + base for base in condition["MatchBasePaths"]["AnyOf"]]
    found = [base for base in bases if path == base or path.startswith(base + "/")]
    return max(found, key=len, default=None)


def _has(headers: Sequence[tuple[str, str]], wanted: str, glob: str) -> bool:
    lower = wanted.lower()
    return any(name.lower() == lower and _pattern(glob).fullmatch(value) for name, value in headers)


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    """Case counts in values; `*` is anything. Runs of it are one, so that no value is tried in many ways."""
    return re.compile(".*".join(re.escape(part) for part in re.sub(r"\*+", "*", glob).split("*")), re.S)
