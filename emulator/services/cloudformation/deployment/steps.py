"""One step of one resource: begin, call, say what became of it.

For a native service all three are one commit; for a delegated one the beginning is committed first, and the call may be
repeated after a crash, with the same name and token. Which resource is next, and what its failure means, is
`worker.py`'s.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.deploy.template.dynamic import substituted
from emulator.ports import Json, Store, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.deployment.work import Overtaken, Work
from emulator.services.cloudformation.history import History
from emulator.services.cloudformation.language import row_of
from emulator.services.cloudformation.model import Resource
from emulator.services.cloudformation.resources.inert import INERT
from emulator.services.cloudformation.resources.running import Fetched, MustFetch, Running, is_gone, reason_of
from emulator.services.cloudformation.resources.types import Call, Made, ResourceFailed, ResourceType, Subject
from emulator.services.cloudformation.resources.values import MALFORMED, MOST_TRIES, InternalFailure, malformed

log = logging.getLogger("emulator.cloudformation")

STATUS_OF_VERB = {"create": "CREATE", "update": "UPDATE", "replace": "UPDATE", "restore": "UPDATE", "delete": "DELETE"}
POLL_SECONDS = 1.0
"""AWS time between two looks at a service that is not ready."""
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
_INITIATED = "Resource creation Initiated"

Save = Callable[[Transaction, Resource], None]
"""Writes a resource, to where it is kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call."""

    made: Made | None = None
    problem: Exception | None = None
    ready: bool = True
    asked_only: bool = False
    """The service was only asked whether it is ready; nothing else was called."""
    half: str = ""
    """The physical id of what is there in spite of the problem: some calls were answered, one failed."""


def row_for(resource: Resource) -> ResourceType:
    """The row of a resource's type; what is inert has one that does nothing."""
    row = None if resource.inert else row_of(resource.type)
    return row if row is not None else INERT


class Steps:
    """Takes resources one commit further."""

    def __init__(self, rows: Store, running: Running, history: History) -> None:
        self._rows = rows
        self._running = running
        self._history = history

    async def advance(
        self, work: Work, resource: Resource, fresh: bool, save: Save, found: Mapping[str, str] | None = None
    ) -> Resource:
        """Take a resource that is in progress one commit further; it may wait, be complete or have failed then.

        `fresh`: its beginning is not committed yet. `found`: values of dynamic references. Raises Overtaken.
        """
        if not fresh and resource.waits_for == "signal":
            return await self._signalled(work, resource, save)
        row = row_for(resource)
        values = found or {}

        def subject(of: Resource, again: bool = False) -> Subject:
            wanted = of.wanted if of.wanted is not None else of.properties
            previous = of.properties if of.verb in ("update", "restore") else {}
            named = replace(of, name=substituted(of.name, values))
            return work.subject(row, named, substituted(wanted, values), substituted(previous, values), again)

        if self._running.in_transaction(row):
            return await self._native(work, row, resource, fresh, save, subject)
        return await self._delegated(work, row, resource, fresh, save, subject)

    def is_native(self, resource: Resource) -> bool:
        """Whether all of a step is one commit."""
        return self._running.in_transaction(row_for(resource))

    # ── where the calls are made ────────────────────────────────────────────────────────────────

    async def _native(
        self,
        work: Work,
        row: ResourceType,
        resource: Resource,
        fresh: bool,
        save: Save,
        subject: Callable[[Resource], Subject],
    ) -> Resource:
        """Beginning, calls and end in one commit."""
        fetched: Fetched = {}
        tries = 0

        def change(tx: Transaction, failed: Exception | None) -> Resource:
            work.check(tx)
            if fresh:
                self._begin(tx, work, resource, save)
            outcome = Outcome(problem=failed)
            if failed is None:
                outcome = self._calls(tx, row, resource, subject, fetched)
            return self._end(tx, work, row, resource, outcome, save)

        while True:
            try:
                return await self._rows.transact(lambda tx: change(tx, None))
            except MustFetch as missing:
                try:
                    fetched[missing.place] = await self._running.fetch(subject(resource), missing)
                except (AwsError, NotEmulated) as problem:
                    failed = problem
                    break
            except InternalFailure as ours:
                tries += 1
                if tries == MOST_TRIES:
                    log.error("stack %s, resource %s", work.stack.name, resource.logical_id, exc_info=ours)
                    failed = ours
                    break
        return await self._rows.transact(lambda tx: change(tx, failed))

    def _calls(
        self,
        tx: Transaction,
        row: ResourceType,
        resource: Resource,
        subject: Callable[[Resource], Subject],
        fetched: Fetched,
    ) -> Outcome:
        try:
            it = subject(resource)
            with tx.nested():
                if resource.waits_for in ("ready", "more"):
                    ready = self._running.now(tx, row, it, _asked(row, it), {})
                    if not ready or resource.waits_for == "ready":
                        return Outcome(_unchanged(resource), ready=ready, asked_only=True)
                    it = subject(replace(resource, stage=resource.stage + 1))
                made = self._running.now(tx, row, it, _started(row, resource.verb, it), fetched)
                ready = True
                if made is not None and made.waits_seconds is None and not made.more and row.ready is not None:
                    there = subject(replace(resource, physical_id=made.physical_id, attributes=made.attributes))
                    ready = self._running.now(tx, row, there, row.ready(there), {})
        except (AwsError, NotEmulated, ResourceFailed) as problem:
            return Outcome(problem=problem)
        except MustFetch:
            raise
        except Exception as ours:
            raise InternalFailure(ours) from ours
        return Outcome(made, ready=ready)

    async def _delegated(
        self,
        work: Work,
        row: ResourceType,
        resource: Resource,
        fresh: bool,
        save: Save,
        subject: Callable[..., Subject],
    ) -> Resource:
        """The beginning, then the calls, then the end."""
        if fresh:

            def begin(tx: Transaction) -> None:
                work.check(tx)
                self._begin(tx, work, resource, save)

            await self._rows.transact(begin)
        outcome = await self._tried_outside(work, row, resource, fresh, subject)

        def end(tx: Transaction) -> Resource:
            if store.generation(tx, work.stack.id) is None:
                raise Overtaken(work.stack.id)
            return self._end(tx, work, row, resource, outcome, save)

        return await self._rows.transact(end)

    async def _tried_outside(
        self, work: Work, row: ResourceType, resource: Resource, fresh: bool, subject: Callable[..., Subject]
    ) -> Outcome:
        answered: list[str] = []
        again = (not fresh and not resource.waits_for) or work.deployment.adopt
        for _ in range(MOST_TRIES - 1):
            try:
                return await self._asked_outside(row, resource, subject(resource, again), subject, answered)
            except Exception as ours:
                log.info("stack %s, resource %s", work.stack.name, resource.logical_id, exc_info=ours)
                again = True  # it may have been done in part
        it = subject(resource, again)
        try:
            return await self._asked_outside(row, resource, it, subject, answered)
        except Exception as ours:
            log.exception("stack %s, resource %s", work.stack.name, resource.logical_id)
            return Outcome(problem=InternalFailure(ours), half=_half_made(row, resource, it, answered))

    async def _asked_outside(
        self,
        row: ResourceType,
        resource: Resource,
        it: Subject,
        subject: Callable[..., Subject],
        answered: list[str],
    ) -> Outcome:
        try:
            if resource.waits_for in ("ready", "more"):
                ready = await self._running.outside(row, it, _asked(row, it))
                if not ready or resource.waits_for == "ready":
                    return Outcome(_unchanged(resource), ready=ready, asked_only=True)
                it = subject(replace(resource, stage=resource.stage + 1))
            made = await self._running.outside(row, it, _started(row, resource.verb, it), answered)
            ready = True
            if made is not None and made.waits_seconds is None and not made.more and row.ready is not None:
                there = subject(replace(resource, physical_id=made.physical_id, attributes=made.attributes))
                ready = await self._running.outside(row, there, row.ready(there))
        except (AwsError, NotEmulated, ResourceFailed) as problem:
            return Outcome(problem=problem, half=_half_made(row, resource, it, answered))
        return Outcome(made, ready=ready)

    # ── beginning and end ───────────────────────────────────────────────────────────────────────

    def _begin(self, tx: Transaction, work: Work, resource: Resource, save: Save) -> None:
        save(tx, replace(resource, changed_at=tx.now))
        status = f"{STATUS_OF_VERB[resource.verb]}_IN_PROGRESS"
        reason = _REPLACING if resource.verb == "replace" else ""
        physical_id = (resource.before or {}).get("physical_id") if resource.verb == "replace" else None
        self._history.resource(tx, work.stack, resource, status, reason, resource.wanted, physical_id)

    def _end(
        self, tx: Transaction, work: Work, row: ResourceType, resource: Resource, outcome: Outcome, save: Save
    ) -> Resource:
        problem, made = outcome.problem, outcome.made
        if problem is not None:
            if resource.verb == "delete" and is_gone(problem):
                return self.complete(tx, work, resource, None, save)
            if isinstance(problem, AwsError) and problem.code in row.busy:
                return self._waits(tx, work, resource, "retry", tx.now + POLL_SECONDS, save)
            there = replace(resource, physical_id=resource.physical_id or _half(problem, outcome))
            return self.fail(tx, work, there, reason_of(problem, row.service), save)
        if made is not None:
            named = made.physical_id != resource.physical_id and resource.verb in ("create", "replace")
            waiting = replace(
                resource, physical_id=made.physical_id, attributes=dict(made.attributes), ref=made.ref, waits_for=""
            )
            if made.waits_seconds is not None:
                heard = replace(waiting, heard=made.heard, stage=resource.stage + int(made.half))
                return self._waits(tx, work, heard, "signal", tx.now + made.waits_seconds, save, named)
            if made.more:
                stage = resource.stage + (1 if resource.waits_for == "more" else 0)
                return self._waits(tx, work, replace(waiting, stage=stage), "more", tx.now, save, named)
            if not outcome.ready:
                why = resource.waits_for if outcome.asked_only else "ready"
                return self._waits(tx, work, waiting, why, tx.now + POLL_SECONDS, save, named)
        return self.complete(tx, work, resource, made, save)

    def _waits(
        self, tx: Transaction, work: Work, resource: Resource, why: str, until: float, save: Save, named: bool = False
    ) -> Resource:
        waiting = replace(resource, waits_for=why, waits_until=until)
        save(tx, waiting)
        if named:
            status = f"{STATUS_OF_VERB[resource.verb]}_IN_PROGRESS"
            self._history.resource(tx, work.stack, waiting, status, _INITIATED, waiting.wanted)
        return waiting

    def complete(self, tx: Transaction, work: Work, resource: Resource, made: Made | None, save: Save) -> Resource:
        """It is as it was to be."""
        status = STATUS_OF_VERB[resource.verb]
        announced = bool(resource.physical_id)
        done = replace(resource, status=f"{status}_COMPLETE", reason="", waits_for="", waits_until=None, stage=0)
        done = replace(done, changed_at=tx.now, wanted=None)
        if made is not None and resource.verb != "delete":
            done = replace(done, physical_id=made.physical_id, attributes=dict(made.attributes), ref=made.ref)
        if resource.wanted is not None and resource.verb != "delete":
            done = replace(done, properties=resource.wanted)
        save(tx, done)
        if resource.verb in ("create", "replace") and not announced:
            self._history.resource(tx, work.stack, done, f"{status}_IN_PROGRESS", _INITIATED)
        note = "Its type is not emulated: the resource is inert" if resource.inert and status == "CREATE" else ""
        self._history.resource(tx, work.stack, done, f"{status}_COMPLETE", note)
        return done

    def fail(self, tx: Transaction, work: Work, resource: Resource, reason: str, save: Save) -> Resource:
        """It could not be done."""
        status = f"{STATUS_OF_VERB[resource.verb]}_FAILED"
        failed = replace(resource, status=status, reason=reason, waits_for="", waits_until=None, changed_at=tx.now)
        if resource.verb in ("create", "replace") and resource.physical_id and resource.wanted is not None:
            failed = replace(
                failed, properties=resource.wanted
            )  # it is there in part, and deleted by what it was to be
        save(tx, failed)
        self._history.resource(tx, work.stack, failed, status, reason, failed.wanted)
        return failed

    # ── waiting ─────────────────────────────────────────────────────────────────────────────────

    async def _signalled(self, work: Work, resource: Resource, save: Save) -> Resource:
        """Look at the signals that have come; the end of waiting is a commit of its own."""
        row = row_for(resource)

        def change(tx: Transaction) -> Resource:
            work.check(tx)
            assert row.resume is not None, "who waits for signals can read them"
            wanted = resource.wanted if resource.wanted is not None else resource.properties
            it = work.subject(
                row, resource, wanted, resource.properties if resource.verb in ("update", "restore") else {}
            )
            signals = store.list_signals(tx, work.stack.id, resource.heard or resource.token)
            try:
                made = row.resume(it, signals)
            except ResourceFailed as problem:
                there = replace(resource, physical_id=resource.physical_id or problem.physical_id)
                return self.fail(tx, work, there, str(problem), save)
            except MALFORMED as odd:
                return self.fail(tx, work, resource, str(malformed(resource.logical_id, odd)), save)
            if made is not None:
                return self.complete(tx, work, resource, made, save)
            if resource.waits_until is not None and tx.now >= resource.waits_until:
                assert row.timed_out is not None, "who waits for signals can say that they did not come"
                late = row.timed_out(it, signals)
                there = replace(resource, physical_id=resource.physical_id or late.physical_id)
                return self.fail(tx, work, there, str(late), save)
            return resource

        return await self._rows.transact(change)


def _half_made(row: ResourceType, resource: Resource, it: Subject, answered: list[str]) -> str:
    return it.name if answered and row.named_by and resource.verb in ("create", "replace") else ""


def _half(problem: Exception, outcome: Outcome) -> str:
    return (problem.physical_id if isinstance(problem, ResourceFailed) else "") or outcome.half


def _started(row: ResourceType, verb: str, it: Subject) -> Generator[Call, Json, Any]:
    if verb in ("create", "replace"):
        return row.create(it)
    if verb == "delete":
        return row.delete(it)
    assert row.update is not None, "what cannot be updated is replaced"
    return row.update(it)


def _asked(row: ResourceType, it: Subject) -> Generator[Call, Json, bool]:
    if row.ready is None:
        return _always()
    return row.ready(it)


def _always() -> Generator[Call, Json, bool]:
    return True
    yield


def _unchanged(resource: Resource) -> Made:
    return Made(resource.physical_id, resource.attributes, resource.ref)
