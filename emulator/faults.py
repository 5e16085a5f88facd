"""Faults as data: which call fails how, and how often. A plan is a value; it injects nothing itself.

`FaultPlan` is what is written down (a file, a request, a fixture), `Faults` is what has come of it so far: whoever
could fail asks `strike`. Pure but for its counters; the dice are seeded, so the same plan meets the same calls.
"""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import Any

FUNCTION, STATE, DESTINATION, QUEUE = "function", "state", "destination", "queue"
GATEWAY, WEBSOCKET, MAIL, STORE = "gateway", "websocket", "mail", "store"

ERROR, TIMEOUT, THROTTLE, CRASH, SLOW = "error", "timeout", "throttle", "crash", "slow"
TWICE, OUT_OF_ORDER, REFUSED, LOST = "twice", "out_of_order", "refused", "lost"

KINDS: dict[str, tuple[str, ...]] = {
    FUNCTION: (ERROR, TIMEOUT, THROTTLE, CRASH, SLOW, TWICE, OUT_OF_ORDER),
    STATE: (ERROR, TIMEOUT, THROTTLE, SLOW, TWICE),
    DESTINATION: (ERROR, THROTTLE, TWICE),
    QUEUE: (TWICE, OUT_OF_ORDER, SLOW, LOST),
    GATEWAY: (SLOW, ERROR),
    WEBSOCKET: (ERROR, SLOW, LOST, CRASH),
    MAIL: (REFUSED, LOST),
    STORE: (ERROR, CRASH),
}
"""What can happen to what."""

CONNECT, POSTED = "$connect", "@connections"
"""Names of a WebSocket that are no routes of messages: a client connects, and the application sends to one."""
KEPT_STRIKES = 1000
DEFAULT_SECONDS = {SLOW: 10.0, OUT_OF_ORDER: 1.0}
LONGEST_SECONDS = 366 * 86400.0


class BadPlan(ValueError):
    """A plan that is none; the text says which fault, and what of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with the calls it is for: by default with the first of them, once."""

    target: str
    """A key of `KINDS`."""
    name: str
    """Of the function, state, destination or queue; `METHOD /path` of a gateway; a route key of a WebSocket API; a
    recipient. `*` is anything."""
    fault: str
    """One of what `KINDS` has for the target."""
    times: int | None = 1
    """How many of its calls are struck; None is all."""
    skip: int = 0
    """Calls that pass before the first is struck."""
    probability: float = 1.0
    """Of a call to be struck; the plan's seed decides which are."""
    seconds: float | None = None
    """How slow or late, in AWS time."""
    error: str = ""
    """Name of the error: `errorType` of a function, error name of a state."""
    message: str = ""
    """What the error says."""
    status: int = 500
    """Of a gateway's error, or of a connection that a WebSocket API refuses."""
    after: bool = False
    """The call has had its effect, and then it fails: nobody hears of its success."""
    machine: str = "*"
    """Whose state."""
    account: str = ""
    """Whose; empty is everybody's. Set for plans that belong to a world."""

    @property
    def delay(self) -> float:
        """Seconds of AWS time."""
        return DEFAULT_SECONDS.get(self.fault, 0.0) if self.seconds is None else self.seconds

    def to_json(self) -> dict[str, Any]:
        """As it is written down: the target is a member, what is as ever is left out."""
        shown: dict[str, Any] = {self.target: self.name, "fault": self.fault}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.default is not MISSING and value != item.default and item.name != "account":
                shown[item.name] = value
        return shown

    def as_code(self) -> str:
        """The line of a test that adds this fault."""
        shown = self.to_json()
        named = "".join(f", {name}={value!r}" for name, value in shown.items() if name not in (self.target, "fault"))
        return f"faults.{self.target}({self.name!r}, {self.fault!r}{named})"

    @staticmethod
    def from_json(value: Any, account: str = "") -> Fault:
        """Read one. Raises BadPlan."""
        if not isinstance(value, dict):
            raise BadPlan('is no object, such as {"function": "render", "fault": "error"}')
        given: dict[str, Any] = dict(value)
        targets = [target for target in KINDS if target in given]
        if len(targets) != 1:
            raise BadPlan(f"names {len(targets)} targets, but needs one of {', '.join(KINDS)}")
        target = targets[0]
        name, kind = given.pop(target), given.pop("fault", None)
        if not isinstance(name, str) or not name:
            raise BadPlan(f'"{target}" must be a name; "*" stands for all')
        if kind not in KINDS[target]:
            raise BadPlan(f'"fault" of a {target} must be one of {", ".join(KINDS[target])}, not {kind!r}')
        if target == QUEUE and name.endswith(".fifo"):
            raise BadPlan(f'"fault" of a queue is for standard queues: {name} is delivered once and in its order')
        if target == WEBSOCKET and name == CONNECT and kind not in (ERROR, SLOW):
            raise BadPlan(f'"fault" of {CONNECT} must be one of {ERROR}, {SLOW}: {kind} is for messages')
        for member, item in given.items():
            if member not in _CHECKS:
                raise BadPlan(f"has no member {member!r}; there are: {', '.join(_CHECKS)}")
            if not _CHECKS[member][0](item):
                raise BadPlan(f'"{member}" must be {_CHECKS[member][1]}')
            if (target, kind) not in _HEEDED.get(member, ((target, kind),)) and item != _DEFAULTS[member]:
                heeding = ", ".join(f"{kind} of a {target}" for target, kind in _HEEDED[member])
                raise BadPlan(f'"{member}" has no effect on {kind} of a {target}; it is for {heeding}')
        return Fault(target, name, str(kind), account=account, **given)


def _whole(low: int, high: int = 1_000_000_000) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "times": (lambda value: value is None or _whole(1)(value), "a whole number from 1, or null for all"),
    "skip": (_whole(0), "a whole number from 0"),
    "probability": (_between(0, 1), "between 0 and 1"),
    "seconds": (_between(0, LONGEST_SECONDS), "seconds, a year at most"),
    "error": (lambda value: isinstance(value, str), "a text"),
    "message": (lambda value: isinstance(value, str), "a text"),
    "status": (_whole(500, 599), "an HTTP status from 500 to 599"),
    "after": (lambda value: isinstance(value, bool), "true or false"),
    "machine": (lambda value: isinstance(value, str), "the name of a state machine"),
}

_DEFAULTS = {item.name: item.default for item in fields(Fault)}


def _each(kinds: Collection[str], *targets: str) -> list[tuple[str, str]]:
    return [(target, kind) for target in targets for kind in KINDS[target] if kind in kinds]


_NAMED = [
    (FUNCTION, ERROR),
    *_each((ERROR, TIMEOUT, THROTTLE), STATE),
    *_each((ERROR, THROTTLE), DESTINATION, WEBSOCKET),
]
_HEEDED = {
    "seconds": _each(DEFAULT_SECONDS, *KINDS),
    "error": _NAMED,
    "message": _NAMED + _each((ERROR,), GATEWAY, STORE),
    "status": _each((ERROR,), GATEWAY, WEBSOCKET),
    "after": _each((ERROR, TIMEOUT, CRASH), FUNCTION)
    + _each((ERROR, TIMEOUT, THROTTLE), STATE)
    + _each((ERROR, THROTTLE), DESTINATION, GATEWAY),
    "machine": _each(KINDS[STATE], STATE),
}
"""What members that are not for every fault are for: a plan that says more than can come of it is a mistake."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What goes wrong, all of it."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return {"seed": self.seed, "faults": [fault.to_json() for fault in self.faults]}

    def as_code(self) -> str:
        """The lines of a test that make this plan."""
        seed = [f"faults.seed({self.seed})"] if self.seed else []
        return "\n".join([*seed, *(fault.as_code() for fault in self.faults)])

    @staticmethod
    def from_json(value: Any, account: str = "") -> FaultPlan:
        """Read a plan: `{"seed": 7, "faults": […]}`. Raises BadPlan."""
        unknown = sorted(set(value) - {"seed", "faults"}) if isinstance(value, dict) else ["no object"]
        if unknown:
            form = '{"seed": 7, "faults": [{"function": "render", "fault": "error"}]}'
            raise BadPlan(f"a plan is {form}, and not {unknown[0]!r:.100}")
        seed, listed = value.get("seed", 0), value.get("faults", [])
        if not _whole(-(2**63), 2**63)(seed):
            raise BadPlan('"seed" must be a whole number')
        if not isinstance(listed, list):
            raise BadPlan('"faults" must be a list')
        read: list[Fault] = []
        for number, item in enumerate(listed, 1):
            try:
                read.append(Fault.from_json(item, account))
            except BadPlan as problem:
                raise BadPlan(f"fault {number} {problem}") from None
        return FaultPlan(tuple(read), seed)

    @staticmethod
    def from_text(text: str) -> FaultPlan:
        """Read a file. Raises BadPlan."""
        try:
            return FaultPlan.from_json(json.loads(text))
        except json.JSONDecodeError as problem:
            raise BadPlan(f"is no JSON: {problem}") from None


@dataclass(slots=True)
class _Armed:
    """A fault and what it has met so far."""

    fault: Fault
    dice: random.Random
    met: int = 0
    struck: int = 0

    def strikes(self) -> bool:
        """Whether this call, which it is for, is struck."""
        fault = self.fault
        self.met += 1
        if self.met <= fault.skip or (fault.times is not None and self.struck >= fault.times):
            return False
        if fault.probability < 1.0 and self.dice.random() >= fault.probability:
            return False
        self.struck += 1
        return True


@dataclass(frozen=True, slots=True)
class Strike:
    """A call that was made to fail."""

    at: float
    account: str
    target: str
    name: str
    fault: Fault


@dataclass(slots=True)
class Faults:
    """The plans in force, by the account they are for, and what they have done."""

    now: Callable[[], float]
    active: bool = False
    """Whether anybody need be asked: without a plan, nothing is looked up on the way of a call."""
    strikes: deque[Strike] = field(default_factory=lambda: deque[Strike](maxlen=KEPT_STRIKES))
    seen: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """How many calls that could have failed there were, by account, target and name: since a plan is in force."""
    _plans: dict[str, FaultPlan] = field(default_factory=dict[str, FaultPlan])
    _armed: dict[str, list[_Armed]] = field(default_factory=dict[str, list[_Armed]])

    def put(self, plan: FaultPlan, account: str = "") -> None:
        """From now on this is the plan of an account (all, if empty), and what was is forgotten."""
        self.drop(account)
        self._plans[account] = plan
        self._armed[account] = [
            _Armed(fault, random.Random(f"{plan.seed}:{number}")) for number, fault in enumerate(plan.faults)
        ]
        self._changed()

    def add(self, fault: Fault, account: str = "") -> None:
        """One more fault for an account; those before go on counting."""
        plan = self.plan(account)
        armed = self._armed.setdefault(account, [])
        armed.append(_Armed(fault, random.Random(f"{plan.seed}:{len(armed)}")))
        self._plans[account] = replace(plan, faults=(*plan.faults, fault))
        self._changed()

    def drop(self, account: str | None = None) -> None:
        """No plan of an account any more; of nobody, without one."""
        if account is None:
            self._plans.clear()
            self._armed.clear()
            self.strikes.clear()
            self.seen.clear()
        else:
            self._plans.pop(account, None)
            self._armed.pop(account, None)
            kept = [strike for strike in self.strikes if strike.account != account]
            self.strikes.clear()
            self.strikes.extend(kept)
            for key in [key for key in self.seen if key[0] == account]:
                del self.seen[key]
        self._changed()

    def take_over(self, others: Faults) -> None:
        """Go on where others have come to: their process was killed."""
        self._plans, self._armed, self.active = others._plans, others._armed, others.active
        self.strikes, self.seen = others.strikes, others.seen

    def plan(self, account: str = "") -> FaultPlan:
        """The plan of an account."""
        return self._plans.get(account, FaultPlan())

    def strike(
        self,
        target: str,
        names: str | Collection[str],
        account: str,
        kinds: Collection[str],
        machine: str = "",
        counted: bool = True,
    ) -> Fault | None:
        """What is to go wrong with a call, if anything: one of `kinds`, which are those that can happen here.

        A call may go by several names (recipients of a mail); any of them may be meant. One that is asked about in two
        places is `counted` in one of them.
        """
        all_names = (names,) if isinstance(names, str) else tuple(names)
        if kinds and not all_names:
            return None
        found: Fault | None = None
        if counted:
            self.seen[account, target, all_names[0]] += 1
        for owner in (account, "") if account else ("",):
            for armed in self._armed.get(owner, ()):
                fault = armed.fault
                if fault.target != target or fault.fault not in kinds:
                    continue
                if not fnmatchcase(machine, fault.machine):
                    continue
                if not any(fnmatchcase(name, fault.name) for name in all_names):
                    continue
                if found is not None:
                    armed.met += 1
                elif armed.strikes():
                    found = fault
                    self.strikes.append(Strike(self.now(), account, target, all_names[0], fault))
        return found

    def report(self, account: str = "") -> dict[str, Any]:
        """The plan of an account, how often each fault was met and struck, and what could fail.

        What struck nobody in particular (a commit of the store) has struck every account.
        """
        armed = self._armed.get(account, [])
        shown = [{**each.fault.to_json(), "met": each.met, "struck": each.struck} for each in armed]
        mine = [strike for strike in self.strikes if account == "" or strike.account in (account, "")]
        return {
            "seed": self.plan(account).seed,
            "faults": shown,
            "strikes": [{"at": each.at, each.target: each.name, "fault": each.fault.fault} for each in mine],
            "seen": [
                {target: name, "calls": calls}
                for (owner, target, name), calls in sorted(self.seen.items())
                if account in ("", owner)
            ],
        }

    def _changed(self) -> None:
        self.active = bool(self._plans)
