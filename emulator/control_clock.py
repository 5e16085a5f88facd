"""`/_emulator/clock`: what the time is, who holds it or waits for it, and how it moves.

Plain functions of an emulator, for the control API and for harnesses in the same process. Raises `Refused`.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeGuard

from emulator import jobs, worlds
from emulator.ports import Transaction

if TYPE_CHECKING:
    from emulator.app import Emulator

LONGEST_SETTLE_SECONDS = 366 * 86400.0
ACTIONS: dict[str, tuple[str, ...]] = {
    "freeze": (),
    "advance": ("seconds", "until"),
    "next": (),
    "settle": ("account",),
    "scale": ("factor",),
    "resume": (),
    "auto": ("wanted",),
}
"""What can be done to time, and the members that say how."""
MOST_SLEEPERS = 100
"""How many of those who sleep, and of jobs, are named."""


class Refused(Exception):
    """The control API says no: `status`, and a text that says what to do instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


async def state(emulator: Emulator) -> dict[str, Any]:
    """AWS time, how it passes, how far it is ahead of this machine's, and `why`: who holds it still, who waits for it.

    It never goes back; fresh data start anew.
    """
    clock = emulator.clock
    now = clock.now()
    found = {
        "now": now,
        "iso": _iso(now),
        "mode": clock.mode,
        "factor": clock.factor,
        "ahead_of_host_seconds": round(clock.ahead(), 3),
        "auto": emulator.moves_for_clients,
        "at_work": clock.at_work(),
        "sleeping": [
            {"who": who, "until": until, "in_seconds": round(until - now, 3)}
            for until, who in clock.sleepers()[:MOST_SLEEPERS]
        ],
        "waiting_clients": emulator.clients.count,
        "next": await emulator.store.read(lambda tx: _next_jobs(tx, now, emulator.measuring)),
    }
    return {**found, "why": _explained(found) + await _of_worlds(emulator)}


async def _of_worlds(emulator: Emulator) -> list[str]:
    """Who has made time pass otherwise than before, and how that ends."""
    after = emulator.time_after_worlds
    if not after:
        return []
    accounts = [world.account for world in await emulator.store.read(worlds.alive)]
    listed = ", ".join(accounts[:5]) + (", …" if len(accounts) > 5 else "")
    end = "each ends by DELETE /_emulator/worlds/{account}"
    return [f"Time passes {after} again when the last world of a test has ended ({listed}); {end}."]


async def change(emulator: Emulator, request: dict[str, Any]) -> dict[str, Any]:
    """freeze | advance (seconds or until) | next | settle (account) | scale (factor) | resume | auto (wanted)."""
    action = request.get("action")
    if not isinstance(action, str) or action not in ACTIONS:
        raise Refused(400, f'"action" is one of {", ".join(ACTIONS)}')
    for member in request.keys() - {"action", *ACTIONS[action]}:
        taken = f"takes {' or '.join(ACTIONS[action])}" if ACTIONS[action] else "takes nothing else"
        raise Refused(400, f"{member!r:.100} is not known here; {action} {taken}")
    if action == "freeze":
        emulator.set_time_factor(0.0)
    elif action == "resume":
        emulator.set_time_factor(1.0)
    elif action == "scale":
        factor = request.get("factor")
        if not is_number(factor) or not 0 < factor <= 1e6:
            raise Refused(400, 'scale needs "factor", more than 0 and at most 1000000')
        emulator.set_time_factor(float(factor))
    elif action == "advance":
        seconds, until = request.get("seconds"), request.get("until")
        if seconds is not None and until is not None:
            raise Refused(400, 'advance takes "seconds" or "until", not both')
        if is_number(until):
            seconds = max(0.0, until - emulator.clock.now())
        if not is_number(seconds) or not 0 <= seconds <= LONGEST_SETTLE_SECONDS:
            raise Refused(400, 'advance needs "seconds", between 0 and a year, or "until" in epoch seconds')
        await emulator.advance(float(seconds))
    elif action == "next":
        moved = await emulator.advance_to_next()
        return {**await state(emulator), "moved": moved}
    elif action == "settle":
        await emulator.settle(await _account(emulator, request.get("account")))
    elif action == "auto":
        wanted = request.get("wanted", True)
        if not isinstance(wanted, bool):
            raise Refused(400, '"wanted" is true or false')
        emulator.move_for_clients(wanted)
    return await state(emulator)


async def _account(emulator: Emulator, account: Any) -> str | None:
    """Whose consequences are meant; everybody's if nobody is named. A mistyped world would settle nothing, silently."""
    if account in (None, ""):
        return None
    if not (isinstance(account, str) and account.isascii() and account.isdecimal() and len(account) == 12):
        raise Refused(400, '"account" is an AWS account of twelve digits, as POST /_emulator/worlds answers it')
    alive = await emulator.store.read(worlds.alive)
    if worlds.is_given(account) and account not in [world.account for world in alive]:
        raise Refused(404, f"there is no world {account}; GET /_emulator/worlds lists them")
    return account


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a finite number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _next_jobs(tx: Transaction, now: float, measuring: Collection[str]) -> list[dict[str, Any]]:
    found = jobs.pending(tx, limit=MOST_SLEEPERS)
    return [
        {"id": job.id, "kind": job.kind, "due_at": job.due_at, "in_seconds": round(job.due_at - now, 3)}
        for job in found
        if job.kind not in measuring
    ]


def _explained(found: dict[str, Any]) -> list[str]:
    """Who holds time and who waits for it, in sentences: what `clock.why()` says."""
    lines = [f"{who} is at work, so frozen time stands still." for who in found["at_work"]]
    if found["mode"] != "frozen":
        lines.insert(0, f"Time is not frozen: it passes at {found['factor']:g} times the host's speed.")
    elif not found["at_work"]:
        if found["auto"] and found["waiting_clients"]:
            lines.append(f"{found['waiting_clients']} client(s) wait, so time moves by itself to what is due next.")
        elif found["auto"]:
            lines.append("Time is frozen; it moves when a client waits for an answer, or when somebody advances it.")
        else:
            lines.append("Time is frozen; it moves when somebody advances it.")
    lines += [f"{each['who']} waits for {_span(each['in_seconds'])} more." for each in found["sleeping"]]
    lines += [f"{each['kind']} job {each['id']} is due {_when(each['in_seconds'])}." for each in found["next"][:10]]
    return lines


def _when(seconds: float) -> str:
    return f"in {_span(seconds)}" if seconds > 0 else "now"


def _span(seconds: float) -> str:
    return f"{seconds:g} s of AWS time"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
