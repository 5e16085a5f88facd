"""Activities: names under which workers outside ask for tasks.

A worker that finds nothing to do waits (60 s of AWS time) in memory: its wait dies with its connection anyway.
"""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.stepfunctions import model, store
from emulator.services.stepfunctions.asl.messages import TaskTaken
from emulator.services.stepfunctions.asl.tasks import write_token
from emulator.services.stepfunctions.model import Activity
from emulator.services.stepfunctions.operations.state import StepFunctionsState, page

LONGEST_POLL_SECONDS = 60.0
MOST_POLLERS = 1000
"""Of one activity at once [D:service-quotas]; the text of the refusal is unverified."""


class ActivityOperations(StepFunctionsState):
    """CreateActivity … GetActivityTask."""

    def create_activity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create, or answer as before."""
        name = request["name"]
        model.check_name(name)
        encryption = model.encryption_of(request.get("encryptionConfiguration"))
        arn = model.activity_arn(scope, name)
        found = store.find_activity(tx, scope, arn)
        if found is None:
            if store.count_activities(tx, scope) >= self.settings.activities:
                raise AwsError("ActivityLimitExceeded", f"Activity Limit Exceeded: '{self.settings.activities}'")
            found = Activity(arn, name, tx.now, encryption, model.tags_of(request))
            store.save_activity(tx, scope, found)
            self._count_activities(tx, scope)
        elif found.encryption != encryption:
            raise AwsError("ActivityAlreadyExists", f"Activity Already Exists: '{arn}'")
        return {"activityArn": arn, "creationDate": found.created_at}

    def describe_activity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One activity."""
        activity = self.activity(tx, scope, request["activityArn"])
        return {
            "activityArn": activity.arn,
            "name": activity.name,
            "creationDate": activity.created_at,
            "encryptionConfiguration": activity.encryption,
        }

    def delete_activity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete; an unknown one is no error [R:test_create_describe_delete_activity].

        Tasks that no worker has taken fail with States.Runtime (reference 5.9).
        """
        model.check_arn(request["activityArn"], "activity")
        if store.find_activity(tx, scope, request["activityArn"]) is not None:
            self.progress.activity_gone(tx, request["activityArn"])
        store.delete_activity(tx, scope, request["activityArn"])
        self._count_activities(tx, scope)
        return {}

    def _count_activities(self, tx: Transaction, scope: Scope) -> None:
        self.progress.telemetry.used(tx, scope, "ActivityCount", store.count_activities(tx, scope))

    def list_activities(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Activities by name."""
        size = model.page_size(request, 1024)
        offset = model.read_token(request, tx.now) or 0
        found = store.list_activities(tx, scope, offset, size + 1)
        items = [{"activityArn": item.arn, "name": item.name, "creationDate": item.created_at} for item in found[:size]]
        return page(tx, request, {"activities": items}, offset + size if len(found) > size else None)

    async def get_activity_task(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The next task of an activity; waits up to a minute of AWS time, then answers with a null token."""
        arn = request["activityArn"]
        await self.store.read(lambda tx: self.activity(tx, scope, arn))
        if self.pollers[arn] >= MOST_POLLERS:
            raise AwsError("ActivityWorkerLimitExceeded", f"Activity Worker Limit Exceeded: '{arn}'")
        self.pollers[arn] += 1
        bell = asyncio.Event()
        self.bells.add(bell)
        try:
            return await self._poll(scope, arn, request, bell)
        finally:
            self.bells.discard(bell)
            self.pollers[arn] -= 1
            if not self.pollers[arn]:
                del self.pollers[arn]

    async def _poll(self, scope: Scope, arn: str, request: dict[str, Any], bell: asyncio.Event) -> dict[str, Any]:
        deadline = self.clock.now() + LONGEST_POLL_SECONDS
        while True:
            bell.clear()  # before the look: the task may come in the very commit in which nothing was found
            task = await self.store.transact(lambda tx: self._take(tx, scope, arn, request.get("workerName")))
            if task is not None:
                return task
            if self.clock.now() >= deadline:
                return {"taskToken": None}
            waits = [
                asyncio.create_task(bell.wait()),
                asyncio.create_task(self.clock.sleep_until(deadline, "stepfunctions.GetActivityTask")),
            ]
            try:
                with self.clock.parked():
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def activity(self, tx: Transaction, scope: Scope, arn: str) -> Activity:
        """The activity with this ARN. Raises ActivityDoesNotExist, InvalidArn."""
        model.check_arn(arn, "activity")
        activity = store.find_activity(tx, scope, arn)
        if activity is None:
            raise AwsError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
        return activity

    def _take(self, tx: Transaction, scope: Scope, arn: str, worker: str | None) -> dict[str, Any] | None:
        self.activity(tx, scope, arn)
        task = store.take_activity_task(tx, arn)
        if task is None:
            return None
        execution = store.load_execution(tx, task.execution_id)
        assert execution is not None and execution.status == "RUNNING", "an execution that ends withdraws its tasks"
        self.progress.signal_execution(tx, task.execution_id, TaskTaken(task.token, worker))
        return {"taskToken": write_token(execution.arn, task.token), "input": task.input}
