"""What a caller can ask of Scheduler, one method per AWS action; and when a schedule's next time is planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import read_token, write_token
from emulator.aws.scope import Scope
from emulator.aws.tags import counted, refuse
from emulator.ports import Transaction
from emulator.services.scheduler import store
from emulator.services.scheduler.expressions import JUST_BEFORE, LATE_SECONDS, At, InvalidSchedule, zone_of
from emulator.services.scheduler.model import (
    DEFAULT_GROUP,
    MOST_GROUPS,
    Group,
    Schedule,
    check_dates,
    check_window,
    conflict,
    invalid,
    no_group,
    no_schedule,
)
from emulator.services.scheduler.targets import check

RECURRING = "scheduler.recurring"
ONCE = "scheduler.once"
"""Job kinds: a schedule's next time. Payload {account, region, group, name, scheduled_at}, due in its window."""
LARGEST_PAGE = 100


class SchedulerOperations:
    """All operations of EventBridge Scheduler."""

    def table(self) -> dict[str, Callable[..., Any]]:
        """From AWS's name to method."""
        return {
            "CreateSchedule": self.create_schedule,
            "UpdateSchedule": self.update_schedule,
            "GetSchedule": self.get_schedule,
            "DeleteSchedule": self.delete_schedule,
            "ListSchedules": self.list_schedules,
            "CreateScheduleGroup": self.create_schedule_group,
            "GetScheduleGroup": self.get_schedule_group,
            "DeleteScheduleGroup": self.delete_schedule_group,
            "ListScheduleGroups": self.list_schedule_groups,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    # ── schedules ───────────────────────────────────────────────────────────────────────────────

    def create_schedule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create a schedule; the same request with the same token again is no error."""
        group = _group(tx, scope, request.get("GroupName") or DEFAULT_GROUP)
        token: str = request.get("ClientToken") or ""
        made = _schedule(scope, group, request, tx.now, tx.now, token)
        _check(made, tx.now, "CreateSchedule")
        existing = store.find_schedule(tx, scope, group.name, made.name)
        if existing is not None:
            if token and existing.token == token and existing.definition == made.definition:
                return {"ScheduleArn": existing.arn}
            raise conflict("Schedule", made.name)
        store.put_schedule(tx, made)
        plan(tx, made)
        return {"ScheduleArn": made.arn}

    def update_schedule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Replace all of a schedule: what is not given has its default."""
        group = _group(tx, scope, request.get("GroupName") or DEFAULT_GROUP)
        existing = _required(tx, scope, group.name, request["Name"])
        made = _schedule(scope, group, request, existing.created_at, tx.now, existing.token)
        _check(made, tx.now, "UpdateSchedule")
        store.put_schedule(tx, made)
        plan(tx, made)
        return {"ScheduleArn": made.arn}

    def get_schedule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A schedule."""
        return _required(tx, scope, request.get("GroupName") or DEFAULT_GROUP, request["Name"]).shown()

    def delete_schedule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a schedule; an invocation that is being tried again goes on."""
        remove(tx, _required(tx, scope, request.get("GroupName") or DEFAULT_GROUP, request["Name"]))
        return {}

    def list_schedules(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Schedules by group and name."""
        group: str | None = request.get("GroupName")
        if group is not None:
            _group(tx, scope, group)
        wanted: str | None = request.get("State")
        after_group, _, after_name = _page_after(request).partition("/")
        size = int(request.get("MaxResults") or LARGEST_PAGE)
        shown: list[dict[str, Any]] = []
        last = (after_group, after_name)
        while len(shown) <= size:
            found = store.list_schedules(tx, scope, group, request.get("NamePrefix") or "", last, LARGEST_PAGE)
            shown += [
                schedule.summary() for schedule in found if wanted is None or schedule.enabled == (wanted == "ENABLED")
            ]
            if len(found) < LARGEST_PAGE:
                break
            last = (found[-1].group, found[-1].name)
        result: dict[str, Any] = {"Schedules": shown[:size]}
        if len(shown) > size:
            result["NextToken"] = write_token(f"{shown[size - 1]['GroupName']}/{shown[size - 1]['Name']}")
        return result

    # ── groups ──────────────────────────────────────────────────────────────────────────────────

    def create_schedule_group(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create a group; the same request with the same token again is no error."""
        name, token = request["Name"], request.get("ClientToken") or ""
        existing = store.find_group(tx, scope, name)
        made = Group(scope, name, tx.now, tx.now, _tags_of(request), token)
        if existing is not None and token and existing.token == token and existing.tags == made.tags:
            return {"ScheduleGroupArn": existing.arn}
        if existing is not None or name == DEFAULT_GROUP:
            raise conflict("Schedule group", name)
        if len(store.list_groups(tx, scope)) >= MOST_GROUPS:
            members = {
                "resourceId": name,
                "resourceType": "ScheduleGroup",
                "serviceCode": "scheduler",
                "quotaCode": "L-6BE5E2B9",
            }
            text = "The request exceeds the quota of schedule groups."
            raise AwsError("ServiceQuotaExceededException", text, 402, members)
        store.put_group(tx, made)
        return {"ScheduleGroupArn": made.arn}

    def get_schedule_group(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A group."""
        return _group(tx, scope, request["Name"]).shown()

    def delete_schedule_group(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a group with its schedules, at once (AWS: in the background)."""
        group = _group(tx, scope, request["Name"])
        if group.name == DEFAULT_GROUP:
            raise invalid("The default schedule group cannot be deleted.")
        for schedule in store.list_schedules(tx, scope, group.name):
            remove(tx, schedule)
        store.delete_group(tx, group)
        return {}

    def list_schedule_groups(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Groups by name, `default` among them."""
        prefix, after = request.get("NamePrefix") or "", _page_after(request)
        size = int(request.get("MaxResults") or LARGEST_PAGE)
        groups = {DEFAULT_GROUP: Group(scope, DEFAULT_GROUP)} | {
            each.name: each for each in store.list_groups(tx, scope)
        }
        names = sorted(name for name in groups if name.startswith(prefix) and name > after)
        result: dict[str, Any] = {"ScheduleGroups": [groups[name].shown() for name in names[:size]]}
        if len(names) > size:
            result["NextToken"] = write_token(names[size - 1])
        return result

    # ── tags of groups ──────────────────────────────────────────────────────────────────────────

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add or change tags of a group."""
        group = _tagged(tx, request["ResourceArn"])
        tags = {**group.tags, **_tags_of(request)}
        if counted(tags) > 50:
            raise invalid("A schedule group can have 50 tags at most.")
        store.put_group(tx, replace(group, tags=tags))
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags of a group."""
        group = _tagged(tx, request["ResourceArn"])
        refuse(request["TagKeys"], request, invalid)
        kept = {key: value for key, value in group.tags.items() if key not in request["TagKeys"]}
        store.put_group(tx, replace(group, tags=kept))
        return {}

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The tags of a group."""
        group = _tagged(tx, request["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in group.tags.items()]}


# ── when a schedule is next invoked ─────────────────────────────────────────────────────────────


def plan(tx: Transaction, schedule: Schedule) -> None:
    """Queue the first time of a schedule that is new or has been changed, or none."""
    jobs.cancel(tx, _key(schedule))
    if not schedule.enabled:
        return
    times = schedule.times()
    late = LATE_SECONDS if isinstance(times, At) else 0.0
    # A rate without a StartDate begins at once: its first time is the time of the change.
    following = schedule.next_after(tx.now - JUST_BEFORE, late)
    if following is not None:
        _enqueue(tx, schedule, following)


def plan_next(tx: Transaction, schedule: Schedule, scheduled_at: float) -> bool:
    """Queue the time after `scheduled_at`; False if there is none. Times whose window has passed are left out."""
    following = schedule.next_after(scheduled_at)
    if following is not None and following + schedule.window_seconds < tx.now:
        following = schedule.next_after(tx.now - schedule.window_seconds)
    if following is not None:
        _enqueue(tx, schedule, following)
    return following is not None


def remove(tx: Transaction, schedule: Schedule) -> None:
    """Delete a schedule and what was planned for it."""
    store.delete_schedule(tx, schedule)
    jobs.cancel(tx, _key(schedule))


def _enqueue(tx: Transaction, schedule: Schedule, at: float) -> None:
    window = schedule.window_seconds
    payload = {
        "account": schedule.scope.account,
        "region": schedule.scope.region,
        "group": schedule.group,
        "name": schedule.name,
        "scheduled_at": at,
    }
    due_at = at + window * tx.random() if window else at
    kind = ONCE if isinstance(schedule.times(), At) else RECURRING
    jobs.enqueue(tx, kind, payload, due_at=due_at, key=_key(schedule))


def _key(schedule: Schedule) -> str:
    return f"scheduler:{schedule.arn}"


# ── requests ────────────────────────────────────────────────────────────────────────────────────


def _schedule(
    scope: Scope, group: Group, request: Mapping[str, Any], created_at: float, modified_at: float, token: str
) -> Schedule:
    kept = {name: value for name, value in request.items() if name not in ("Name", "GroupName", "ClientToken")}
    for name in ("StartDate", "EndDate"):
        if kept.get(name) is not None:
            at: Any = kept[name]
            kept[name] = at.timestamp() if hasattr(at, "timestamp") else float(at)
    return Schedule(scope, group.name, request["Name"], kept, created_at, modified_at, token)


def _check(schedule: Schedule, now: float, operation: str) -> None:
    """Raise ValidationException for a schedule that AWS would not take."""
    if zone_of(schedule.zone_name) is None:
        raise invalid(f"Invalid ScheduleExpressionTimezone {schedule.zone_name}.")
    try:
        schedule.times()
    except InvalidSchedule:
        raise invalid(f"Invalid Schedule Expression {schedule.definition['ScheduleExpression']}.") from None
    check_dates(schedule.starts_at, schedule.ends_at, now)
    check_window(schedule.definition["FlexibleTimeWindow"])
    check(schedule.target, operation)


def _required(tx: Transaction, scope: Scope, group: str, name: str) -> Schedule:
    found = store.find_schedule(tx, scope, group, name)
    if found is None:
        raise no_schedule(name)
    return found


def _group(tx: Transaction, scope: Scope, name: str) -> Group:
    found = store.find_group(tx, scope, name)
    if found is None and name == DEFAULT_GROUP:
        return Group(scope, DEFAULT_GROUP)
    if found is None:
        raise no_group(name)
    return found


def _tagged(tx: Transaction, text: str) -> Group:
    arn = Arn.parse(text)
    kind, _, name = arn.resource.partition("/") if arn is not None else ("", "", "")
    if arn is None or kind != "schedule-group" or arn.service != "scheduler":
        raise invalid(f"Provided Arn is not in correct format: {text}")
    return _group(tx, Scope(arn.account, arn.region), name)


def _tags_of(request: Mapping[str, Any]) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    refuse(tags, request, invalid)
    return tags


def _page_after(request: Mapping[str, Any]) -> str:
    try:
        return read_token(request.get("NextToken"))
    except ValueError:
        raise invalid("Invalid NextToken.") from None
