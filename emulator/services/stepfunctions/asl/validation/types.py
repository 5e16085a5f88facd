"""Judging what is special to each type of state, Choice apart (reference 5.2)."""

from __future__ import annotations

from typing import Any

from emulator.services.stepfunctions.asl import jsonata, payload, tasks, timestamps
from emulator.services.stepfunctions.asl.data import Json
from emulator.services.stepfunctions.asl.intrinsics import BadIntrinsic
from emulator.services.stepfunctions.asl.paths import BadPath
from emulator.services.stepfunctions.asl.validation.maps import MapJudge


def resource_problems(resource: str, parameters: Json) -> list[tuple[str, str]]:
    """Of a task that is never called: its resource need not be emulated, but must be an ARN that a task may have."""
    parts = resource.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn" and parts[2] in ("states", "lambda") and parts[5]:
        return []
    reason = "The value is not a valid resource ARN, or the resource is not available in this region."
    return [("Resource", f"The resource provided {resource} is not recognized. {reason}")]


class TypeJudge(MapJudge):
    """One method per type; those of Parallel and Map judge the scopes within by `scope`."""

    def task(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        for name in ("Timeout", "Heartbeat"):
            self.whole(state, f"{name}Seconds", at, 1, 99_999_999)
            self.selecting(state, f"{name}SecondsPath", at)
            self.at_most_one(state, (f"{name}Seconds", f"{name}SecondsPath"), at)
        timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
        if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
            self.add(f"{at}/HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds")
        self.credentials(state, at)
        resource = state.get("Resource")
        if resource is None:
            self.add(at, "These fields are required: [Resource]")
        elif not isinstance(resource, str):
            self.add(f"{at}/Resource", "Expected value of type String")
        else:
            parameters = state.get("Arguments" if self.jsonata else "Parameters")
            if jsonata.expression_text(parameters) is not None:
                parameters = None  # known when it runs
            if self.express:
                self.express_resource(resource, at)
            judge = resource_problems if self.name in self.mocked else self.task_problems
            for where, message in judge(resource, parameters):
                where = "Arguments" if self.jsonata and where == "Parameters" else where
                self.add(f"{at}/{where}", message)

    def credentials(self, state: dict[str, Any], at: str) -> None:
        """`Credentials` names a role [R:test_invalid_credentials_field]; the other texts are unverified."""
        credentials, where = state.get("Credentials"), f"{at}/Credentials"
        if "Credentials" not in state:
            return
        if not isinstance(credentials, dict):
            self.add(where, "Expected value of type Object")
            return
        names = ("RoleArn",) if self.jsonata else ("RoleArn", "RoleArn.$")
        if not any(name in credentials for name in names):
            self.add(where, "The field 'RoleArn' is required but was missing")
            return
        self.unknown(credentials, names, where)
        self.at_most_one(credentials, names, where)
        if self.jsonata:
            self.expressions(state, "Credentials", at)
        else:
            self.template(state, "Credentials", at)
        self.text(credentials, "RoleArn", where)

    def express_resource(self, resource: str, at: str) -> None:
        """What Express machines must not wait for (reference 5.7); the second blank is AWS's."""
        waits = tasks.pattern(resource)
        if tasks.is_activity(resource):
            self.add(f"{at}/Resource", "Express state machine does not support Activity ARN")
        elif waits == tasks.CALLBACK:
            self.add(f"{at}/Resource", f"Express state machine does not support '{waits}' service integration ")
        elif waits:
            self.add(f"{at}/Resource", "Express state machine does not support '.sync' service integration")

    def wait(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        names = ("Seconds", "Timestamp") if self.jsonata else ("Seconds", "Timestamp", "SecondsPath", "TimestampPath")
        if sum(name in state for name in names) != 1:
            self.add(at, f"Exactly one of these fields is required: [{', '.join(names)}]")
        self.whole(state, "Seconds", at, 0, 99_999_999)
        if self.expression(state, "Timestamp", at):
            pass
        elif "Timestamp" in state and timestamps.parse(state["Timestamp"]) is None:
            self.add(f"{at}/Timestamp", "String does not match RFC3339 timestamp")
        self.selecting(state, "SecondsPath", at)
        self.selecting(state, "TimestampPath", at)

    def fail(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        for name in ("Error", "Cause"):
            self.text(state, name, at)
            self.expression(state, name, at)
            self.at_most_one(state, (name, f"{name}Path"), at)
            value = state.get(f"{name}Path")
            if f"{name}Path" in state:
                try:
                    payload.parse_expression(value if isinstance(value, str) else "")
                except (BadPath, BadIntrinsic):
                    message = f"The value for the field '{name}Path' must be a valid JSONPath or a valid intrinsic"
                    self.add(at, f"{message} function call")

    def parallel(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        branches = state.get("Branches")
        if branches is None:
            self.add(at, "These fields are required: [Branches]")
        elif not isinstance(branches, list):
            self.add(f"{at}/Branches", "Expected value of type Array")
        elif not branches:
            self.add(f"{at}/Branches", "Value cannot be empty")
        else:
            for index, branch in enumerate(branches):
                where = f"{at}/Branches[{index}]"
                if not isinstance(branch, dict):
                    self.add(where, "Expected value of type Object")
                    continue
                self.unknown(branch, ("StartAt", "States", "Comment"), where)
                self.scope(branch, where, depth + 1)
