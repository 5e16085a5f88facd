"""SES API v2 on the wire: rest-json, nothing special. `ses.wire.mount` puts it beside the older API."""

from __future__ import annotations

from emulator.aws.service import Context, Service
from emulator.services.ses.operations import SesOperations
from emulator.services.sesv2.operations import SesV2Operations


def service(context: Context, ses: SesOperations) -> Service:
    """The service `sesv2`, on the shared operations of `ses`."""
    return Service("sesv2", context.store, SesV2Operations(ses).table())
