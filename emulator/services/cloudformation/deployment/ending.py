"""What follows a phase: the stack's next state, in one commit with what belongs to it.

Every function takes the transaction in which the phase ends and says whether the job is over (True) or goes on with the
next phase (False). None of them calls another service.
"""

from __future__ import annotations

from dataclasses import replace

from emulator import jobs
from emulator.deploy.template.environment import Unknown
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.deployment import waking
from emulator.services.cloudformation.deployment.work import Work
from emulator.services.cloudformation.history import History
from emulator.services.cloudformation.language import ActiveOutput
from emulator.services.cloudformation.model import HISTORY_SECONDS, Resource, Stack

OUT_OF_TIME = "Stack creation time exceeded the specified timeout"


def begin(tx: Transaction, stack: Stack, history: History) -> None:
    """Store a stack that is to be deployed, and have it done."""
    store.put_stack(tx, stack)
    store.forget_events(tx, stack.id, tx.now - HISTORY_SECONDS)
    history.stack(tx, stack)
    waking.start(tx, stack.id)


# ── forward ─────────────────────────────────────────────────────────────────────────────────────


def made(
    tx: Transaction,
    work: Work,
    job: Job,
    history: History,
    outputs: list[ActiveOutput],
    order: tuple[str, ...],
) -> bool:
    """Everything is as the template says."""
    work.check(tx)
    stack = work.stack
    unknown = next((output for output in outputs if isinstance(output.value, Unknown)), None)
    assert unknown is None, "outputs are evaluated once every resource is there"
    exports = {output.export: str(output.value) for output in outputs if output.export is not None}
    refused = _refused_exports(tx, stack, exports)
    if refused is not None:
        return failed(tx, work, job, history, refused)
    store.put_exports(tx, stack.scope, stack.id, exports)
    store.put_imports(tx, stack.scope, stack.id, list(stack.definition.imports))
    shown = tuple(
        {
            "OutputKey": output.name,
            "OutputValue": str(output.value),
            **({"Description": output.description} if output.description else {}),
            **({"ExportName": output.export} if output.export is not None else {}),
        }
        for output in outputs
    )
    definition = replace(stack.definition, outputs=shown)
    if stack.status == "CREATE_IN_PROGRESS":
        _settle(tx, replace(stack, definition=definition, previous=None).with_status("CREATE_COMPLETE"), job, history)
        return True
    for item in list(work.resources.values()):
        _leave_behind(tx, work, item, item.logical_id in order)
    cleaning = replace(stack, definition=definition, previous=None).with_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    return _clean(tx, work, cleaning, job, history)


def _leave_behind(tx: Transaction, work: Work, resource: Resource, there: bool) -> None:
    """What an update leaves: the resource that was replaced, or one that the template no longer has."""
    if resource.before:
        before = store.resource_from_json(resource.before)
        if before.physical_id and before.physical_id != resource.physical_id:
            old = replace(before, replace_policy=resource.replace_policy, verb="", status="UPDATE_COMPLETE")
            work.leftovers.append(store.add_leftover(tx, work.stack.id, old))
    if there:
        if resource.before is not None:
            store.put_resource(tx, work.stack.id, replace(resource, before=None))
        return
    store.delete_resource(tx, work.stack.id, resource.logical_id)
    if resource.physical_id:
        gone = replace(resource, replace_policy=resource.deletion_policy, before=None, verb="")
        work.leftovers.append(store.add_leftover(tx, work.stack.id, gone))


def _refused_exports(tx: Transaction, stack: Stack, exports: dict[str, str]) -> str | None:
    """Why the exports cannot be these, in AWS's words."""
    for name, value in exports.items():
        found = store.find_export(tx, stack.scope, name)
        if found is not None and found[1] != stack.id:
            other = store.find_stack(tx, found[1])
            return f"Export with name {name} is already exported by stack {other.name if other else found[1]}"
        if found is not None and found[0] != value:
            users = store.importers(tx, stack.scope, name)
            if users:
                return f"Export {name} cannot be updated as it is in use by {' and '.join(users)}"
    for name in store.exports_of(tx, stack.id):
        users = store.importers(tx, stack.scope, name) if name not in exports else []
        if users:
            return f"Export {name} cannot be deleted as it is in use by {' and '.join(users)}"
    return None


def failed(tx: Transaction, work: Work, job: Job, history: History, why: str = "") -> bool:
    """Something could not be made. What is under way is cancelled, and the stack goes back or stops."""
    work.check(tx)
    stack, deployment = work.stack, work.deployment
    lost = [item for item in work.resources.values() if item.status.endswith("_FAILED") and _ours(work, item)]
    out_of_time = why == OUT_OF_TIME
    for item in work.resources.values():
        if item.status.endswith("_IN_PROGRESS") and _ours(work, item):
            kind = "creation" if item.verb == "create" else "update"
            status = f"{'CREATE' if item.verb == 'create' else 'UPDATE'}_FAILED"
            reason = f"Resource {kind} cancelled"
            cancelled_item = replace(item, status=status, reason=reason, waits_for="", waits_until=None)
            store.put_resource(tx, stack.id, replace(cancelled_item, changed_at=tx.now))
            history.resource(tx, stack, cancelled_item, status, reason, item.wanted)
            if out_of_time:
                lost.append(item)
    reason = _reason(lost, why)
    if stack.status == "CREATE_IN_PROGRESS":
        if stack.disable_rollback or deployment.on_failure == "DO_NOTHING":
            _settle(tx, stack.with_status("CREATE_FAILED", reason), job, history)
            return True
        if deployment.on_failure == "DELETE":
            following = stack.with_status("DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
        else:
            following = stack.with_status("ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
    elif stack.disable_rollback or deployment.on_failure == "DO_NOTHING":
        _settle(tx, stack.with_status("UPDATE_FAILED", reason), job, history)
        return True
    else:
        following = stack.with_status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
    ids = tuple(item.logical_id for item in lost)
    following = replace(following, deployment=replace(deployment, failed=ids, why=reason))
    store.put_stack(tx, following)
    history.stack(tx, following)
    return False


def _reason(lost: list[Resource], why: str) -> str:
    parts = [f"{why}. "] if why and not why.endswith(". ") else [why] if why else []
    for verb, ids in (
        ("create", [item.logical_id for item in lost if item.verb == "create"]),
        ("update", [item.logical_id for item in lost if item.verb != "create"]),
    ):
        if ids:
            parts.append(f"The following resource(s) failed to {verb}: [{', '.join(ids)}]. ")
    return "".join(parts)


def cancelled(tx: Transaction, work: Work, job: Job, history: History) -> bool:
    """CancelUpdateStack: back, whatever else was wanted."""
    stack = replace(work.stack, disable_rollback=False)
    work.stack = replace(stack, deployment=replace(stack.deployment, on_failure="ROLLBACK"))
    return failed(tx, work, job, history)


def _ours(work: Work, resource: Resource) -> bool:
    return resource.deployment == work.deployment.token


# ── back and away ───────────────────────────────────────────────────────────────────────────────


def restored(tx: Transaction, work: Work, job: Job, history: History) -> bool:
    """Every resource is what it was, but for those that could not be made so."""
    work.check(tx)
    stack = work.stack
    stuck = [
        item.logical_id
        for item in work.resources.values()
        if item.verb == "restore" and item.status == "UPDATE_FAILED" and item.before
    ]
    if stuck:
        reason = f"The following resource(s) failed to update: [{', '.join(stuck)}]. "
        _settle(tx, stack.with_status("UPDATE_ROLLBACK_FAILED", reason), job, history)
        return True
    for item in list(work.resources.values()):
        if item.before is None:
            continue
        if item.before:
            store.put_resource(tx, stack.id, replace(item, before=None))
            continue
        store.delete_resource(tx, stack.id, item.logical_id)
        if item.physical_id:
            policy = "Retain" if item.deletion_policy == "Retain" and not work.deployment.keep_new else "Delete"
            new = replace(item, before=None, replace_policy=policy, verb="")
            work.leftovers.append(store.add_leftover(tx, stack.id, new))
    assert stack.previous is not None, "an update remembers what was before"
    store.put_imports(tx, stack.scope, stack.id, list(stack.previous.imports))
    cleaning = replace(stack, definition=stack.previous, previous=None, disable_rollback=False)
    return _clean(tx, work, cleaning.with_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"), job, history)


def _clean(tx: Transaction, work: Work, cleaning: Stack, job: Job, history: History) -> bool:
    """The cleanup begins; where there is nothing to clean up it ends in the same commit."""
    history.stack(tx, cleaning)
    if work.leftovers:
        store.put_stack(tx, cleaning)
        return False
    _settle(tx, _after_cleanup(cleaning), job, history)
    return True


def _after_cleanup(stack: Stack) -> Stack:
    return stack.with_status(stack.status.removesuffix("_CLEANUP_IN_PROGRESS"))


def cleaned(tx: Transaction, work: Work, job: Job, history: History) -> bool:
    """The cleanup is over."""
    work.check(tx)
    _settle(tx, _after_cleanup(work.stack), job, history)
    return True


def removed(tx: Transaction, work: Work, job: Job, history: History) -> bool:
    """All that could be deleted is."""
    work.check(tx)
    stack = work.stack
    kind = stack.status.removesuffix("_IN_PROGRESS")
    lost = [item.logical_id for item in work.resources.values() if item.status == "DELETE_FAILED"]
    if lost and not work.deployment.force:
        reason = f"The following resource(s) failed to delete: [{', '.join(lost)}]. "
        _settle(tx, stack.with_status(f"{kind}_FAILED", reason), job, history)
        return True
    over = stack.with_status(f"{kind}_COMPLETE")
    store.put_imports(tx, stack.scope, stack.id, [])
    if kind == "DELETE":
        over = replace(over, deleted_at=tx.now, updated_at=stack.updated_at)
        store.put_exports(tx, stack.scope, stack.id, {})
        store.forget_change_sets(tx, stack.id)
    _settle(tx, over, job, history)
    return True


def broken(tx: Transaction, work: Work, job: Job, history: History, reason: str) -> bool:
    """The way back, or away, cannot be gone on: a mistake of ours. What was under way has failed, and may be tried
    again by whoever asks for it; a cleanup ends as it does on AWS, and leaves behind what it has not deleted.
    """
    work.check(tx)
    stack = work.stack
    if stack.status.endswith("_CLEANUP_IN_PROGRESS"):
        _settle(tx, replace(_after_cleanup(stack), reason=reason), job, history)
        return True
    for item in work.resources.values():
        if item.status.endswith("_IN_PROGRESS"):
            status = item.status.removesuffix("_IN_PROGRESS") + "_FAILED"
            lost = replace(item, status=status, reason=reason, waits_for="", waits_until=None, changed_at=tx.now)
            store.put_resource(tx, stack.id, lost)
            history.resource(tx, stack, lost, status, reason)
    _settle(tx, stack.with_status(stack.status.removesuffix("_IN_PROGRESS") + "_FAILED", reason), job, history)
    return True


def _settle(tx: Transaction, stack: Stack, job: Job, history: History) -> None:
    """The stack has settled: its job is over, and a parent that waits hears of it."""
    store.put_stack(tx, stack)
    history.stack(tx, stack)
    jobs.complete(tx, job.id)
    store.forget_signals(tx, stack.id)
    if stack.deployment.tells:
        parent_id, token = stack.deployment.tells
        outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.definition.outputs}
        waking.signal(
            tx,
            parent_id,
            token,
            {"status": stack.status, "reason": stack.reason or stack.deployment.why, "outputs": outputs},
        )
