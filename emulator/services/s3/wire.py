"""S3's notifications, put together: around the delegated service, which stays who answers."""

from __future__ import annotations

from emulator.aws.service import Context, Mounted
from emulator.services.s3.notifier import Notifier
from emulator.services.s3.store import SCHEMA


def mount(context: Context) -> Mounted:
    """Build the notifications of S3 for `app.py`."""
    context.supporting.surround("s3", Notifier(context).around)
    return Mounted(services=[], schema=SCHEMA)
