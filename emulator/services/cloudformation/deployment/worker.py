"""The job that deploys a stack, phase by phase.

Decides which resource is next, when to wait, and what a failure leads to. Each step is `steps.py`'s; what a resource
needs, `deciding.py`'s. Nothing here lives longer than the job's turn: a restart reads the rows and goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from emulator import jobs
from emulator.aws.errors import AwsError, NotEmulated
from emulator.deploy.template.document import TemplateError
from emulator.deploy.template.dynamic import dynamic_references
from emulator.jobs import Job
from emulator.ports import Store, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.deployment import ending
from emulator.services.cloudformation.deployment.deciding import begun, not_removed, superseded
from emulator.services.cloudformation.deployment.order import used_by, users_first
from emulator.services.cloudformation.deployment.steps import Steps
from emulator.services.cloudformation.deployment.waking import DEPLOY
from emulator.services.cloudformation.deployment.work import Overtaken, Work
from emulator.services.cloudformation.fetching import Fetching
from emulator.services.cloudformation.history import History
from emulator.services.cloudformation.language import Known, Plan, plan_of
from emulator.services.cloudformation.model import Leftover, Resource, Stack
from emulator.services.cloudformation.resources.running import reason_of
from emulator.services.cloudformation.resources.types import ResourceFailed
from emulator.services.cloudformation.resources.values import MOST_TRIES, InternalFailure

log = logging.getLogger("emulator.cloudformation")


class DeploymentWorker:
    """Runs `cloudformation.deploy` jobs."""

    def __init__(self, rows: Store, steps: Steps, history: History, fetching: Fetching, base_url: str) -> None:
        self._rows = rows
        self._steps = steps
        self._history = history
        self._fetching = fetching
        self._base_url = base_url
        self._failures: dict[str, int] = {}
        """By stack: how often in a row a turn ended with an error of ours."""

    async def run(self, job: Job) -> None:
        """Go on with a stack until it has settled, or waits."""
        stack_id: str = job.payload["stack"]
        while True:
            work = await self._rows.read(lambda tx: Work.load(tx, stack_id, self._base_url))
            if work is None:
                await self._rows.transact(lambda tx: jobs.complete(tx, job.id))
                return
            try:
                over = await self._phase(work, job)
            except Overtaken:
                continue
            except Exception as ours:  # a resource's own errors are its failure: this is one between the resources
                self._failures[stack_id] = self._failures.get(stack_id, 0) + 1
                if self._failures[stack_id] < MOST_TRIES:
                    raise  # and be tried again, in host time: it may be the store's
                log.exception("stack %s, %s", work.stack.name, work.stack.status)
                over = await self._give_up(stack_id, job, InternalFailure(ours))
            self._failures.pop(stack_id, None)
            if over:
                return

    async def _give_up(self, stack_id: str, job: Job, failure: InternalFailure) -> bool:
        """End a phase that cannot be ended in any other way, rather than try for ever."""
        work = await self._rows.read(lambda tx: Work.load(tx, stack_id, self._base_url))
        if work is None:
            return False
        if work.stack.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            return await self._failed(work, job, str(failure))
        return await self._rows.transact(lambda tx: ending.broken(tx, work, job, self._history, str(failure)))

    async def _phase(self, work: Work, job: Job) -> bool:
        """One phase; True if nothing is to be done now."""
        status = work.stack.status
        if status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            return await self._forward(work, job)
        if status == "UPDATE_ROLLBACK_IN_PROGRESS":
            return await self._restore(work, job)
        if status.endswith("_CLEANUP_IN_PROGRESS"):
            return await self._cleanup(work, job)
        return await self._remove(work, job)

    # ── forward ─────────────────────────────────────────────────────────────────────────────────

    async def _forward(self, work: Work, job: Job) -> bool:
        if work.deployment.cancelled:
            return await self._rows.transact(lambda tx: ending.cancelled(tx, work, job, self._history))
        try:
            plan = await self._rows.read(lambda tx: self._plan(tx, work.stack))
        except TemplateError as problem:
            return await self._failed(work, job, problem.message)
        for resource in [item for item in work.resources.values() if item.logical_id not in plan.order]:
            denied = work.denial("delete", resource) if resource.physical_id else None
            if denied is not None:
                await self._refuse(work, not_removed(work, resource, denied))
                return await self._failed(work, job)
        pending = [name for name in plan.order if name not in work.done]
        while pending:
            left: list[str] = []
            progress = False
            for name in pending:
                if any(needed not in work.done for needed in plan.requires(name)):
                    left.append(name)
                    continue
                resource = await self._bring(work, plan, name)
                if resource.status.endswith("_FAILED"):
                    return await self._failed(work, job)
                if resource.status.endswith("_IN_PROGRESS"):
                    left.append(name)
                else:
                    work.done.add(name)
                    progress = True
            pending = left
            if pending and not progress and await self._park(work, job, list(work.resources.values())):
                return True
        return await self._made(work, job, plan)

    def _plan(self, tx: Transaction, stack: Stack) -> Plan:
        return plan_of(stack, stack.definition, store.imported(tx, stack.id).get)

    async def _bring(self, work: Work, plan: Plan, name: str) -> Resource:
        """Take one resource forward by a commit, if it needs one."""
        resource = work.resources.get(name)
        ours = resource is not None and resource.deployment == work.deployment.token
        if ours and resource is not None and resource.status.endswith("_COMPLETE"):
            return resource
        if ours and resource is not None and resource.status.endswith("_IN_PROGRESS"):
            if _rests(resource, self._now):
                return resource
            return await self._advance(work, resource, fresh=False)
        known = Known(work.resources)
        try:
            step, needed = begun(work, plan, name, plan.properties(name, known), plan.metadata(name, known))
        except TemplateError as problem:
            step, needed = begun(work, plan, name, {}, None)
            failing = step.status.rpartition("_IN_PROGRESS")[0] or "UPDATE"
            step = replace(
                step,
                status=f"{failing}_FAILED",
                verb=step.verb if needed else "update",
                reason=problem.message,
                deployment=work.deployment.token,
            )
            needed = True
        if not needed:
            if step != resource:
                await self._rows.transact(lambda tx: self._save_silently(tx, work, step))
                work.resources[name] = step
            return step
        if step.status.endswith("_FAILED"):
            return await self._refuse(work, step)
        left = superseded(resource, step)
        if left is not None:
            work.leftovers.append(await self._rows.transact(lambda tx: store.add_leftover(tx, work.stack.id, left)))
        return await self._advance(work, step, fresh=True)

    @property
    def _now(self) -> float:
        return self._fetching.clock.now()

    def _save_silently(self, tx: Transaction, work: Work, resource: Resource) -> None:
        work.check(tx)
        store.put_resource(tx, work.stack.id, resource)

    async def _advance(self, work: Work, resource: Resource, fresh: bool) -> Resource:
        """One commit of a resource that is in progress."""
        found: Mapping[str, str] = {}
        wanted = dict(resource.wanted if resource.wanted is not None else resource.properties)
        try:
            references = list(dynamic_references(wanted, resource.type))
            if references:
                found = await self._fetching.dynamic(work.stack.scope, references)
        except (TemplateError, AwsError, NotEmulated, ResourceFailed) as problem:
            if resource.verb != "delete":
                reason = problem.message if isinstance(problem, TemplateError) else reason_of(problem, "ssm")
                return await self._refuse(work, replace(resource, reason=reason))
        stack_id = work.stack.id
        result = await self._steps.advance(
            work, resource, fresh, lambda tx, item: store.put_resource(tx, stack_id, item), found
        )
        work.resources[resource.logical_id] = result
        return result

    async def _refuse(self, work: Work, step: Resource) -> Resource:
        """A step that must not be taken: begun and failed at once."""
        stack_id = work.stack.id

        def change(tx: Transaction) -> Resource:
            work.check(tx)
            kind = "CREATE" if step.verb == "create" else "UPDATE"
            self._history.resource(tx, work.stack, step, f"{kind}_IN_PROGRESS", "", step.wanted)
            return self._steps.fail(
                tx, work, step, step.reason, lambda tx, item: store.put_resource(tx, stack_id, item)
            )

        result = await self._rows.transact(change)
        work.resources[step.logical_id] = result
        return result

    async def _made(self, work: Work, job: Job, plan: Plan) -> bool:
        """All is as it was to be: outputs and exports, then the cleanup."""
        try:
            outputs = plan.outputs(Known(work.resources))
        except TemplateError as problem:
            return await self._failed(work, job, problem.message)
        return await self._rows.transact(lambda tx: ending.made(tx, work, job, self._history, outputs, plan.order))

    async def _failed(self, work: Work, job: Job, why: str = "") -> bool:
        """Something could not be made: back, or stop, as the stack's owner wanted."""
        return await self._rows.transact(lambda tx: ending.failed(tx, work, job, self._history, why))

    # ── back ────────────────────────────────────────────────────────────────────────────────────

    async def _restore(self, work: Work, job: Job) -> bool:
        """Every resource that was changed becomes what it was; what is new goes in the cleanup."""
        changed = [item for item in users_first(work.resources.values()) if item.before]
        pending = [item.logical_id for item in reversed(changed)]
        while pending:
            left: list[str] = []
            progress = False
            for name in pending:
                resource = work.resources[name]
                if resource.verb == "restore" and resource.status == "UPDATE_COMPLETE":
                    progress = True
                    continue
                if resource.status == "UPDATE_FAILED" and resource.verb == "restore":
                    progress = True
                    continue
                result = await self._give_back(work, resource)
                if result.status.endswith("_IN_PROGRESS"):
                    left.append(name)
                else:
                    progress = True
            pending = left
            if pending and not progress and await self._park(work, job, list(work.resources.values())):
                return True
        return await self._rows.transact(lambda tx: ending.restored(tx, work, job, self._history))

    async def _give_back(self, work: Work, resource: Resource) -> Resource:
        name = resource.logical_id
        if resource.verb == "restore":
            if _rests(resource, self._now):
                return resource
            return await self._advance(work, resource, fresh=False)
        assert resource.before is not None
        before = store.resource_from_json(resource.before)
        step = replace(
            before,
            before=resource.before,
            status="UPDATE_IN_PROGRESS",
            verb="restore",
            reason="",
            deployment=work.deployment.token,
            token=work.token(name, "restore"),
            stage=0,
            waits_for="",
            waits_until=None,
        )
        skipped = name in work.deployment.retain
        replaced = resource.physical_id != before.physical_id
        same = (resource.wanted or resource.properties) == before.properties or (
            resource.wanted is not None and resource.properties == before.properties and not self._may_be_half(resource)
        )
        if skipped or replaced or same:

            def change(tx: Transaction) -> Resource:
                work.check(tx)
                if replaced and resource.physical_id:
                    work.leftovers.append(store.add_leftover(tx, work.stack.id, replace(resource, before=None)))
                self._history.resource(tx, work.stack, step, "UPDATE_IN_PROGRESS")
                return self._steps.complete(
                    tx, work, step, None, lambda tx, item: store.put_resource(tx, work.stack.id, item)
                )

            result = await self._rows.transact(change)
            work.resources[name] = result
            return result
        applied = resource.wanted if resource.wanted is not None else resource.properties
        step = replace(
            step,
            wanted=before.properties,
            properties=applied,
            attributes=resource.attributes,
            ref=resource.ref,
        )
        return await self._advance(work, step, fresh=True)

    def _may_be_half(self, resource: Resource) -> bool:
        """Whether a failed update may have been applied in part: one that no commit held together, or that code of a
        user's was asked for (CDK's custom-resources: "CloudFormation will issue an additional `Update` event with the
        previous properties"). What was refused before anything was asked is as it was.
        """
        return not self._steps.is_native(resource) or resource.stage > 0

    # ── away ────────────────────────────────────────────────────────────────────────────────────

    async def _cleanup(self, work: Work, job: Job) -> bool:
        """Delete what nothing refers to any more; what cannot be deleted stays where it is, as on AWS."""
        if await self._drop_leftovers(work, job):
            return True
        return await self._rows.transact(lambda tx: ending.cleaned(tx, work, job, self._history))

    async def _drop_leftovers(self, work: Work, job: Job) -> bool:
        """True if it waits."""
        while work.leftovers:
            left: list[Leftover] = []
            progress = False
            held = {name for item in work.leftovers for name in item.resource.requires}
            ordered = users_first(item.resource for item in work.leftovers)
            rank = {id(item): index for index, item in enumerate(ordered)}
            for leftover in sorted(work.leftovers, key=lambda item: rank[id(item.resource)]):
                resource = leftover.resource
                waits = any(resource.logical_id in item.resource.requires for item in left)
                if waits and resource.logical_id in held:
                    left.append(leftover)
                    continue
                result = await self._drop(work, leftover)
                if result is None:
                    progress = True
                else:
                    left.append(Leftover(leftover.id, result))
            work.leftovers[:] = left
            if left and not progress and await self._park(work, job, [item.resource for item in left]):
                return True
        return False

    async def _drop(self, work: Work, leftover: Leftover) -> Resource | None:
        """One commit of a leftover's deletion; None once it is over."""
        resource = leftover.resource

        def save(tx: Transaction, item: Resource) -> None:
            if item.status.endswith("_IN_PROGRESS"):
                store.save_leftover(tx, Leftover(leftover.id, item))
            else:
                store.delete_leftover(tx, leftover.id)

        if resource.verb == "delete" and resource.status == "DELETE_IN_PROGRESS":
            if _rests(resource, self._now):
                return resource
            result = await self._steps.advance(work, resource, False, save)
            return result if result.status.endswith("_IN_PROGRESS") else None
        if resource.replace_policy in ("Retain", "RetainExceptOnCreate"):

            def skip(tx: Transaction) -> None:
                work.check(tx)
                self._history.resource(tx, work.stack, resource, "DELETE_SKIPPED")
                store.delete_leftover(tx, leftover.id)

            await self._rows.transact(skip)
            return None
        step = _deletion(work, resource)
        result = await self._steps.advance(work, step, True, save)
        return result if result.status.endswith("_IN_PROGRESS") else None

    async def _remove(self, work: Work, job: Job) -> bool:
        """Delete every resource, users first."""
        if await self._drop_leftovers(work, job):
            return True
        users = used_by({name: item for name, item in work.resources.items() if not _is_gone(item)})
        pending = [item.logical_id for item in users_first(work.resources.values()) if not _is_gone(item)]
        failed: set[str] = set()
        while pending:
            left: list[str] = []
            progress = False
            for name in pending:
                ahead = {user for user in users.get(name, ()) if not self._is_over(work, work.resources[user])}
                if ahead & failed:
                    failed.add(name)
                    progress = True
                    continue
                if ahead:
                    left.append(name)
                    continue
                result = await self._delete(work, work.resources[name])
                if result.status == "DELETE_FAILED":
                    if not work.deployment.force:
                        failed.add(name)
                    progress = True
                elif result.status.endswith("_IN_PROGRESS"):
                    left.append(name)
                else:
                    progress = True
            pending = left
            if pending and not progress and await self._park(work, job, list(work.resources.values())):
                return True
        return await self._rows.transact(lambda tx: ending.removed(tx, work, job, self._history))

    @staticmethod
    def _is_over(work: Work, resource: Resource) -> bool:
        """Whether those that it uses may go: a forced deletion leaves behind what it cannot delete."""
        return _is_gone(resource) or (
            work.deployment.force
            and resource.status == "DELETE_FAILED"
            and resource.deployment == work.deployment.token
        )

    async def _delete(self, work: Work, resource: Resource) -> Resource:
        name = resource.logical_id
        if resource.verb == "delete" and resource.deployment == work.deployment.token:
            if resource.status == "DELETE_FAILED" or _rests(resource, self._now):
                return resource
            return await self._advance(work, resource, fresh=False)
        if not resource.physical_id or _is_kept(work, resource):
            status = "DELETE_COMPLETE" if not resource.physical_id else "DELETE_SKIPPED"
            over = replace(resource, status=status, reason="", verb="delete", deployment=work.deployment.token)

            def skip(tx: Transaction) -> Resource:
                work.check(tx)
                done = replace(over, changed_at=tx.now)
                store.put_resource(tx, work.stack.id, done)
                self._history.resource(tx, work.stack, done, status)
                return done

            work.resources[name] = await self._rows.transact(skip)
            return work.resources[name]
        return await self._advance(work, _deletion(work, resource), fresh=True)

    # ── waiting ─────────────────────────────────────────────────────────────────────────────────

    async def _park(self, work: Work, job: Job, resources: list[Resource]) -> bool:
        """Let the job rest until something falls due; False if a signal has come in between."""
        waiting = [item for item in resources if item.waits_until is not None and item.status.endswith("_IN_PROGRESS")]
        assert waiting, f"stack {work.stack.name} waits for nothing"
        due = min(item.waits_until for item in waiting if item.waits_until is not None)
        if work.deployment.ends_at is not None and work.stack.status == "CREATE_IN_PROGRESS":
            due = min(due, work.deployment.ends_at)

        def change(tx: Transaction) -> tuple[bool, int]:
            work.check(tx)
            seen = store.last_signal(tx, work.stack.id)
            if seen != work.seen_signal:
                return False, seen
            if due <= tx.now:
                return False, seen
            jobs.reschedule(tx, job.id, due, kind=DEPLOY)
            return True, seen

        if work.stack.status == "CREATE_IN_PROGRESS" and self._now >= (work.deployment.ends_at or float("inf")):
            if await self._failed(work, job, ending.OUT_OF_TIME):
                return True
            raise Overtaken(work.stack.id)  # into the phase that follows
        parked, work.seen_signal = await self._rows.transact(change)
        return parked


def _deletion(work: Work, resource: Resource) -> Resource:
    return replace(
        resource,
        status="DELETE_IN_PROGRESS",
        reason="",
        verb="delete",
        deployment=work.deployment.token,
        token=work.token(resource.logical_id, "delete", resource.physical_id),
        wanted=None,
        stage=0,
        waits_for="",
        waits_until=None,
    )


def _rests(resource: Resource, now: float) -> bool:
    """Whether it waits for a time that has not come."""
    return resource.waits_for not in ("", "signal") and resource.waits_until is not None and now < resource.waits_until


def _is_gone(resource: Resource) -> bool:
    return resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED")


def _is_kept(work: Work, resource: Resource) -> bool:
    """Whether its DeletionPolicy, or who deletes the stack, wants it to stay."""
    if work.stack.status == "ROLLBACK_IN_PROGRESS":
        return resource.deletion_policy == "Retain" and not work.deployment.keep_new
    if resource.logical_id in work.deployment.retain:
        return True
    return resource.deletion_policy in ("Retain", "RetainExceptOnCreate")
