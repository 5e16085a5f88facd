"""Which call a runtime may make when: the Runtime API as a table.

Pure. States have the names that AWS prints in its errors (reference lambda_invoke.md 1.8).
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Of the runtime process."""

    STARTED = "Started"
    READY = "Ready"
    """It asked for an invocation and waits."""
    RUNNING = "Running"
    STREAMING = "InvocationResponse"
    """The body of its response is under way."""
    RESPONSE_SENT = "ResponseSent"
    INIT_ERROR = "InitError"
    RESTORE_READY = "RestoreReady"
    RESTORE_ERROR = "RestoreError"


class Call(Enum):
    """What a runtime can say; the value is the state AWS says it wanted to reach."""

    NEXT = "Ready"
    RESPONSE = "InvocationResponse"
    ERROR = "InvocationErrorResponse"
    INIT_ERROR = "InitError"
    RESTORE_NEXT = "RestoreReady"
    RESTORE_ERROR = "RestoreError"


TABLE: dict[tuple[State, Call], State] = {
    (State.STARTED, Call.NEXT): State.READY,
    (State.STARTED, Call.INIT_ERROR): State.INIT_ERROR,
    (State.STARTED, Call.RESTORE_NEXT): State.RESTORE_READY,
    # A runtime whose connection broke asks again and gets the same invocation.
    (State.READY, Call.NEXT): State.READY,
    (State.RUNNING, Call.NEXT): State.RUNNING,
    (State.RUNNING, Call.RESPONSE): State.RESPONSE_SENT,
    (State.RUNNING, Call.ERROR): State.RESPONSE_SENT,
    (State.RESPONSE_SENT, Call.NEXT): State.READY,
    # Answered at once: the emulator takes no snapshots, so a restore never comes between.
    (State.RESTORE_READY, Call.NEXT): State.READY,
    (State.RESTORE_READY, Call.RESTORE_ERROR): State.RESTORE_ERROR,
}


def after(state: State, call: Call) -> State | None:
    """The state that follows, or None where the call is not allowed."""
    return TABLE.get((state, call))
