"""What EventBridge does later: schedules, further tries of targets, events on their way to another bus, replays.

Everything is a row, so each handler is one commit.
"""

from __future__ import annotations

import json
from dataclasses import replace

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Store, Transaction
from emulator.services.events import archive, store
from emulator.services.events.endpoints import Endpoints
from emulator.services.events.model import DEFAULT_BUS, Target, bus_of, event_of
from emulator.services.events.operations.rules import enqueue_next
from emulator.services.events.routing import CALL, Journey, Router

REPLAY_PAGE = 100
"""Events replayed in one commit."""


class EventBridgeWorker:
    """Runs `events.schedule`, `events.deliver`, `events.call`, `events.forward` and `events.replay` jobs."""

    def __init__(self, rows: Store, router: Router, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._rows = rows
        self._router = router

    async def schedule(self, job: Job) -> None:
        """Trigger a rule at its time and queue the next; times that passed while nothing ran are not made up for."""

        def change(tx: Transaction) -> None:
            if not jobs.complete(tx, job.id):
                return
            scope = _scope(job)
            rule = store.find_rule(tx, scope, DEFAULT_BUS, job.payload["rule"])
            if rule is None or rule.schedule is None or not rule.enabled:
                return
            event = event_of(scope, tx.new_id(), job.due_at, "aws.events", "Scheduled Event", {}, [rule.arn])
            self._router.trigger(tx, rule, event)
            enqueue_next(tx, rule, job.due_at)

        await self._rows.transact(change)

    async def deliver(self, job: Job) -> None:
        """One more try for a target."""

        def change(tx: Transaction) -> None:
            if not jobs.complete(tx, job.id):
                return
            payload = job.payload
            rule = store.find_rule(tx, _scope(job), payload["bus"], payload["rule"])
            if rule is not None:
                target, event = Target(payload["target"]), json.loads(job.body)
                attempts, first_at = payload["attempts"], payload["first_at"]
                journey = Journey(payload["forwarded"], payload["trace"])
                self._router.attempt(tx, rule, target, event, journey, attempts, first_at)

        await self._rows.transact(change)

    async def call(self, job: Job) -> None:
        """Call a target that no transaction can hold; it may see a call twice after a crash, as on AWS."""
        payload, event = job.payload, json.loads(job.body)
        target = Target(payload["target"])
        if not payload.get("turn"):
            at = await self._endpoints.turn(target.arn)
            if at > job.due_at:
                waiting = {**payload, "turn": True}
                await self._rows.transact(lambda tx: jobs.reschedule(tx, job.id, at, waiting, CALL))
                return
        answer = await self._endpoints.call(_scope(job), target.definition, event, payload["text"])

        def change(tx: Transaction) -> None:
            rule = store.find_rule(tx, _scope(job), payload["bus"], payload["rule"])
            if not jobs.complete(tx, job.id) or rule is None:
                return
            journey = Journey(payload["forwarded"], payload["trace"])
            attempts, first_at = payload["attempts"], payload["first_at"]
            self._router.settle(
                tx, rule, target, event, journey, attempts, first_at, answer.failure, answer.wait_seconds
            )

        await self._rows.transact(change)

    async def forward(self, job: Job) -> None:
        """Give an event to the bus that a rule of another bus sends it to."""

        def change(tx: Transaction) -> None:
            if jobs.complete(tx, job.id):
                journey = Journey(True, job.payload["trace"])
                self._router.route(tx, _scope(job), job.payload["bus"], json.loads(job.body), journey)

        await self._rows.transact(change)

    async def replay(self, job: Job) -> None:
        """Send the next page of a replay's events, and queue the page after it."""

        def change(tx: Transaction) -> None:
            if jobs.load(tx, job.id) is None:
                return
            replay = archive.find_replay(tx, _scope(job), job.payload["replay"])
            if replay is None or replay.state not in ("STARTING", "RUNNING"):
                jobs.complete(tx, job.id)
                return
            happened_at, row = job.payload["after"]
            page = archive.archived(tx, replay, (happened_at, row), REPLAY_PAGE)
            found = archive.find_archive(tx, replay.scope, replay.archive)
            _, bus = bus_of(replay.scope, replay.destination["Arn"])
            rules = replay.destination.get("FilterArns")
            only = frozenset(rules) if rules else None
            for _, _, body, archived_at in page:
                if found is not None and found.keeps(archived_at, tx.now):
                    event = {**json.loads(body), "replay-name": replay.name}
                    self._router.route(tx, replay.scope, bus, event, only=only)
            last = page[-1][0] if page else replay.last_replayed_at
            if len(page) < REPLAY_PAGE:
                jobs.complete(tx, job.id)
                done = replace(replay, state="COMPLETED", ended_at=tx.now, last_replayed_at=last)
                archive.put_replay(tx, done)
            else:
                archive.put_replay(tx, replace(replay, state="RUNNING", last_replayed_at=last))
                jobs.reschedule(tx, job.id, tx.now, {**job.payload, "after": [page[-1][0], page[-1][1]]})

        await self._rows.transact(change)


def _scope(job: Job) -> Scope:
    return Scope(job.payload["account"], job.payload["region"])
