"""Fault plans by chance, and the smallest plan that still makes a test fail: what `emulator explore` decides.

Pure: a seed and the calls that a test has been seen to make give a plan; whether a plan makes the test fail is asked of
the caller. `exploring.py` runs the test.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from emulator import faults
from emulator.faults import KINDS, Fault, FaultPlan

NOT_SURVIVED = {
    faults.GATEWAY: (faults.ERROR,),
    faults.WEBSOCKET: (faults.ERROR, faults.LOST, faults.CRASH),
    faults.QUEUE: (faults.LOST,),
    faults.MAIL: (faults.REFUSED, faults.LOST),
    faults.STORE: (faults.ERROR,),
}
"""What no application makes good: the test's own request fails, or what was promised to it is gone. On request only."""
NEVER = {faults.STORE: (faults.CRASH,)}
"""It would end the process that explores."""
CAN_COME_AFTER = {
    faults.FUNCTION: (faults.ERROR, faults.TIMEOUT, faults.CRASH),
    faults.STATE: (faults.ERROR, faults.TIMEOUT, faults.THROTTLE),
    faults.DESTINATION: (faults.ERROR,),
    faults.GATEWAY: (faults.ERROR,),
}
"""Failures after the call has had its effect."""
LATE_SECONDS = (1.0, 10.0, 60.0, 900.0)
MOST_CALLS = 20
"""Of one function, state, …: later ones are not struck."""

Kinds = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a fault could strike: a name, and how many calls of it there were."""

    target: str
    name: str
    calls: int


def usual_kinds() -> Kinds:
    """What applications are expected to survive: every fault that leaves a way to the promised end."""
    return {
        target: tuple(kind for kind in kinds if kind not in NOT_SURVIVED.get(target, ()) + NEVER.get(target, ()))
        for target, kinds in KINDS.items()
    }


def read_kinds(text: str) -> Kinds:
    """`twice,function:error,mail` as kinds; empty are the usual ones. Raises ValueError for what there is not."""
    if not text.strip():
        return usual_kinds()
    wanted: dict[str, list[str]] = {}
    for word in filter(None, (each.strip() for each in text.split(","))):
        target, _, kind = word.rpartition(":")
        if not target and word in KINDS:
            target, kind = word, ""
        found = [
            (each, other)
            for each, others in KINDS.items()
            for other in others
            if each == (target or each) and other == (kind or other) and other not in NEVER.get(each, ())
        ]
        if not found:
            possible = ", ".join(f"{each}:{other}" for each, others in KINDS.items() for other in others)
            raise ValueError(f"there is no fault {word!r} to explore; there are: {possible}")
        for each, other in found:
            wanted.setdefault(each, []).append(other)
    return {target: tuple(dict.fromkeys(kinds)) for target, kinds in wanted.items()}


def random_plan(seed: int, places: Iterable[Place], kinds: Kinds, most: int) -> FaultPlan:
    """At most `most` faults, each of which strikes one call that was seen; no plan has dice of its own."""
    dice = random.Random(seed)
    choices = [(place, kind) for place in sorted(places) for kind in kinds.get(place.target, ())]
    if not choices:
        return FaultPlan()
    number = dice.randint(1, most)
    return FaultPlan(tuple(_fault(dice, *dice.choice(choices)) for _ in range(number)))


def _fault(dice: random.Random, place: Place, kind: str) -> Fault:
    seconds = dice.choice(LATE_SECONDS) if kind in (faults.SLOW, faults.OUT_OF_ORDER) else None
    after = kind in CAN_COME_AFTER.get(place.target, ()) and dice.random() < 0.5
    skip = dice.randrange(min(place.calls, MOST_CALLS))
    return Fault(place.target, literal(place.name), kind, skip=skip, seconds=seconds, after=after)


def literal(name: str) -> str:
    """A name that means itself where patterns are allowed."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def shrink(plan: FaultPlan, fails: Callable[[FaultPlan], bool]) -> FaultPlan:
    """The smallest plan found that fails as well: fewest faults first, then each as plain as can be."""
    smallest = list(_fewest(plan.faults, lambda kept: fails(FaultPlan(tuple(kept)))))
    for number in range(len(smallest)):
        simpler = _simpler(smallest[number])
        while (candidate := next(simpler, None)) is not None:
            tried = [*smallest[:number], candidate, *smallest[number + 1 :]]
            if fails(FaultPlan(tuple(tried))):
                smallest = tried
                simpler = _simpler(candidate)
    return FaultPlan(tuple(smallest))


def _fewest(kept: Sequence[Fault], fails: Callable[[Sequence[Fault]], bool]) -> Sequence[Fault]:
    """Delta debugging (Zeller and Hildebrandt's ddmin): a list of which no part can be left out."""
    parts = 2
    while len(kept) > 1:
        size = -(-len(kept) // parts)
        pieces = [kept[at : at + size] for at in range(0, len(kept), size)]
        rests = [[each for other in pieces if other is not piece for each in other] for piece in pieces]
        alone = next((piece for piece in pieces if len(piece) < len(kept) and fails(piece)), None)
        rest = next((each for each in rests if fails(each)), None) if alone is None and len(pieces) > 2 else None
        if alone is not None:
            kept, parts = alone, 2
        elif rest is not None:
            kept, parts = rest, max(parts - 1, 2)
        elif size == 1:
            break
        else:
            parts = min(len(kept), parts * 2)
    return kept


def _simpler(fault: Fault) -> Iterator[Fault]:
    """The same fault, plainer, the plainest first."""
    for skip in range(fault.skip):
        yield replace(fault, skip=skip)
    if fault.after:
        yield replace(fault, after=False)
    if fault.seconds is not None:
        yield replace(fault, seconds=None)
        for seconds in LATE_SECONDS:
            if seconds < fault.seconds:
                yield replace(fault, seconds=seconds)
