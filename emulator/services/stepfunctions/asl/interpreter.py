"""The interpreter: (definition, where the execution is, signal) → (history events, commands, end).

Pure: time, ids and randomness arrive as arguments, nothing waits, nothing is stored here. A task, a Wait and a retry
become commands carrying a token; a signal whose token nobody awaits changes nothing. Order and linking of the history
events follow AWS's recordings (reference 5.6, 5.15).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from . import context, fields, payload, retry
from .data import Data, Json, StateError, StateFault, dumps, runtime, too_large
from .definition import Catcher, Machine, State
from .frames import Frame, Frames
from .jsonata import QueryError
from .messages import (
    CallTask,
    Command,
    Ended,
    Event,
    Execution,
    Forget,
    GoOn,
    Heartbeat,
    OfferActivity,
    Outcome,
    Redrive,
    Resume,
    SetTimer,
    Signal,
    Start,
    Stop,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TaskTaken,
    TimerFired,
    error_details,
)
from .payload import Environment
from .tasks import task_kind, write_token

MAX_STEPS_PER_RUN = 2_000
"""Afterwards the execution goes on in a commit of its own, so that a tight loop does not starve others."""
ROOT = "0"
MACHINE_TOKEN = "machine"
HEARTBEAT = "h"
"""At the end of a task's token: its heartbeat timer."""
NOT_TRUNCATED = {"truncated": False}


class _HistoryFull(Exception):
    pass


class Run:
    """One signal being worked off. Use once: `Run(…).signal(…)`."""

    def __init__(
        self,
        machine: Machine,
        execution: Execution,
        frames: Frames,
        now: float,
        random: Callable[[], float],
        new_id: Callable[[], str],
        knows_activity: Callable[[str], bool] = lambda arn: True,
    ) -> None:
        self.knows_activity = knows_activity
        self.machine = machine
        self.execution = execution
        self.frames = frames
        self.now = now
        self.random = random
        self.new_id = new_id
        self.outcome = Outcome()
        self._ready: deque[str] = deque()
        self._inputs: dict[str, Data] = {}
        counters: Frame | None = frames.get("x")
        if counters is None:
            counters = {"event": 0, "frame": 0, "token": 0, "ready": []}
            frames.put("x", counters)
        self._counters: dict[str, Any] = counters

    def signal(self, signal: Signal) -> Outcome:
        """Work off one signal: as many steps as possible, until everything waits or the execution ends."""
        self._ready.extend(self._counters["ready"])
        self._counters["ready"] = []
        try:
            self._receive(signal)
            steps = 0
            while self._ready and self.outcome.ended is None:
                if steps >= MAX_STEPS_PER_RUN:
                    self._counters["ready"] = list(self._ready)
                    self.outcome.commands.append(GoOn())
                    break
                self._step(self._ready.popleft())
                steps += 1
        except _HistoryFull:
            cause = f"The execution reached the maximum number of history events ({self.execution.most_events})."
            self._end("FAILED", 0, error="States.Runtime", cause=cause)
        return self.outcome

    # ── signals ─────────────────────────────────────────────────────────────────────────────────

    def _receive(self, signal: Signal) -> None:
        if isinstance(signal, Start):
            self._begin()
        elif isinstance(signal, Redrive):
            self._redrive(signal)
        elif isinstance(signal, Stop):
            self._end("ABORTED", 0, error=signal.error, cause=signal.cause)
        elif isinstance(signal, Resume):
            return
        elif signal.token == MACHINE_TOKEN:
            self._end("TIMED_OUT", 0, error="States.Timeout")
        else:
            token = signal.token.removesuffix(HEARTBEAT)
            key = token.split(".")[0]
            frame = self.frames.get(key)
            wait = frame.get("wait") if frame is not None else None
            if frame is None or wait is None or wait["token"] != token:
                return
            if isinstance(signal, (TaskSubmitted, TaskTaken, Heartbeat)):
                self._task_goes_on(frame, wait, signal)
                return
            del frame["wait"]
            self._RECEIVERS[wait["for"]](self, key, frame, wait, signal)

    def _begin(self) -> None:
        given, role = self.execution.input, self.execution.role_arn
        details = {"input": given.text, "inputDetails": NOT_TRUNCATED, "roleArn": role}
        self._emit("ExecutionStarted", 0, "executionStartedEventDetails", details)
        if self.machine.timeout_seconds is not None:
            self._command(SetTimer(MACHINE_TOKEN, self.now + self.machine.timeout_seconds))
        self.frames.put(ROOT, {"parent": None, "state": self.machine.start_at, "previous": 0})
        self._set_input(ROOT, self.frames.get(ROOT) or {}, given)
        self._ready.append(ROOT)

    def _redrive(self, signal: Redrive) -> None:
        """Go on in every state that failed or was aborted; what has succeeded is not done again.

        AWS documents which states run again; how it links the events is unverified.
        """
        self._ready.clear()
        self._counters["redrive_token"] = signal.token
        details = {"redriveCount": self.execution.redrive_count}
        redriven = self._emit("ExecutionRedriven", self._counters["event"], "executionRedrivenEventDetails", details)
        if self.machine.timeout_seconds is not None:
            self._command(SetTimer(MACHINE_TOKEN, self.now + self.machine.timeout_seconds))
        self._redrive_frame(ROOT, redriven)

    def _redrive_frame(self, key: str, previous: int) -> None:
        frame = self.frames.get(key)
        assert frame is not None, "an execution that can be redriven has kept its frames"
        for name in ("wait", "retries", "attempts", "task_token", "aborted", "failed"):
            frame.pop(name, None)
        frame["previous"] = previous
        state, children = self._state(frame), frame.get("children")
        if children is None:
            if state.type == "Fail":
                frame.pop("entered", None)
            self._ready.append(key)
            return
        for child_key in list(children["live"].values()):
            self._redrive_frame(child_key, previous)
        room = fields.concurrency(state, self._environment(key, frame, state)) if state.type == "Map" else 0
        for _ in range(min(children["count"] - children["next"], room - len(children["live"]))):
            self._guard(key, frame, state, lambda: self._start_item(key, frame, state, previous))

    def _waited(self, key: str, frame: Frame, wait: Frame, signal: Signal) -> None:
        state = self._state(frame)
        self._guard(key, frame, state, lambda: self._finish_plain(key, frame, state))

    def _retry_due(self, key: str, frame: Frame, wait: Frame, signal: Signal) -> None:
        self._ready.append(key)

    def _task_goes_on(self, frame: Frame, wait: Frame, signal: TaskSubmitted | TaskTaken | Heartbeat) -> None:
        """Something happened to a task that does not end it."""
        kind = task_kind(self._state(frame).resource)
        if isinstance(signal, TaskSubmitted):
            details = {**kind.named, "output": signal.output.text, "outputDetails": NOT_TRUNCATED}
            frame["previous"] = self._emit("TaskSubmitted", frame["previous"], "taskSubmittedEventDetails", details)
        elif isinstance(signal, TaskTaken):
            named = {} if signal.worker_name is None else {"workerName": signal.worker_name}
            frame["previous"] = self._emit("ActivityStarted", frame["previous"], "activityStartedEventDetails", named)
        heartbeat = wait.get("heartbeat")
        if heartbeat is not None:
            self._command(Forget(wait["token"] + HEARTBEAT))
            self._command(SetTimer(wait["token"] + HEARTBEAT, self.now + heartbeat))

    def _task_ended(self, key: str, frame: Frame, wait: Frame, signal: Signal) -> None:
        state = self._state(frame)
        kind = task_kind(state.resource)
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
                self._guard(key, frame, state, lambda: self._finish(key, frame, state, signal.output))
                return
            failure = too_large(kind.resource_type or state.resource)
        elif isinstance(signal, TaskFailed):
            failure = StateError(signal.error, signal.cause)
        else:
            failure = StateError("States.Timeout")
        outcome = "TimedOut" if isinstance(signal, TimerFired) else "Failed"
        details = {**kind.named, **error_details(failure.error, failure.cause)}
        frame["previous"] = self._emit(f"{kind.family}{outcome}", frame["previous"], kind.details(outcome), details)
        self._fail(key, frame, state, failure)

    _RECEIVERS: dict[str, Callable[[Run, str, Frame, Frame, Signal], None]] = {
        "time": _waited,
        "retry": _retry_due,
        "task": _task_ended,
    }

    # ── steps ───────────────────────────────────────────────────────────────────────────────────

    def _step(self, key: str) -> None:
        frame = self.frames.get(key)
        if frame is None:
            return
        state = self._state(frame)
        if "entered" not in frame:
            details = {"name": state.name, "input": self._input(key, frame).text, "inputDetails": NOT_TRUNCATED}
            event = self._emit(f"{state.type}StateEntered", frame["previous"], "stateEnteredEventDetails", details)
            frame["before"] = frame["previous"]
            frame["entered"] = frame["previous"] = event
            frame["at"] = self.now
        self._guard(key, frame, state, lambda: self._EXECUTE[state.type](self, key, frame, state))

    def _guard(self, key: str, frame: Frame, state: State, work: Callable[[], None]) -> None:
        try:
            work()
        except StateError as failure:
            self._fail(key, frame, state, failure)
        except RecursionError:
            self._fail(key, frame, state, runtime("The data is nested too deeply."))

    def _execute_pass(self, key: str, frame: Frame, state: State) -> None:
        if state.jsonata:
            self._finish_plain(key, frame, state)
            return
        environment = self._environment(key, frame, state)
        result = state.result if state.result is not None else self._filled(state, environment)
        self._finish(key, frame, state, result)

    def _execute_succeed(self, key: str, frame: Frame, state: State) -> None:
        self._finish_plain(key, frame, state)

    def _execute_fail(self, key: str, frame: Frame, state: State) -> None:
        environment = self._environment(key, frame, state)
        raise StateError(fields.text(state.error, environment, "Error"), fields.text(state.cause, environment, "Cause"))

    def _execute_choice(self, key: str, frame: Frame, state: State) -> None:
        environment = self._environment(key, frame, state)
        for rule in state.rules:
            if rule.test(environment):
                output = self._output(rule.output or state.output, environment, environment.data)
                self._leave(key, frame, state, environment, output, rule.next, rule.assign)
                return
        if state.default is None:
            raise StateFault("States.NoChoiceMatched", "No choices were matched and no default state was defined.")
        output = self._output(state.output, environment, environment.data)
        self._leave(key, frame, state, environment, output, state.default, state.assign)

    def _execute_wait(self, key: str, frame: Frame, state: State) -> None:
        due_at = fields.wait_until(state, self._environment(key, frame, state), self.now)
        if due_at <= self.now:
            self._finish_plain(key, frame, state)
        else:
            self._command(SetTimer(self._await(key, frame, "time"), due_at))

    def _execute_task(self, key: str, frame: Frame, state: State) -> None:
        kind = task_kind(state.resource)
        if kind.family == "Activity" and not self.knows_activity(state.resource):
            raise runtime(f"The activity {state.resource} does not exist.")
        token = self._new_token(key)
        if kind.waits_for_callback:
            frame["task_token"] = write_token(self.execution.arn, token)
        environment = self._environment(key, frame, state)
        timeout = fields.limit_seconds(state.timeout, environment, "TimeoutSeconds")
        heartbeat = fields.limit_seconds(state.heartbeat, environment, "HeartbeatSeconds")
        parameters = self._filled(state, environment)
        limits = {"timeoutInSeconds": timeout, "heartbeatInSeconds": heartbeat}
        details: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
        if kind.family == "Task":
            details = {**kind.named, "region": self.execution.region, "parameters": parameters.text, **details}
        else:
            details = {"resource": state.resource, "input": parameters.text, "inputDetails": NOT_TRUNCATED, **details}
        if kind.family == "LambdaFunction":
            details.pop("heartbeatInSeconds", None)
            heartbeat = None
        frame["previous"] = self._emit(f"{kind.family}Scheduled", frame["previous"], kind.details("Scheduled"), details)
        if kind.family == "Task":
            frame["previous"] = self._emit("TaskStarted", frame["previous"], "taskStartedEventDetails", kind.named)
        elif kind.family == "LambdaFunction":
            frame["previous"] = self._emit("LambdaFunctionStarted", frame["previous"], None, {})
        wait: Frame = {"token": token, "for": "task"}
        frame["wait"] = wait
        if timeout is not None:
            wait["timed"] = True
            self._command(SetTimer(token, self.now + timeout))
        if heartbeat is not None and (kind.waits_for_callback or kind.goes_on_after_the_call):
            wait["heartbeat"] = heartbeat
            self._command(SetTimer(token + HEARTBEAT, self.now + heartbeat))
        if kind.family == "Activity":
            self._command(OfferActivity(token, state.resource, parameters))
        else:
            self._command(CallTask(token, state.resource, parameters))

    # ── Parallel and Map ────────────────────────────────────────────────────────────────────────

    def _execute_parallel(self, key: str, frame: Frame, state: State) -> None:
        data = self._filled(state, self._environment(key, frame, state))
        started = frame["previous"] = self._emit("ParallelStateStarted", frame["previous"], None, {})
        count = len(state.branches)
        frame["children"] = {"count": count, "left": count, "next": count, "live": {}, "last": started}
        for index, branch in enumerate(state.branches):
            self._start_child(key, frame, index, branch.start_at, data, started)

    def _execute_map(self, key: str, frame: Frame, state: State) -> None:
        environment = self._environment(key, frame, state)
        limit = fields.concurrency(state, environment)
        items = fields.items(state, environment)
        count = len(items)
        details = {"length": count}
        started = frame["previous"] = self._emit(
            "MapStateStarted", frame["previous"], "mapStateStartedEventDetails", details
        )
        frame["children"] = {"count": count, "left": count, "next": 0, "live": {}, "last": started}
        for index, item in enumerate(items):
            self.frames.put_text(f"i{key}.{index}", dumps(item))
        for _ in range(min(count, limit)):
            self._start_item(key, frame, state, started)
        if count == 0:
            self._children_done(key, frame, state)

    def _start_item(self, key: str, frame: Frame, state: State, previous: int) -> None:
        children = frame["children"]
        index = children["next"]
        children["next"] = index + 1
        text = self.frames.take_text(f"i{key}.{index}")
        item = Data(text=text)
        details = {"name": state.name, "index": index}
        started = self._emit("MapIterationStarted", previous, "mapIterationStartedEventDetails", details)
        data = item
        if state.parameters is not None:
            environment = self._environment(key, frame, state, item=(index, item))
            try:
                data = Data(state.parameters(environment))
            except StateError:
                children["next"] = index  # a redrive starts it again
                self.frames.put_text(f"i{key}.{index}", text or "null")
                raise
        assert state.processor is not None
        self._start_child(key, frame, index, state.processor.start_at, data, started, text)

    def _start_child(
        self, key: str, frame: Frame, index: int, start_at: str, data: Data, previous: int, item: str | None = None
    ) -> None:
        self._counters["frame"] += 1
        child_key = str(self._counters["frame"])
        child: Frame = {"parent": key, "index": index, "state": start_at, "previous": previous}
        if item is not None:
            child["item"] = item
        self.frames.put(child_key, child)
        self._set_input(child_key, child, data)
        frame["children"]["live"][str(index)] = child_key
        self._ready.append(child_key)

    def _child_done(self, child_key: str, child: Frame, output: Data) -> None:
        key = child["parent"]
        frame = self.frames.get(key)
        assert frame is not None, "a parent outlives its children"
        state = self._state(frame)
        children, index = frame["children"], child["index"]
        self.frames.put_text(f"r{key}.{index}", output.text)
        self.frames.delete(child_key)
        del children["live"][str(index)]
        children["left"] -= 1
        children["last"] = child["previous"]
        if state.type == "Map":
            details = {"name": state.name, "index": index}
            children["last"] = self._emit(
                "MapIterationSucceeded", child["previous"], "mapIterationSucceededEventDetails", details
            )
            if children["next"] < children["count"]:
                self._guard(key, frame, state, lambda: self._start_item(key, frame, state, child["previous"]))
                return
        if children["left"] == 0:
            self._guard(key, frame, state, lambda: self._children_done(key, frame, state))

    def _children_done(self, key: str, frame: Frame, state: State) -> None:
        children = frame.pop("children")
        texts = [self.frames.take_text(f"r{key}.{index}") or "null" for index in range(children["count"])]
        self._emit(f"{state.type}StateSucceeded", children["last"], None, {})
        # The state's exit links to the event before …Succeeded [R:test_parallel_state].
        frame["previous"] = children["last"]
        self._finish(key, frame, state, Data(text=f"[{','.join(texts)}]"))

    def _child_failed(self, child_key: str, child: Frame, failure: StateError) -> None:
        key = child["parent"]
        frame = self.frames.get(key)
        assert frame is not None, "a parent outlives its children"
        state = self._state(frame)
        if state.type == "Map":
            details = {"name": state.name, "index": child["index"]}
            self._emit("MapIterationFailed", child["previous"], "mapIterationFailedEventDetails", details)
        child["failed"] = True
        frame["previous"] = child["previous"]
        self._fail(key, frame, state, failure)

    def _abort_children(self, key: str, frame: Frame, quiet: bool = False) -> None:
        """Stop what still runs below a frame; `quiet` writes no events (the whole execution ends).

        The frames stay, in case the execution is redriven; see `_drop_children`.
        """
        children = frame.get("children")
        if children is None:
            return
        is_map = self._state(frame).type == "Map"
        for index, child_key in children["live"].items():
            child = self.frames.get(child_key)
            assert child is not None
            if child.pop("failed", False) or child.get("aborted"):
                continue
            child["aborted"] = True
            self._abort_children(child_key, child, quiet)
            self._forget_wait(child)
            child_type = self._state(child).type
            if not quiet and "entered" in child and child_type in ("Task", "Wait", "Parallel", "Map"):
                self._emit(f"{child_type}StateAborted", child["previous"], None, {})
            if not quiet and is_map:
                details = {"name": frame["state"], "index": int(index)}
                self._emit("MapIterationAborted", child["previous"], "mapIterationAbortedEventDetails", details)

    def _drop_children(self, key: str, frame: Frame) -> None:
        """Forget all that was below a frame: its failure is retried or caught."""
        children = frame.pop("children", None)
        if children is None:
            return
        for child_key in children["live"].values():
            child = self.frames.get(child_key)
            assert child is not None
            self._drop_children(child_key, child)
            self.frames.delete(child_key)
        for index in range(children["count"]):
            self.frames.take_text(f"r{key}.{index}")
            self.frames.take_text(f"i{key}.{index}")

    # ── leaving a state ─────────────────────────────────────────────────────────────────────────

    def _finish_plain(self, key: str, frame: Frame, state: State) -> None:
        """Leave a state that has no result: Wait, Succeed, and Pass in JSONata."""
        environment = self._environment(key, frame, state)
        output = self._output(state.output, environment, environment.data)
        self._leave(key, frame, state, environment, output, state.next, state.assign)

    def _finish(self, key: str, frame: Frame, state: State, result: Data) -> None:
        """Leave a state with a result: ResultSelector, Assign, ResultPath, OutputPath; or Assign and Output."""
        if state.jsonata:
            environment = self._environment(key, frame, state)
            environment.result = result
            output = self._output(state.output, environment, result)
            self._leave(key, frame, state, environment, output, state.next, state.assign)
            return
        raw = self._input(key, frame)
        environment = self._environment(key, frame, state, data=result)
        result = self._selected(state, environment, result)
        environment = environment.over(result)
        if state.type == "Pass" and state.result is None:
            environment = environment.over(self._environment(key, frame, state).data)
        output = payload.place_result(state.result_path, raw, result)
        self._leave(key, frame, state, environment, output, state.next, state.assign)

    def _selected(self, state: State, environment: Environment, result: Data) -> Data:
        """What `ResultSelector` makes of a result."""
        return result if state.result_selector is None else Data(state.result_selector(environment))

    @staticmethod
    def _output(template: payload.Template | None, environment: Environment, otherwise: Data) -> Data:
        """`Output` of a JSONata state."""
        return otherwise if template is None else Data(template(environment))

    def _leave(
        self,
        key: str,
        frame: Frame,
        state: State,
        environment: Environment,
        output: Data,
        next_state: str | None,
        assign: dict[str, payload.Template] | None,
        filtered: bool = True,
    ) -> None:
        assigned = {name: fill(environment) for name, fill in assign.items()} if assign else None
        if filtered:
            output = payload.select_data(state.output_path, environment.over(output))
        if output.too_large():
            raise too_large(state.name)
        details: dict[str, Any] = {}
        if assigned:
            frame["variables"] = {**frame.get("variables", {}), **assigned}
            details["assignedVariables"] = {name: dumps(value) for name, value in assigned.items()}
            details["assignedVariablesDetails"] = NOT_TRUNCATED
        details.update(name=state.name, output=output.text, outputDetails=NOT_TRUNCATED)
        previous = frame["previous"] = self._emit(
            f"{state.type}StateExited", frame["previous"], "stateExitedEventDetails", details
        )
        if next_state is not None:
            frame["state"] = next_state
            for name in ("entered", "at", "retries", "attempts", "task_token"):
                frame.pop(name, None)
            self._set_input(key, frame, output)
            self._ready.append(key)
        elif frame["parent"] is None:
            self._end("SUCCEEDED", previous, output=output)
        else:
            self._child_done(key, frame, output)

    def _fail(self, key: str, frame: Frame, state: State, failure: StateError) -> None:
        """A state failed: retry it, catch it, or fail whatever contains it."""
        fails_as_a_whole = "children" in frame or (
            isinstance(failure, QueryError) and state.type in ("Map", "Parallel")
        )
        if isinstance(failure, StateFault):
            failure = self._located(frame, state, failure)
        self._abort_children(key, frame)
        if self._retry(key, frame, state, failure):
            return
        if fails_as_a_whole:
            frame["previous"] = self._emit(f"{state.type}StateFailed", frame["previous"], None, {})
        for catcher in state.catch:
            if retry.matches(catcher.errors, failure.error):
                try:
                    self._drop_children(key, frame)
                    self._caught(key, frame, state, catcher, failure)
                    return
                except StateFault as second:
                    failure = self._located(frame, state, second)
                    break
                except StateError as second:
                    failure = second
                    break
        if frame["parent"] is not None:
            self._child_failed(key, frame, failure)
        else:
            self._end("FAILED", frame["previous"], error=failure.error, cause=failure.cause)

    def _caught(self, key: str, frame: Frame, state: State, catcher: Catcher, failure: StateError) -> None:
        cause = "" if failure.cause is None and failure.error == "States.Timeout" else failure.cause
        caught = Data({"Error": failure.error, "Cause": cause})
        if state.jsonata:
            environment = self._environment(key, frame, state)
            environment.error_output = caught
            output = self._output(catcher.output, environment, caught)
        else:
            environment = self._environment(key, frame, state, data=caught)
            output = payload.place_result(catcher.result_path, self._input(key, frame), caught)
        self._leave(key, frame, state, environment, output, catcher.next, catcher.assign, filtered=False)

    def _located(self, frame: Frame, state: State, failure: StateFault) -> StateError:
        """The failure with its state named, and the event of an evaluation that failed [R:scenarios]."""
        where = f"An error occurred while executing the state '{state.name}' (entered at the event id #"
        located = StateError(failure.error, f"{where}{frame['entered']}). {failure.cause}")
        if isinstance(failure, QueryError):
            details = {"error": located.error, "cause": located.cause, "state": state.name}
            if failure.location is not None:
                details["location"] = failure.location
            # AWS links it to what came before the state was entered, except in a Wait and after the state's work.
            worked = frame["previous"] != frame["entered"] or state.type == "Wait"
            previous = frame["previous"] if worked else frame["before"]
            frame["previous"] = self._emit("EvaluationFailed", previous, "evaluationFailedEventDetails", details)
        return located

    def _retry(self, key: str, frame: Frame, state: State, failure: StateError) -> bool:
        chosen = retry.choose(state.retry, failure.error)
        if chosen is None:
            return False
        retrier = state.retry[chosen]
        counts = frame.setdefault("retries", [0] * len(state.retry))
        if counts[chosen] >= retrier.max_attempts:
            return False
        counts[chosen] += 1
        self._drop_children(key, frame)
        frame["attempts"] = frame.get("attempts", 0) + 1
        delay = retry.delay_seconds(retrier, counts[chosen], self.random() if retrier.full_jitter else 1.0)
        self._command(SetTimer(self._await(key, frame, "retry"), self.now + delay))
        return True

    def _end(
        self,
        status: str,
        previous: int,
        output: Data | None = None,
        error: str | None = None,
        cause: str | None = None,
    ) -> None:
        root = self.frames.get(ROOT)
        if root is not None:
            self._abort_children(ROOT, root, quiet=True)
            self._forget_wait(root)
        if self.machine.timeout_seconds is not None:
            self._command(Forget(MACHINE_TOKEN))
        name = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "ABORTED": "Aborted", "TIMED_OUT": "TimedOut"}[status]
        details = error_details(error, cause)
        if output is not None:
            details = {"output": output.text, "outputDetails": NOT_TRUNCATED}
        self._emit(f"Execution{name}", previous, f"execution{name}EventDetails", details, last=True)
        self.outcome.ended = Ended(status, output, error, cause)

    # ── small things ────────────────────────────────────────────────────────────────────────────

    def _emit(
        self, event_type: str, previous: int, member: str | None, details: dict[str, Any], last: bool = False
    ) -> int:
        number = self._counters["event"] + 1
        most = self.execution.most_events
        if most is not None and number >= most and not last:
            raise _HistoryFull
        self._counters["event"] = number
        self.outcome.events.append(Event(number, previous, event_type, member, details))
        return number

    def _command(self, command: Command) -> None:
        self.outcome.commands.append(command)

    def _await(self, key: str, frame: Frame, what: str) -> str:
        token = self._new_token(key)
        frame["wait"] = {"token": token, "for": what}
        return token

    def _forget_wait(self, frame: Frame) -> None:
        wait = frame.get("wait")
        if wait is not None:
            self._command(Forget(wait["token"]))
            if wait.get("heartbeat") is not None:
                self._command(Forget(wait["token"] + HEARTBEAT))

    def _new_token(self, key: str) -> str:
        self._counters["token"] += 1
        return f"{key}.{self._counters['token']}"

    def _state(self, frame: Frame) -> State:
        return self.machine.states[frame["state"]]

    def _input(self, key: str, frame: Frame) -> Data:
        data = self._inputs.get(key)
        if data is None:
            data = self._inputs[key] = Data(text=frame["input"])
        return data

    def _set_input(self, key: str, frame: Frame, data: Data) -> None:
        frame["input"] = data.text
        self._inputs[key] = data

    def _filled(self, state: State, environment: Environment) -> Data:
        """What `Parameters` make of the input."""
        return environment.data if state.parameters is None else Data(state.parameters(environment))

    def _environment(
        self, key: str, frame: Frame, state: State, data: Data | None = None, item: tuple[int, Data] | None = None
    ) -> Environment:
        """What the expressions of a state see: its effective input, unless `data` is given."""
        environment = Environment(
            data or self._input(key, frame),
            lambda: self._context(frame, state, item),
            lambda: context.variables(self.frames, frame),
            self.random,
            self.new_id,
            self.now,
        )
        if data is None:
            environment.data = payload.select_data(state.input_path, environment)
        return environment

    def _context(self, frame: Frame, state: State, item: tuple[int, Data] | None) -> Json:
        return context.context_object(self.execution, self.frames, frame, state, item)

    _EXECUTE: dict[str, Callable[[Run, str, Frame, State], None]] = {
        "Pass": _execute_pass,
        "Task": _execute_task,
        "Choice": _execute_choice,
        "Wait": _execute_wait,
        "Succeed": _execute_succeed,
        "Fail": _execute_fail,
        "Parallel": _execute_parallel,
        "Map": _execute_map,
    }
