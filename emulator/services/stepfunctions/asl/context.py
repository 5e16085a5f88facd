"""What the expressions of a state see besides its data: the context object `$$` and the variables in scope."""

from __future__ import annotations

from . import timestamps
from .data import Data, Json
from .definition import State
from .frames import Frame, Frames
from .messages import Execution


def variables(frames: Frames, frame: Frame) -> dict[str, Json]:
    """Variables of the branch and of all that contain it; inner ones hide outer ones."""
    scopes: list[Frame] = []
    scope: Frame | None = frame
    while scope is not None:
        scopes.append(scope)
        scope = frames.get(scope["parent"]) if scope["parent"] is not None else None
    return {name: value for level in reversed(scopes) for name, value in level.get("variables", {}).items()}


def context_object(
    execution: Execution, frames: Frames, frame: Frame, state: State, item: tuple[int, Data] | None
) -> Json:
    """The context object `$$` (reference 5.8); `item` is the one a Map is about to start, if it is."""
    where: dict[str, Json] = {"Name": state.name, "EnteredTime": timestamps.render(frame["at"])}
    if state.type == "Task":
        where["RetryCount"] = frame.get("attempts", 0)
    shown: dict[str, Json] = {
        "Id": execution.arn,
        "Input": execution.input.value,
        "StartTime": timestamps.render(execution.started_at),
        "Name": execution.name,
        "RoleArn": execution.role_arn,
        "RedriveCount": execution.redrive_count,
    }
    if execution.redriven_at is not None:
        shown["RedriveTime"] = timestamps.render(execution.redriven_at)
    context: dict[str, Json] = {
        "Execution": shown,
        "StateMachine": {"Id": execution.machine_arn, "Name": execution.machine_name},
        "State": where,
    }
    if "task_token" in frame:
        context["Task"] = {"Token": frame["task_token"]}
    scope: Frame | None = frame
    while item is None and scope is not None:
        if "item" in scope:
            item = (scope["index"], Data(text=scope["item"]))
        scope = frames.get(scope["parent"]) if scope["parent"] is not None else None
    if item is not None:
        context["Map"] = {"Item": {"Index": item[0], "Value": item[1].value}}
    return context
