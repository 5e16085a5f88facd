"""`/_emulator/faults`: what is to go wrong, and what has.

Plain functions of an emulator, like control_clock.py's. A plan is for one account, or for all if none is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.control_clock import Refused
from emulator.faults import CRASH, STORE, BadPlan, FaultPlan

if TYPE_CHECKING:
    from emulator.app import Emulator


async def show(emulator: Emulator, account: str = "") -> dict[str, Any]:
    """The plan, how often each fault was met and has struck, the strikes, and which calls could have failed so far."""
    return emulator.faults.report(account)


async def replace(emulator: Emulator, request: Any, account: str = "") -> dict[str, Any]:
    """From now on this is the plan: `{"seed": 7, "faults": [{"function": "render", "fault": "error"}]}`."""
    emulator.faults.put(_read(emulator, request, account), account)
    return emulator.faults.report(account)


async def add(emulator: Emulator, request: Any, account: str = "") -> dict[str, Any]:
    """One more fault; those before go on counting."""
    for fault in _read(emulator, {"faults": [request]}, account).faults:
        emulator.faults.add(fault, account)
    return emulator.faults.report(account)


async def forget(emulator: Emulator, account: str = "") -> dict[str, Any]:
    """Nothing goes wrong any more."""
    emulator.faults.drop(account or None)
    return emulator.faults.report(account)


def _read(emulator: Emulator, value: Any, account: str) -> FaultPlan:
    try:
        plan = FaultPlan.from_json(value, account)
    except BadPlan as problem:
        raise Refused(400, str(problem)) from None
    if emulator.crash is None and any(fault.fault == CRASH and fault.target == STORE for fault in plan.faults):
        raise Refused(400, "this emulator lives in a process that is not its own, and cannot be killed")
    return plan
