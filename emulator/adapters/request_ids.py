"""Ids of requests that repeat with a seed: Lambda's request id, trace root and dead letter are made from them.

A sequence of its own: a request that changes nothing must not shift the ids that the store gives.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from emulator.uuids import uuid_of


def seeded_request_ids(seed: int | str) -> Callable[[], str]:
    """A source of UUIDs, the same ones in the same order for the same seed."""
    # Not `seed` itself: the store's ids come from that, and a request must not be named as a thing is.
    dice = random.Random(f"requests of {seed}")
    return lambda: uuid_of(f"{dice.getrandbits(128):032x}")
