"""Access keys, put together: around the delegated service, which stays who answers."""

from __future__ import annotations

from emulator.aws.service import Context, Mounted
from emulator.services.iam.keys import AccessKeys
from emulator.services.iam.store import SCHEMA


def mount(context: Context) -> Mounted:
    """Know the keys of IAM from now on, and give them to the services that are mounted after it."""
    keys = AccessKeys(context)
    context.supporting.surround("iam", keys.around)
    context.signatures = keys
    return Mounted(services=[], schema=SCHEMA, operations=keys)
