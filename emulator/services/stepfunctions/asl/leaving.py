"""Leaving a state, by its result or by its failure: output, variables, Retry, Catch, and the end of the execution.

Decides the order of ResultSelector, Assign, ResultPath and OutputPath, and who hears of a failure (reference 5.1, 5.5).
What a Parallel or Map does with the end of a branch is branches.py's.
"""

from __future__ import annotations

from typing import Any

from . import payload, retry
from .data import DATA_LIMIT_BYTES, Data, Json, StateError, StateFault, dumps, too_large, weight
from .definition import Catcher, State
from .frames import Frame
from .jsonata import QueryError
from .messages import CATCH, RETRY, Ended, Forget, SetTimer, error_details
from .payload import Environment
from .workspace import NOT_TRUNCATED, ROOT, Workspace

MACHINE_TOKEN = "machine"
LONGEST_EXECUTION_SECONDS = 365 * 86400.0
"""Then an execution has timed out [D:service-quotas]. One that waits for nothing but an answer is left to wait."""
PER_STATE = ("entered", "at", "retries", "attempts", "task_token", "map_run", "pairs", "map_started", "map_redrives")
"""What a frame keeps until it leaves the state it is in."""

MOST_VARIABLES_BYTES = 10 * 1024 * 1024
"""Of all variables of an execution together [D:workflow-variables]."""
NO_LIMIT = 2**62


class Leaving(Workspace):
    """How states end."""

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

    def _assigned(
        self, frame: Frame, state: State, environment: Environment, assign: dict[str, payload.Template]
    ) -> dict[str, Json]:
        """The values of `Assign`, within the quotas of variables [D:workflow-variables]; the error is unverified."""
        values: dict[str, Json] = {}
        room = DATA_LIMIT_BYTES
        for name, fill in assign.items():
            value = values[name] = fill(environment)
            room -= _bytes(value, room)
            if room < 0:
                raise too_large(state.name)
        replaced = {name: value for name, value in frame.get("variables", {}).items() if name in values}
        held = self._counters.get("variables", 0) - weight(replaced, MOST_VARIABLES_BYTES)
        if held + weight(values, MOST_VARIABLES_BYTES) > MOST_VARIABLES_BYTES:
            raise too_large(state.name)
        return values

    def _hold(self, frame: Frame, assigned: dict[str, Json]) -> None:
        """Assign variables of a scope."""
        self._release(frame)
        frame["variables"] = {**frame.get("variables", {}), **assigned}
        self._counters["variables"] = self._counters.get("variables", 0) + weight(frame["variables"], NO_LIMIT)

    def _release(self, frame: Frame) -> None:
        """A scope's variables are gone."""
        if "variables" in frame:
            before = self._counters.get("variables", 0)
            self._counters["variables"] = max(0, before - weight(frame["variables"], NO_LIMIT))

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
        assigned = self._assigned(frame, state, environment, assign) if assign else None
        if filtered:
            output = payload.select_data(state.output_path, environment.over(output))
        if output.too_large():
            raise too_large(state.name)
        self.carried += len(output.text)
        details: dict[str, Any] = {}
        if assigned:
            self._hold(frame, assigned)
            details["assignedVariables"] = {name: dumps(value) for name, value in assigned.items()}
            details["assignedVariablesDetails"] = NOT_TRUNCATED
        details.update(name=state.name, output=output.text, outputDetails=NOT_TRUNCATED)
        previous = frame["previous"] = self._emit(
            f"{state.type}StateExited", frame["previous"], "stateExitedEventDetails", details
        )
        if next_state is not None:
            frame["state"] = next_state
            for name in PER_STATE:
                frame.pop(name, None)
            self._set_input(key, frame, output)
            self._ready.append(key)
        elif frame["parent"] is None:
            self._end("SUCCEEDED", previous, output=output)
        else:
            self._child_done(key, frame, output)

    def _fail(self, key: str, frame: Frame, state: State, failure: StateError) -> None:
        """A state failed: retry it, catch it, or fail whatever contains it."""
        fails_as_a_whole = (
            "children" in frame
            or frame.pop("map_failed", False)
            or (isinstance(failure, QueryError) and state.type in ("Map", "Parallel"))
        )
        if isinstance(failure, StateFault):
            failure = self._located(frame, state, failure)
        self._abort_children(key, frame)
        if self._retry(key, frame, state, failure):
            return
        if fails_as_a_whole:
            frame["previous"] = self._emit(f"{state.type}StateFailed", frame["previous"], None, {})
        for index, catcher in enumerate(state.catch):
            if retry.matches(catcher.errors, failure.known_as):
                self.outcome.taken.append((state.name, CATCH, index))
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

    def _wake(self, token: str, due_at: float) -> None:
        """Have a wait end; one that lasts too long for any execution ends with it."""
        last = self.execution.started_at + LONGEST_EXECUTION_SECONDS
        if due_at > last:
            self._counters["bounded"] = True
            self._command(SetTimer(MACHINE_TOKEN, last))
        self._command(SetTimer(token, due_at))

    def _retry(self, key: str, frame: Frame, state: State, failure: StateError) -> bool:
        chosen = retry.choose(state.retry, failure.known_as)
        if chosen is None:
            return False
        retrier = state.retry[chosen]
        counts = frame.setdefault("retries", [0] * len(state.retry))
        if counts[chosen] >= retrier.max_attempts:
            return False
        counts[chosen] += 1
        self.outcome.taken.append((state.name, RETRY, chosen))
        self._drop_children(key, frame)
        frame["attempts"] = frame.get("attempts", 0) + 1
        delay = retry.delay_seconds(retrier, counts[chosen], self.random() if retrier.full_jitter else 1.0)
        self._wake(self._await(key, frame, "retry"), self.now + delay)
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
        if self.machine.timeout_seconds is not None or self._counters.get("bounded"):
            self._command(Forget(MACHINE_TOKEN))
        name = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "ABORTED": "Aborted", "TIMED_OUT": "TimedOut"}[status]
        details = error_details(error, cause)
        if output is not None:
            details = {"output": output.text, "outputDetails": NOT_TRUNCATED}
        self._emit(f"Execution{name}", previous, f"execution{name}EventDetails", details, last=True)
        self.outcome.ended = Ended(status, output, error, cause)

    # ── what contains the state: branches.py ────────────────────────────────────────────────────

    def _child_done(self, child_key: str, child: Frame, output: Data) -> None:
        raise NotImplementedError

    def _child_failed(self, child_key: str, child: Frame, failure: StateError) -> None:
        raise NotImplementedError

    def _abort_children(self, key: str, frame: Frame, quiet: bool = False) -> None:
        raise NotImplementedError

    def _drop_children(self, key: str, frame: Frame) -> None:
        raise NotImplementedError


def _bytes(value: Json, most: int) -> int:
    """How large a value is as JSON; anything beyond `most` if it is larger."""
    rough = weight(value, 4 * most + 4)
    return rough if rough > 4 * most else len(dumps(value).encode("utf-8", "replace"))
