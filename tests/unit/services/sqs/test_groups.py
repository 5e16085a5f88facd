"""When a FIFO group may be received from."""

from __future__ import annotations

from emulator.services.sqs.model import free_at


def test_a_group_is_free_once_its_head_is_visible_and_nothing_of_it_is_in_flight() -> None:
    assert free_at(100.0, None) == 100.0
    assert free_at(100.0, 130.0) == 130.0
    assert free_at(160.0, 130.0) == 160.0
