"""The frames between the engine and an execution environment, on two private socket pairs.

Control channel: length-prefixed frames, one question and one answer at a time, on the child's main thread.
Time channel: fixed-size frames, any number of sleepers; its end of file tells the child that the engine is gone.
Decides bytes only. Runs in both processes, so it imports nothing of the emulator.
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("<IB")
"""Length of what follows, kind."""
ANSWER = struct.Struct("<I")
"""Starts every answer: the largest resident size so far, KiB."""
QUESTION = struct.Struct("<I")
"""Starts an INVOKE frame: the length of its JSON header; the payload follows."""
TICK = struct.Struct("<Id")
"""Time channel. Child: (sleeper, due), or (sleeper, CANCELLED). Engine: (sleeper, now)."""

CONFIGURE, INVOKE, EXEC = 1, 2, 3
"""EXEC instead of CONFIGURE: the process becomes another program (`program.py`)."""
READY, INIT_FAILED, RESULT, FAILED = 11, 12, 13, 14
BROKEN = 15
"""FAILED, and the process is about to exit."""
CHUNK = 16
"""A piece of a streamed response; RESULT or FAILED follows."""
EXEC_FAILED = 17
"""The program could not be started; the body is the error number."""
FAULT = 18
"""Never sent: a failure that the platform itself names, as JSON of its type and message."""
LISTENING = 19
"""Before the answer: the process waits for its debugger, who can attach now."""
CALL_ENDS, CALL_BEGINS = 0, 0xFFFFFFFF
"""In the place of a sleeper. Engine: a call of the child to the emulator is served from now on, or is answered. The
child answers an end by (CALL_ENDS, CANCELLED): what it said of sleeps before no longer holds."""
IN_CALL = 0xFFFFFFFF
"""In the place of a sleeper, due at infinity. Child: nobody sleeps, and all who wait outside wait for their calls."""
CANCELLED = -1.0

CHANNELS_VARIABLE, START_VARIABLE = "_EMULATOR_CHANNELS", "_EMULATOR_START"
"""Environment variables of a program that speaks over the channels: their two numbers, and its configuration (JSON).

It removes both, and is told nothing by its command line, which is the business of a wrapper (`wrapper.py`).
"""

RECORD_BEGINS, RECORD_ENDS = b"(", b")"


def log_mark(secret: str) -> bytes:
    """What marks a record in the log pipe, where everything else is one event a line."""
    return b"\0" + secret.encode()


def log_record(mark: bytes, text: bytes) -> bytes:
    """One event of the log pipe, whatever line breaks it has; it ends as `text` does."""
    return mark + RECORD_BEGINS + text.replace(b"\n", mark + b"\n") + mark + RECORD_ENDS + b"\n"


def frame(kind: int, *parts: bytes) -> bytes:
    """One frame of the control channel."""
    body = b"".join(parts)
    return HEADER.pack(len(body), kind) + body
