"""What a fault plan does to conversations: connections refused or slow, messages that are late, lost or the last."""

from __future__ import annotations

from emulator import faults
from emulator.aws.service import Context
from emulator.faults import Fault
from emulator.services.apigatewayv2.websocket.connections import Connection


async def strike(context: Context, connection: Connection, key: str) -> Fault | None:
    """What is to become of an event of a connection: `$connect`, a message's route, `@connections` of what is posted.

    A slow one has waited when this returns, and goes on as usual; the caller holds the clock busy.
    """
    if not context.faults.active:
        return None
    names = (key, connection.api_id)
    kinds = (faults.ERROR, faults.SLOW) if key == faults.CONNECT else faults.KINDS[faults.WEBSOCKET]
    fault = context.faults.strike(faults.WEBSOCKET, names, connection.scope.account, kinds)
    if fault is None or fault.fault != faults.SLOW:
        return fault
    with context.clock.parked():
        who = f"WebSocket {connection.id} {key} (fault: slow)"
        await context.clock.sleep_until(context.clock.now() + fault.delay, who)
    return None
