"""How others reach the job of a stack: have it look again, or tell a step of it what it waits for."""

from __future__ import annotations

from emulator import jobs
from emulator.ports import Json, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.declared import DEPLOY


def start(tx: Transaction, stack_id: str) -> None:
    """Have a stack deployed, from now on."""
    if not jobs.hasten(tx, _key(stack_id), DEPLOY):
        jobs.enqueue(tx, DEPLOY, {"stack": stack_id}, key=_key(stack_id), owner=stack_id)


def wake(tx: Transaction, stack_id: str) -> None:
    """Have a stack's job look at once what is to be done, if there is one."""
    jobs.hasten(tx, _key(stack_id), DEPLOY)


def signal(tx: Transaction, stack_id: str, token: str, body: Json) -> None:
    """Something that a step waits for has come."""
    store.add_signal(tx, stack_id, token, body)
    wake(tx, stack_id)


def _key(stack_id: str) -> str:
    return f"cloudformation.deploy:{stack_id}"
