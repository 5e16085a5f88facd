"""Tasks of executions that a fault plan strikes: which call, and what its execution is told of it.

Decides how each kind of fault looks to an execution; whether one strikes is the plan's (emulator/faults.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator import faults
from emulator.faults import Fault, Faults

from .asl.data import dumps
from .asl.frames import Frames
from .asl.messages import Signal, TaskFailed
from .model import StoredExecution

INSTEAD = (faults.ERROR, faults.TIMEOUT, faults.THROTTLE)
_NAMES = {faults.ERROR: "States.TaskFailed", faults.TIMEOUT: "States.Timeout"}


class TaskFaults:
    """The plans, as executions ask them."""

    def __init__(self, plans: Faults) -> None:
        self._plans = plans

    def strike(self, execution: StoredExecution, frames: Frames, token: str, called: bool = True) -> Fault | None:
        """What is to go wrong with a task that is about to be called, or offered to workers (`called` false)."""
        if not self._plans.active:
            return None
        frame = frames.get(token.split(".")[0])
        assert frame is not None, "a task that is called has a frame"
        machine = execution.machine_name.split("/")[0]
        kinds = faults.KINDS[faults.STATE] if called else INSTEAD
        fault = self._plans.strike(faults.STATE, frame["state"], execution.account, kinds, machine)
        return fault if fault is None or called else replace(fault, after=False)


def instead(fault: Fault, resource: str) -> str | None:
    """What the task is answered with instead of being called, in the form of a mocked answer; None if it is called."""
    if fault.after or fault.fault not in INSTEAD:
        return None
    error, cause = _error(fault, resource)
    return dumps({"Throw": {"Error": error, "Cause": cause}})


def of_call(fault: Fault, resource: str) -> dict[str, Any]:
    """What is kept with a task that is called: `late` by so many seconds, `twice`, or `fails` with error and cause."""
    if fault.fault == faults.SLOW:
        return {"late": fault.delay}
    if fault.fault == faults.TWICE:
        return {"twice": True}
    return {"fails": _error(fault, resource)} if fault.after else {}


def told(token: str, called: Mapping[str, Any], signal: Signal) -> Signal:
    """What an execution hears of a task that was called: its result, or that it has failed all the same."""
    fails = called.get("fails")
    return signal if fails is None else TaskFailed(token, fails[0], fails[1])


def _error(fault: Fault, resource: str) -> list[str]:
    throttled = "Lambda.TooManyRequestsException" if "lambda" in resource else "ThrottlingException"
    return [fault.error or _NAMES.get(fault.fault, throttled), fault.message or "injected by the fault plan"]
