"""SES API v2 on the wire: rest-json, nothing special."""

from __future__ import annotations

from emulator.aws.service import Context, Mounted, Service
from emulator.services.ses.operations import SesOperations
from emulator.services.sesv2.operations import SesV2Operations


def mount(context: Context, ses: SesOperations) -> Mounted:
    """The service `sesv2`, on the operations that `ses.wire.mount` gave."""
    operations = SesV2Operations(ses)
    return Mounted(services=[Service("sesv2", context.store, operations.table())], schema="", operations=operations)
