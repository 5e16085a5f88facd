"""What goes into the interpreter and comes out: signals, commands, history events, the end. Values only.

Nothing here is ever changed. Those that every transition makes are not marked `frozen`, which would make each of them
four times as dear: 50 µs of an execution of eight states.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .data import Data


@dataclass(slots=True)
class Execution:
    """What never changes about an execution."""

    arn: str
    name: str
    role_arn: str
    started_at: float
    machine_arn: str
    machine_name: str
    region: str
    input: Data
    most_events: int | None = 25_000
    """How long its history may become; None: no limit (Express)."""
    redrive_count: int = 0
    redriven_at: float | None = None


@dataclass(slots=True)
class Event:
    """One history event; `member` is boto3's name of its details, None if it has none."""

    id: int
    previous_id: int
    type: str
    member: str | None
    details: dict[str, Any]


@dataclass(slots=True)
class CallTask:
    """Call `resource` with `parameters` and signal the result with `token`."""

    token: str
    resource: str
    parameters: Data
    role: str | None = None
    """Whose account calls; None: the execution's."""


@dataclass(frozen=True, slots=True)
class OfferActivity:
    """Keep `input` for a worker that asks for a task of `activity`; results come with `token`."""

    token: str
    activity: str
    input: Data


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Signal `token` at `due_at`."""

    token: str
    due_at: float


@dataclass(frozen=True, slots=True)
class Forget:
    """Nobody awaits `token` any more: drop its call and its timers."""

    token: str


@dataclass(frozen=True, slots=True)
class GoOn:
    """Signal `Resume` at once, in a commit of its own."""

    slow: bool = False
    """It took so long already that only one such execution is worked on at a time."""


@dataclass(frozen=True, slots=True)
class StartMapRun:
    """Run `plan` (see distribution.py) over `items`, or over what its reader reads, and signal the end with `token`."""

    token: str
    arn: str
    label: str
    plan: dict[str, Any]
    items: Data | None
    source: str
    """What `$$.Map.Item.Source` says."""
    max_concurrency: int
    tolerated_count: int | None
    tolerated_percentage: float | None
    failed: bool
    """It has failed already and is only shown."""


@dataclass(frozen=True, slots=True)
class StopMapRun:
    """Nobody awaits the map run behind `token` any more: abort it."""

    token: str


@dataclass(frozen=True, slots=True)
class RedriveMapRun:
    """Let a map run that ended without success go on, and signal its end with `token`."""

    token: str
    arn: str


Command = CallTask | OfferActivity | SetTimer | Forget | GoOn | StartMapRun | StopMapRun | RedriveMapRun


@dataclass(frozen=True, slots=True)
class Start:
    """The execution begins."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on where a long run stopped."""


@dataclass(slots=True)
class TaskSucceeded:
    token: str
    output: Data


@dataclass(frozen=True, slots=True)
class TaskFailed:
    token: str
    error: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    """The call of a task that waits for a callback or for what it started has been answered; the task goes on."""

    token: str
    output: Data


@dataclass(frozen=True, slots=True)
class TaskTaken:
    """A worker has taken the task of an activity."""

    token: str
    worker_name: str | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Whoever works on the task is alive."""

    token: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    token: str


@dataclass(frozen=True, slots=True)
class MapRunEnded:
    """With `output` if it succeeded."""

    token: str
    output: Data | None
    error: str | None = None
    cause: str | None = None
    had_items: bool = True
    """Whether it had begun to read items when it failed."""


@dataclass(frozen=True, slots=True)
class Stop:
    error: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class Redrive:
    """The execution ended without success and goes on where it stopped."""

    token: str | None
    """The caller's client token."""


Signal = (
    Start
    | Redrive
    | Resume
    | TaskSucceeded
    | TaskFailed
    | TaskSubmitted
    | TaskTaken
    | Heartbeat
    | TimerFired
    | MapRunEnded
    | Stop
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the execution ended."""

    status: str
    output: Data | None = None
    error: str | None = None
    cause: str | None = None


@dataclass(slots=True)
class TaskMoment:
    """A task was scheduled, started, or ended: what metrics count."""

    resource: str
    what: str
    """`Scheduled`, `Started`, `Succeeded`, `Failed`, `TimedOut` or `HeartbeatTimedOut`."""
    scheduled_at: float
    started_at: float | None = None


CHOICE, RETRY, CATCH = "choice", "retry", "catch"
DEFAULT = -1
"""Index of a Choice's `Default` among its rules."""


@dataclass(slots=True)
class Outcome:
    """What one signal changed, besides the frames."""

    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    ended: Ended | None = None
    taken: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """(state, kind, index) of rules, retriers and catchers that were taken, which no event tells."""
    tasks: list[TaskMoment] = field(default_factory=list[TaskMoment])


def error_details(error: str | None, cause: str | None) -> dict[str, str]:
    """`error` and `cause` of a failure's event, as far as they are known."""
    pairs = (("error", error), ("cause", cause))
    return {name: value for name, value in pairs if value is not None}
