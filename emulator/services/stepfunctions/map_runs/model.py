"""What a map run is, when too much of it has failed, and what comes next. Values and pure decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emulator.aws.scope import Scope
from emulator.services.stepfunctions.asl.distribution import MOST_CHILDREN_AT_ONCE

# What a map run is doing. The first is only where too many are open; the second is skipped by one that exports nothing.
BACKLOGGED = "backlogged"
OPENING, RUNNING, FAILING, STOPPING, WRITING, DONE = "opening", "running", "failing", "stopping", "writing", "done"

EXCEEDED = ("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")
READER_FAILED = "States.ItemReaderFailed"
WRITER_FAILED = "States.ResultWriterFailed"
UNSUCCESSFUL = ("FAILED", "TIMED_OUT", "ABORTED")
COUNTED = ("running", "succeeded", "failed", "timed_out", "aborted", "pending_redrive")
OF_STATUS = {"RUNNING": "running", "SUCCEEDED": "succeeded", "FAILED": "failed", "TIMED_OUT": "timed_out",
             "ABORTED": "aborted", "PENDING_REDRIVE": "pending_redrive"}  # fmt: skip


class Counts(NamedTuple):
    """How many children, or items in them, have each status."""

    running: int = 0
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    aborted: int = 0
    pending_redrive: int = 0

    @property
    def unsuccessful(self) -> int:
        return self.failed + self.timed_out + self.aborted

    @property
    def ended(self) -> int:
        return self.succeeded + self.unsuccessful

    def plus(self, name: str, more: int) -> Counts:
        """The same, with more of one status."""
        return self._replace(**{name: getattr(self, name) + more})


@dataclass(slots=True)
class MapRun:
    """A map run as stored."""

    id: int
    account: str
    region: str
    arn: str
    execution_id: int
    token: str
    """What the state that started it awaits."""
    label: str
    plan: dict[str, Any]
    """See asl/distribution.py; `definition` is the id of the children's."""
    source: str
    started_at: float
    stopped_at: float | None
    status: str
    phase: str
    max_concurrency: int
    tolerated_count: int | None
    tolerated_percentage: float | None
    read: int
    """Items that were read; those of them that no child has yet are queued."""
    queued: int
    position: dict[str, Any]
    exhausted: bool
    """There are no more items than were read."""
    error: str | None
    cause: str | None
    """Why it fails, once it does."""
    redrive_count: int
    redriven_at: float | None
    not_redrivable: int
    executions: Counts = field(default_factory=Counts)
    items: Counts = field(default_factory=Counts)

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def machine_arn(self) -> str:
        """`arn:aws:states:R:A:stateMachine:N/label`, of which the children are executions."""
        return machine_of(self.arn)

    @property
    def run_id(self) -> str:
        """The last part of the ARN, under which results are exported."""
        return self.arn.rsplit(":", 1)[1]

    def has_begun(self, items: int, status: str) -> None:
        """Count a child, with so many items, that was begun and is now what `status` says."""
        name = OF_STATUS[status]
        self.executions = self.executions.plus(name, 1)
        self.items = self.items.plus(name, items)
        self.queued -= items

    @property
    def room(self) -> int:
        """How many more children may run at once."""
        return min(self.max_concurrency or MOST_CHILDREN_AT_ONCE, MOST_CHILDREN_AT_ONCE) - self.executions.running

    @property
    def exceeded(self) -> bool:
        """Whether more has failed than is tolerated.

        Without any tolerance one failure is too much. A percentage is judged once the number of items is known
        (unverified for sources that are still being read).
        """
        failed = self.items.unsuccessful
        if self.tolerated_count is None and self.tolerated_percentage is None:
            return failed > 0
        if self.tolerated_count is not None and failed > self.tolerated_count:
            return True
        if self.tolerated_percentage is None or not self.exhausted or not self.read:
            return False
        return failed * 100 > self.tolerated_percentage * self.read

    @property
    def results_written(self) -> bool:
        """Whether the results of all children are where they belong; failed ones are among them [AWS's api312]."""
        exports = (self.plan.get("writer") or {}).get("parameters") is not None
        return self.status == "SUCCEEDED" or (
            self.status == "FAILED" and exports and self.error not in (None, WRITER_FAILED)
        )

    @property
    def over(self) -> bool:
        """Whether every item has been in a child that has ended."""
        children = self.executions
        return self.exhausted and not (self.queued or children.running or children.pending_redrive)


def machine_of(map_run_arn: str) -> str:
    """The state machine ARN that the children of a map run show."""
    return map_run_arn.rsplit(":", 1)[0].replace(":mapRun:", ":stateMachine:", 1)
