"""Operations on usage plans, the keys in them, and what has been used [R:test_usage_plan_crud]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import plan_store, store
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.operations.loading import Loading, given, page
from emulator.services.apigateway.patch import unescape
from emulator.services.apigateway.quotas import check_room

_PERIODS = ("DAY", "WEEK", "MONTH")
_LARGEST_OFFSET = {"DAY": 0, "WEEK": 6, "MONTH": 27}
"""By how many requests the first period may be shortened [D: QuotaSettings]."""
_LONGEST_REPORT_DAYS = 366


_SET = ("add", "replace")
_OPERATIONS: dict[str, tuple[str, ...]] = {
    "/apiStages": ("add", "remove"),
    "/description": ("replace",),
    "/name": ("replace",),
    "/productCode": ("add", "replace", "remove"),
    "/quota": ("remove",),
    "/quota/limit": _SET,
    "/quota/offset": _SET,
    "/quota/period": _SET,
    "/throttle": ("remove",),
    "/throttle/burstLimit": _SET,
    "/throttle/rateLimit": _SET,
}
"""Path → what may be done to it (AWS, patch operations of UpdateUsagePlan)."""


class UsagePlans(Loading):
    """CreateUsagePlan … DeleteUsagePlanKey, GetUsage, UpdateUsage."""

    has_websocket_stage: Callable[[Transaction, Scope, str, str], bool] = staticmethod(
        lambda tx, scope, api, stage: False
    )
    """Whether a WebSocket API has a stage: plans are for those, too. Set by app.py."""

    def create_usage_plan(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A plan over stages."""
        if not request.get("name"):
            raise bad_request("Usage Plan name cannot be blank")
        check_room(len(plan_store.list_plans(tx, scope)), self._settings.usage_plans, "usage plans", "account")
        plan: dict[str, Any] = {
            "id": short_id(tx.new_id(), 6),
            **given(request, "name", "description"),
            "apiStages": request.get("apiStages") or [],
        }
        for stage in plan["apiStages"]:
            self._check_api_stage(tx, scope, stage.get("apiId"), stage.get("stage"), plan["id"])
        if request.get("throttle"):
            limits = ("burstLimit", "rateLimit")
            plan["throttle"] = {name: _number(name, str(request["throttle"].get(name) or 0)) for name in limits}
        if request.get("quota"):
            plan["quota"] = {"offset": 0, **request["quota"]}
            _check_quota(plan["quota"])
        if request.get("tags"):
            plan["tags"] = dict(request["tags"])
        plan_store.put_plan(tx, scope, plan)
        return plan

    def get_usage_plan(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One plan."""
        return {"tags": {}, **self._plan(tx, scope, request["usagePlanId"])}

    def get_usage_plans(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All plans, or those with a key."""
        key = request.get("keyId")
        plans = plan_store.plans_of_key(tx, key) if key else plan_store.list_plans(tx, scope)
        return page(plans, request)

    def update_usage_plan(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a plan by patch operations."""
        plan = self._plan(tx, scope, request["usagePlanId"])
        for operation in request.get("patchOperations") or []:
            self._patch(tx, scope, plan, operation)
        plan_store.put_plan(tx, scope, plan)
        return {"tags": {}, **plan}

    def delete_usage_plan(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a plan that is associated with no stage."""
        plan = self._plan(tx, scope, request["usagePlanId"])
        if plan["apiStages"]:
            named = ", ".join(f"{stage['apiId']}:{stage['stage']}" for stage in plan["apiStages"])
            raise bad_request(
                f"Cannot delete Usage Plan {plan['id']} because it is associated with API Stages: [{named}]"
            )
        plan_store.delete_plan(tx, scope, plan["id"])
        return {}

    def create_usage_plan_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Put a key into a plan."""
        if request["keyType"] != "API_KEY":
            raise bad_request("Usage Plan Key Type should be API_KEY")
        plan = self._plan(tx, scope, request["usagePlanId"])
        key = plan_store.load_key(tx, scope, request["keyId"])
        if key is None:
            raise not_found("Invalid API Key identifier specified")
        others = [other for other in plan_store.plans_of_key(tx, key["id"]) if other["id"] != plan["id"]]
        check_room(len(others), self._settings.usage_plans_of_key, "usage plans", "API key")
        if not plan_store.add_plan_key(tx, plan["id"], key["id"]):
            raise conflict(f"Usage plan key {key['id']} already exists in usage plan {plan['id']}")
        return _shown_key(key)

    def get_usage_plan_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One key of a plan."""
        plan = self._plan(tx, scope, request["usagePlanId"])
        for key in plan_store.keys_of_plan(tx, plan["id"]):
            if key["id"] == request["keyId"]:
                return _shown_key(key)
        raise not_found("Invalid Usage Plan Key identifier specified")

    def get_usage_plan_keys(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The keys of a plan."""
        plan = self._plan(tx, scope, request["usagePlanId"])
        wanted = request.get("nameQuery") or ""
        keys = plan_store.keys_of_plan(tx, plan["id"])
        return page([_shown_key(key) for key in keys if key["name"].startswith(wanted)], request)

    def delete_usage_plan_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Take a key out of a plan."""
        self.get_usage_plan_key(tx, scope, request)
        plan_store.remove_plan_key(tx, request["usagePlanId"], request["keyId"])
        return {}

    def get_usage(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """What keys used, a pair (used, remaining) a day."""
        plan = self._plan(tx, scope, request["usagePlanId"])
        first, last = _day(request["startDate"]), _day(request["endDate"])
        if last < first or (last - first).days > _LONGEST_REPORT_DAYS:
            raise bad_request("Invalid date range specified")
        limit = (plan.get("quota") or {}).get("limit")
        period = (plan.get("quota") or {}).get("period", "DAY")
        items: dict[str, Any] = {}
        keys = [key for key in plan_store.keys_of_plan(tx, plan["id"]) if request.get("keyId") in (None, key["id"])]
        paged = page(keys, request)
        for key in paged.pop("items"):
            used = plan_store.usage(tx, plan["id"], key["id"], first.isoformat(), last.isoformat())
            extra = plan_store.extra(tx, plan["id"], key["id"], plan_store.period_start(period, tx.now))
            days: list[list[int]] = []
            for number in range((last - first).days + 1):
                day = first + timedelta(days=number)
                start = plan_store.period_start(period, datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
                spent = sum(plan_store.usage(tx, plan["id"], key["id"], start, day.isoformat()).values())
                left = max(0, limit + extra - spent) if limit is not None else -1
                days.append([used.get(day.isoformat(), 0), left])
            items[key["id"]] = days
        return {
            "usagePlanId": plan["id"],
            "startDate": request["startDate"],
            "endDate": request["endDate"],
            "items": items,
            **paged,
        }

    def update_usage(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Grant a key what is left of its quota anew: `/remaining`."""
        plan = self._plan(tx, scope, request["usagePlanId"])
        self.get_usage_plan_key(tx, scope, request)
        quota = plan.get("quota")
        for operation in request.get("patchOperations") or []:
            value = operation.get("value") or ""
            if operation.get("path") != "/remaining" or operation.get("op") != "replace":
                raise bad_request("Invalid patch path. Only /remaining can be replaced")
            if quota is None or not (value.isascii() and value.isdigit() and len(value) < 10):
                raise bad_request("Invalid remaining quota specified")
            start = plan_store.period_start(quota["period"], tx.now)
            spent = sum(plan_store.usage(tx, plan["id"], request["keyId"], start, "9999").values())
            plan_store.set_extra(tx, plan["id"], request["keyId"], start, int(value) + spent - quota["limit"])
        today = datetime.fromtimestamp(tx.now, UTC).date().isoformat()
        return self.get_usage(tx, scope, {**request, "startDate": today, "endDate": today})

    def _plan(self, tx: Transaction, scope: Scope, plan_id: str) -> dict[str, Any]:
        plan = plan_store.load_plan(tx, scope, plan_id)
        if plan is None:
            raise not_found("Invalid Usage Plan ID specified")
        return plan

    def _check_api_stage(self, tx: Transaction, scope: Scope, api_id: Any, stage: Any, plan_id: str) -> None:
        if not api_id or not stage:
            raise bad_request("Invalid API Stage specified")
        of_rest = store.load_api(tx, scope, api_id) is not None and store.load_stage(tx, api_id, stage) is not None
        if not of_rest and not self.has_websocket_stage(tx, scope, api_id, stage):
            raise not_found(f"Invalid API Stage {{api: {api_id}, stage: {stage}}} specified for usageplan {plan_id}")

    def _patch(self, tx: Transaction, scope: Scope, plan: dict[str, Any], operation: dict[str, str]) -> None:
        op, path, value = operation.get("op") or "", operation.get("path") or "", operation.get("value") or ""
        if op not in ("add", "remove", "replace"):
            raise bad_request("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
        if op not in _OPERATIONS.get(path, (op,)):
            raise bad_request(f"Invalid patch operation specified. Must be one of: [{', '.join(_OPERATIONS[path])}]")
        parts = path.removeprefix("/").split("/")
        if path in ("/description", "/productCode") and (op == "remove" or not value):
            plan.pop(parts[0], None)
        elif path in ("/name", "/description", "/productCode"):
            if not value:
                raise bad_request("Usage Plan name cannot be blank")
            plan[parts[0]] = value
        elif path == "/apiStages":
            api_id, _, stage = value.partition(":")
            others = [item for item in plan["apiStages"] if (item["apiId"], item["stage"]) != (api_id, stage)]
            if op != "remove" or len(others) == len(plan["apiStages"]):  # what is gone can still be taken out
                self._check_api_stage(tx, scope, api_id, stage, plan["id"])
            plan["apiStages"] = others if op == "remove" else [*others, {"apiId": api_id, "stage": stage}]
        elif parts[0] == "apiStages" and len(parts) >= 4 and parts[2] == "throttle":
            _patch_stage_throttle(plan, parts, op, value)
        elif path in ("/throttle", "/quota") and op == "remove":
            plan.pop(parts[0], None)
        elif path in ("/throttle/burstLimit", "/throttle/rateLimit"):
            plan.setdefault("throttle", {"burstLimit": 0, "rateLimit": 0.0})[parts[1]] = _number(parts[1], value)
        elif path in ("/quota/limit", "/quota/offset", "/quota/period"):
            quota = plan.setdefault("quota", {"limit": 0, "offset": 0, "period": "MONTH"})
            quota[parts[1]] = value if parts[1] == "period" else _number(parts[1], value)
            _check_quota(quota)
        else:
            raise bad_request(f"Invalid patch path {path}")


def _patch_stage_throttle(plan: dict[str, Any], parts: list[str], op: str, value: str) -> None:
    """`/apiStages/{api:stage}/throttle/{path}/{method}[/rateLimit|/burstLimit]`."""
    api_id, _, name = unescape(parts[1]).partition(":")
    stage = next((item for item in plan["apiStages"] if (item["apiId"], item["stage"]) == (api_id, name)), None)
    if stage is None or len(parts) < 5:
        raise bad_request("Invalid API Stage specified")
    limits = stage.setdefault("throttle", {})
    named = parts[-1] if parts[-1] in ("rateLimit", "burstLimit") else ""
    # Terraform writes the resource's slashes as they are, others escape them; both are taken.
    *resource, verb = parts[3:-1] if named else parts[3:]
    method = f"{unescape('/'.join(resource))}/{verb}"
    if op == "remove":
        limits.pop(method, None)
    elif named and resource:
        limits.setdefault(method, {"burstLimit": 0, "rateLimit": 0.0})[named] = _number(named, value)
    else:
        raise bad_request(f"Invalid patch path /{'/'.join(parts)}")


def _number(name: str, value: str) -> Any:
    try:
        number = float(value) if name == "rateLimit" else int(value)
    except ValueError:
        raise bad_request(f"Invalid value specified: {value}") from None
    if not 0 <= number <= 1e9:
        raise bad_request(f"Invalid value specified: {value}")
    return number


def _check_quota(quota: dict[str, Any]) -> None:
    if quota.get("period") not in _PERIODS or int(quota.get("limit") or 0) < 0:
        raise bad_request("Usage Plan quota limit and period must be specified")
    most = _LARGEST_OFFSET[quota["period"]]
    if not 0 <= int(quota.get("offset") or 0) <= most:  # the text is unverified
        raise bad_request(f"Usage Plan quota offset must be between 0 and {most} for period {quota['period']}")


def _shown_key(key: dict[str, Any]) -> dict[str, Any]:
    return {"id": key["id"], "type": "API_KEY", "value": key["value"], "name": key["name"]}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad_request(f"Invalid date specified: {text}") from None
