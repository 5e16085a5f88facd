"""The Task state: its events, its token, its timers, and what ends it.

Decides what is commanded and which event each signal becomes; who is called, and how, is integrations.py's.
"""

from __future__ import annotations

import re
from typing import Any

from . import fields
from .data import StateError, dumps, runtime, too_large
from .definition import State
from .distributed import DistributedMaps
from .frames import Frame
from .messages import (
    CallTask,
    Forget,
    Heartbeat,
    OfferActivity,
    SetTimer,
    Signal,
    TaskFailed,
    TaskMoment,
    TaskSubmitted,
    TaskSucceeded,
    TaskTaken,
    TimerFired,
    error_details,
)
from .payload import Environment
from .tasks import task_kind, write_token
from .workspace import HEARTBEAT, NOT_TRUNCATED

_PARAMETERS = re.compile(r"(?<=^The )Parameters|(?<=the field ')Parameters(?=' has)")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.{1,512}")


class Tasks(DistributedMaps):
    """How a Task goes on."""

    def _execute_task(self, key: str, frame: Frame, state: State) -> None:
        kind = task_kind(state.resource)
        token = self._new_token(key)
        if kind.has_token:
            frame["task_token"] = write_token(self.execution.arn, token)
        environment = self._environment(key, frame, state)
        timeout = fields.limit_seconds(state.timeout, environment, "TimeoutSeconds")
        heartbeat = fields.limit_seconds(state.heartbeat, environment, "HeartbeatSeconds")
        parameters = self._filled(state, environment)
        if parameters.too_large():
            raise too_large(state.name)
        self.carried += len(parameters.text)
        problem = self.start_problem(state.resource, parameters)
        if problem is not None:
            # No recording shows the words for JSONata: its name of the field is unverified.
            raise runtime(_PARAMETERS.sub("Arguments", problem) if state.jsonata else problem)
        credentials = self._credentials(state, environment)
        limits = {"timeoutInSeconds": timeout, "heartbeatInSeconds": heartbeat}
        details: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
        if kind.family == "Task":
            details = {**kind.named, "region": self.execution.region, "parameters": parameters.text, **details}
        else:
            details = {"resource": state.resource, "input": parameters.text, "inputDetails": NOT_TRUNCATED, **details}
        if kind.family == "LambdaFunction":
            details.pop("heartbeatInSeconds", None)
            heartbeat = None
        if credentials is not None and kind.family != "Activity":
            details["taskCredentials"] = {"roleArn": credentials}
        frame["previous"] = self._emit(f"{kind.family}Scheduled", frame["previous"], kind.details("Scheduled"), details)
        if kind.family == "Task":
            frame["previous"] = self._emit("TaskStarted", frame["previous"], "taskStartedEventDetails", kind.named)
        elif kind.family == "LambdaFunction":
            frame["previous"] = self._emit("LambdaFunctionStarted", frame["previous"], None, {})
        wait: Frame = {"token": token, "for": "task", "since": self.now}
        self.outcome.tasks.append(TaskMoment(state.resource, "Scheduled", self.now))
        if kind.family != "Activity":
            wait["started"] = self.now
            self.outcome.tasks.append(TaskMoment(state.resource, "Started", self.now, self.now))
        frame["wait"] = wait
        if heartbeat is not None and kind.has_token:
            wait["heartbeat"] = heartbeat
        if kind.family != "Activity":
            self._set_limits(wait, timeout)
        elif timeout is not None:
            wait["timeout"] = timeout
        if kind.family == "Activity":
            self._command(OfferActivity(token, state.resource, parameters))
        else:
            self._command(CallTask(token, state.resource, parameters, credentials))

    def _set_limits(self, wait: Frame, timeout: int | None) -> None:
        """Time runs from now on; for an activity that is when a worker takes its task [D:state-task]."""
        if timeout is not None:
            wait["timed"] = True
            self._command(SetTimer(wait["token"], self.now + timeout))
        if wait.get("heartbeat") is not None:
            self._command(SetTimer(wait["token"] + HEARTBEAT, self.now + wait["heartbeat"]))

    @staticmethod
    def _credentials(state: State, environment: Environment) -> str | None:
        """The role of `Credentials`, whose permissions nobody checks here. The text of a refusal is unverified."""
        if state.credentials is None:
            return None
        role = state.credentials(environment)["RoleArn"]
        if not isinstance(role, str) or _ROLE.fullmatch(role) is None:
            shown = role if isinstance(role, str) else dumps(role)
            raise runtime(f"The value of the field 'RoleArn' of Credentials is not a valid role ARN: {shown}")
        return role

    def _task_goes_on(self, frame: Frame, wait: Frame, signal: TaskSubmitted | TaskTaken | Heartbeat) -> None:
        """Something happened to a task that does not end it."""
        resource = self._state(frame).resource
        kind = task_kind(resource)
        if isinstance(signal, TaskSubmitted):
            details = {**kind.named, "output": signal.output.text, "outputDetails": NOT_TRUNCATED}
            frame["previous"] = self._emit("TaskSubmitted", frame["previous"], "taskSubmittedEventDetails", details)
            wait["submitted"] = True
        elif isinstance(signal, TaskTaken):
            named = {} if signal.worker_name is None else {"workerName": signal.worker_name}
            frame["previous"] = self._emit("ActivityStarted", frame["previous"], "activityStartedEventDetails", named)
            wait["started"] = self.now
            self.outcome.tasks.append(TaskMoment(resource, "Started", wait["since"], self.now))
            self._set_limits(wait, wait.pop("timeout", None))
            return
        heartbeat = wait.get("heartbeat")
        if heartbeat is not None:
            self._command(Forget(wait["token"] + HEARTBEAT))
            self._command(SetTimer(wait["token"] + HEARTBEAT, self.now + heartbeat))

    def _task_ended(self, key: str, frame: Frame, wait: Frame, signal: Signal) -> None:
        state = self._state(frame)
        kind = task_kind(state.resource)
        missed = isinstance(signal, TimerFired) and signal.token.endswith(HEARTBEAT)
        if wait.get("timed") or isinstance(signal, TimerFired):
            self._command(Forget(wait["token"]))
        if wait.get("heartbeat") is not None:
            self._command(Forget(wait["token"] + HEARTBEAT))
        if isinstance(signal, TaskSucceeded):
            if not signal.output.too_large():
                details = {**kind.named, "output": signal.output.text, "outputDetails": NOT_TRUNCATED}
                frame["previous"] = self._emit(
                    f"{kind.family}Succeeded", frame["previous"], kind.details("Succeeded"), details
                )
                self._ended(state, wait, "Succeeded")
                self._guard(key, frame, state, lambda: self._finish(key, frame, state, signal.output))
                return
            failure = too_large(kind.resource_type or state.resource)
        elif isinstance(signal, TaskFailed):
            failure = StateError(signal.error, signal.cause)
        elif missed:  # called a timeout in the history [R:timeouts/test_heartbeats], and caught by either name
            failure = StateError("States.Timeout", known_as="States.HeartbeatTimeout")
        else:
            failure = StateError("States.Timeout")
        outcome = "TimedOut" if isinstance(signal, TimerFired) else "Failed"
        self._ended(state, wait, "HeartbeatTimedOut" if missed and kind.family == "Activity" else outcome)
        details = {**kind.named, **error_details(failure.error, failure.cause)}
        if isinstance(signal, TaskFailed) and kind.waits_for_job and "submitted" not in wait:
            outcome = "SubmitFailed"  # seen on AWS: submitJob.sync that Batch refused
        frame["previous"] = self._emit(f"{kind.family}{outcome}", frame["previous"], kind.details(outcome), details)
        self._fail(key, frame, state, failure)

    def _ended(self, state: State, wait: Frame, what: str) -> None:
        moment = TaskMoment(state.resource, what, wait.get("since", self.now), wait.get("started"))
        self.outcome.tasks.append(moment)
