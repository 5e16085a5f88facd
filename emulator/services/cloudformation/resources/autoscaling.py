"""Application Auto Scaling (delegated): targets and policies are kept; nothing is ever scaled."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation.resources.types import Call, Made, ResourceType, Steps, Subject, words

_PLACE = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def _register(it: Subject) -> Steps:
    names = ("MaxCapacity", "MinCapacity", "RoleARN", "SuspendedState")
    place = it.wanted(*_PLACE)
    yield Call("RegisterScalableTarget", {**it.wanted(*names), **place, "Tags": it.all_tags() or None})
    actions = {action["ScheduledActionName"]: action for action in it.get("ScheduledActions") or []}
    for action in it.previous.get("ScheduledActions") or []:
        if action["ScheduledActionName"] not in actions:
            request = {**place, "ScheduledActionName": action["ScheduledActionName"]}
            yield Call("DeleteScheduledAction", request)
    for action in actions.values():
        yield Call("PutScheduledAction", {**place, **action})
    identifier = "|".join(str(it.get(name)) for name in _PLACE)
    return Made(identifier, {"Id": identifier})


def _deregister(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeregisterScalableTarget", it.wanted(*_PLACE))
    return None


def _place(it: Subject) -> dict[str, Any]:
    """What a policy scales: named by its parts, or by the target's id."""
    parts = str(it.get("ScalingTargetId") or "").split("|")
    return dict(zip(_PLACE, parts, strict=True)) if len(parts) == len(_PLACE) else it.wanted(*_PLACE)


_CONFIGURATIONS = (
    "PolicyType PredictiveScalingPolicyConfiguration StepScalingPolicyConfiguration"
    " TargetTrackingScalingPolicyConfiguration"
)


def _put_policy(it: Subject) -> Steps:
    made = yield Call("PutScalingPolicy", {**it.wanted("PolicyName", *_CONFIGURATIONS.split()), **_place(it)})
    arn = it.physical_id or made["PolicyARN"]  # the library gives a changed policy another ARN, AWS does not
    return Made(arn, {"Arn": arn})


def _delete_policy(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteScalingPolicy", {**it.wanted("PolicyName"), **_place(it)})
    return None


TYPES = [
    ResourceType(
        name="AWS::ApplicationAutoScaling::ScalableTarget",
        service="application-autoscaling",
        properties=words("MaxCapacity MinCapacity ResourceId RoleARN ScalableDimension ScheduledActions")
        | words("ServiceNamespace SuspendedState Tags"),
        required=words("MaxCapacity MinCapacity ResourceId ScalableDimension ServiceNamespace"),
        replaces=words("ResourceId ScalableDimension ServiceNamespace"),
        create=_register,
        update=_register,
        delete=_deregister,
    ),
    ResourceType(
        name="AWS::ApplicationAutoScaling::ScalingPolicy",
        service="application-autoscaling",
        properties=words(f"{_CONFIGURATIONS} PolicyName ResourceId ScalableDimension ScalingTargetId ServiceNamespace"),
        required=words("PolicyName PolicyType"),
        replaces=words("PolicyName ResourceId ScalableDimension ScalingTargetId ServiceNamespace"),
        create=_put_policy,
        update=_put_policy,
        delete=_delete_policy,
    ),
]
