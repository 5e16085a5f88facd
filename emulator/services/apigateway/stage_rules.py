"""What can be set on a stage beyond its deployment: method settings, access logs, a canary (3.14). Pure."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from emulator.aws.arn import Arn
from emulator.services.apigateway.model import bad_request
from emulator.services.apigateway.patch import flag, unescape, whole
from emulator.services.apigateway.quotas import check_access_log_format

CACHE_SIZES = ("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")
"""Gigabytes of a cache cluster that AWS offers."""
_STRATEGIES = ("FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER")
LONGEST_TTL_SECONDS = 3600

UNLIMITED = (5000, 10000.0)
"""Burst and rate where nothing is set: the account's, which the emulator does not enforce."""

_STREAM_PREFIX = "amazon-apigateway-"
"""What names of delivery streams for access logs begin with [D: set-up-access-logging-using-firehose]."""

_DEFAULTS: dict[str, Any] = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": UNLIMITED[0],
    "throttlingRateLimit": UNLIMITED[1],
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
"""The settings of all methods once one is set; a method's own begin with those of all [R:test_create_update_stages]."""


def _rate(value: str) -> float:
    rate = float(value)
    if not -1 <= rate <= 1e9:
        raise ValueError(value)
    return rate


_MEMBERS = {
    "metrics/enabled": ("metricsEnabled", flag),
    "logging/dataTrace": ("dataTraceEnabled", flag),
    "logging/loglevel": ("loggingLevel", str),
    "throttling/burstLimit": ("throttlingBurstLimit", whole),
    "throttling/rateLimit": ("throttlingRateLimit", _rate),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", whole),
    "caching/enabled": ("cachingEnabled", flag),
    "caching/dataEncrypted": ("cacheDataEncrypted", flag),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", flag),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", str),
}
_SETTING = re.compile(r"^/(.+)/([A-Z]+|\*)/((?:metrics|logging|throttling|caching)/[A-Za-z]+)$")
_WHOLE = re.compile(r"^/(.+)/([A-Z]+|\*)$")

_EACH = (
    "metrics/enabled, {0}logging/dataTrace, {0}logging/loglevel, {0}throttling/burstLimit{1}{0}throttling/rateLimit{1}"
    "{0}caching/ttlInSeconds, {0}caching/enabled, {0}caching/dataEncrypted, "
    "{0}caching/requireAuthorizationForCacheControl, {0}caching/unauthorizedCacheControlHeaderStrategy"
)
_ONE, _ALL = "/{resourcePath}/{httpMethod}/", "/*/*/"
PATHS = (
    "[/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, "
    "/accessLogSettings/destinationArn, /accessLogSettings/format, "
    f"{_ONE}{_EACH.format(_ONE, '')}, {_ALL}{_EACH.format(_ALL, ' ')}, /variables/{{variable_name}}, /tracingEnabled]"
)
"""AWS's list of what can be patched, missing commas included [R:test_create_update_stages]."""


def settings_of(every: dict[str, Any], resource_path: str, method: str) -> tuple[str, dict[str, Any]]:
    """(key, settings) that hold for a method: its own, else those of all."""
    escaped = resource_path.replace("~", "~0").replace("/", "~1")
    for path in (escaped, escaped.removeprefix("~1"), resource_path.removeprefix("/"), resource_path, "*"):
        found = every.get(f"{path}/{method}")
        if found is not None:
            return f"{path}/{method}", found
    return "*/*", every.get("*/*") or {}


def is_setting(path: str, op: str) -> bool:
    """Whether a patch is about a method's settings."""
    return bool(_SETTING.match(path)) or (op == "remove" and bool(_WHOLE.match(path)))


def patch_setting(stage: dict[str, Any], op: str, path: str, value: str) -> None:
    """Change or remove one setting of a method, or remove them all."""
    every = {key: dict(item) for key, item in (stage.get("methodSettings") or {}).items()}
    stage["methodSettings"] = every
    found = _SETTING.match(path)
    if found is None:
        if every.pop(path[1:], None) is None:
            nothing_to_remove(path[1:])
        return
    key = f"{found.group(1)}/{found.group(2)}"
    known = _MEMBERS.get(found.group(3))
    if known is None:
        raise bad_request(f"Invalid method setting path: {path}. Must be one of: {PATHS}")
    member, convert = known
    if op == "remove":
        if key not in every:
            nothing_to_remove(key)
        if member in _DEFAULTS:
            every[key][member] = _DEFAULTS[member]
        else:
            every[key].pop(member, None)
        return
    if op != "replace":
        raise bad_request(
            "Invalid patch operation specified. Must be one of: [replace]"
        )  # AWS's table; text unverified
    try:
        converted: Any = convert(value)
    except ValueError:
        raise bad_request(f"Invalid value specified: {value}") from None
    if member == "loggingLevel" and converted not in ("OFF", "ERROR", "INFO"):
        raise bad_request("Invalid logging level specified. Must be one of: [OFF, ERROR, INFO]")
    if member == "cacheTtlInSeconds" and not 0 <= int(converted) <= LONGEST_TTL_SECONDS:
        raise bad_request(f"Cache TTL must be between 0 and {LONGEST_TTL_SECONDS} seconds")  # unverified
    if member == "unauthorizedCacheControlHeaderStrategy" and converted not in _STRATEGIES:
        raise bad_request(f"Invalid value specified: {value}. Must be one of: [{', '.join(_STRATEGIES)}]")  # unverified
    every.setdefault(key, dict(every.get("*/*") or _DEFAULTS))[member] = converted


def nothing_to_remove(what: str) -> NoReturn:
    """Raise AWS's text for a removal of what cannot be removed, or is not there [R:test_stage_access_log_settings]."""
    raise bad_request(f"Cannot remove method setting {what} because there is no method setting for this method ")


def cache_cluster(enabled: bool, size: str | None) -> dict[str, Any]:
    """A stage's members of its cache cluster. There is nothing to wait for: a cluster is AVAILABLE at once.

    Raises BadRequestException for a size AWS does not offer (text unverified).
    """
    if size is not None and size not in CACHE_SIZES:
        raise bad_request(f"Invalid cache cluster size specified. Must be one of: [{', '.join(CACHE_SIZES)}]")
    cluster: dict[str, Any] = {"cacheClusterEnabled": enabled}
    if enabled or size is not None:
        cluster["cacheClusterSize"] = size or CACHE_SIZES[0]
    cluster["cacheClusterStatus"] = "AVAILABLE" if enabled else "NOT_AVAILABLE"
    return cluster


def patch_cache_cluster(stage: dict[str, Any], op: str, path: str, value: str) -> None:
    """`/cacheClusterEnabled`, `/cacheClusterSize`."""
    if op != "replace" or path not in ("/cacheClusterEnabled", "/cacheClusterSize"):
        raise bad_request(f"Invalid method setting path: {path}. Must be one of: {PATHS}")
    enabled, size = stage["cacheClusterEnabled"], stage.get("cacheClusterSize")
    if path == "/cacheClusterSize":
        size = value
    else:
        enabled = flag(value)
    stage.update(cache_cluster(enabled, size))


def check_log_destination(arn: str) -> None:
    """Raise for a delivery stream that cannot have access logs (the text is unverified)."""
    parsed = Arn.parse(arn)
    if parsed is None or parsed.service != "firehose":
        return
    if not parsed.resource.startswith(f"deliverystream/{_STREAM_PREFIX}"):
        raise bad_request(
            f"Invalid ARN specified in the request. Delivery stream name must begin with {_STREAM_PREFIX}"
        )


def patch_access_log(stage: dict[str, Any], op: str, path: str, value: str) -> None:
    """`/accessLogSettings/…` [R:test_stage_access_log_settings, …_validation]."""
    name = path.removeprefix("/accessLogSettings").removeprefix("/")
    if op == "remove":
        if name or not stage.pop("accessLogSettings", None):
            nothing_to_remove(path[1:])
        return
    if name not in ("destinationArn", "format"):
        raise bad_request(
            "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, "
            "/accessLogSettings/format]"
        )
    if not value:
        raise bad_request("Access Log value must not be empty")
    if name == "format":
        check_access_log_format(value)
    if name == "destinationArn":
        check_log_destination(value)
        value = value.removesuffix(":*")
    stage["accessLogSettings"] = {**(stage.get("accessLogSettings") or {}), name: value}


def patch_canary(stage: dict[str, Any], op: str, path: str, value: str) -> None:
    """`/canarySettings…`."""
    rest = path.removeprefix("/canarySettings").removeprefix("/")
    if op == "remove" and not rest:
        stage.pop("canarySettings", None)
        return
    if op != "replace" and not rest.startswith("stageVariableOverrides/"):
        raise bad_request(
            "Invalid patch operation specified. Must be one of: [replace]"
        )  # AWS's table; text unverified
    canary: dict[str, Any] = dict(stage.get("canarySettings") or {})
    if not canary:
        canary = {"percentTraffic": 0.0, "deploymentId": stage["deploymentId"], "useStageCache": False}
    name, _, variable = rest.partition("/")
    if name == "percentTraffic":
        canary["percentTraffic"] = percent(value)
    elif name == "deploymentId":
        canary["deploymentId"] = value
    elif name == "useStageCache":
        canary["useStageCache"] = flag(value)
    elif name == "stageVariableOverrides" and variable:
        overrides = dict(canary.get("stageVariableOverrides") or {})
        if op == "remove":
            overrides.pop(unescape(variable), None)
        else:
            overrides[unescape(variable)] = value
        canary["stageVariableOverrides"] = overrides
    else:
        raise bad_request(f"Invalid patch path {path}")
    stage["canarySettings"] = canary


def promote(stage: dict[str, Any], path: str, source: str) -> None:
    """The operation `copy`: what the canary has becomes the stage's (3.14)."""
    canary = stage.get("canarySettings")
    if not canary:
        raise bad_request("Promotion not available. Canary does not exist.")
    if (path, source) == ("/deploymentId", "/canarySettings/deploymentId"):
        stage["deploymentId"] = canary["deploymentId"]
    elif (path, source) == ("/variables", "/canarySettings/stageVariableOverrides"):
        stage["variables"] = {**(stage.get("variables") or {}), **(canary.get("stageVariableOverrides") or {})}
    else:
        raise bad_request(
            "Invalid copy operation with path: /canarySettings/stageVariableOverrides and from "
            f"{source}. Valid copy:path are [/deploymentId, /variables]"
        )


def percent(value: Any) -> float:
    """percentTraffic as a number between 0 and 100."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise bad_request(f"Invalid value specified: {value}") from None
    if not 0 <= number <= 100:
        raise bad_request("Invalid percentTraffic specified. Must be between 0.0 and 100.0")
    return number
