"""Driving `apps/sam`, which several tools deploy as the stack `second`."""

from __future__ import annotations

from pathlib import Path

import httpx

from emulator.testing import RunningEmulator
from tests.clients.support import SECOND_EDITION, edit, outputs


def driven(emulator: RunningEmulator, edition: str) -> None:
    """A report by its HTTP API: accepted at once, then through the queue and the table to the topic's subscriber."""
    found = outputs(emulator, "second")
    if not edition:
        confirm(emulator)
    before = len(emulator.inbox())
    answer = httpx.post(f"{emulator.url}/_aws/execute-api/{found['ApiId']}/reports", json={"id": "q3"})
    assert answer.status_code == 202
    emulator.settle()
    [message] = emulator.inbox()[before:]
    assert (message["to"], message["subject"]) == (["ada@example.com"], f"q3{edition}")


def confirm(emulator: RunningEmulator) -> None:
    """Follow the link that the topic's subscriber was sent."""
    emulator.settle()
    [message] = emulator.inbox()
    assert message["subject"] == "AWS Notification - Subscription Confirmation"
    [link] = [word for word in message["text"].split() if "ConfirmSubscription" in word]
    httpx.get(link).raise_for_status()


def changed(folder: Path) -> None:
    """The application, edited."""
    edit(folder / "functions/app.py", 'publish(job["id"])', f'publish(job["id"] + "{SECOND_EDITION}")')
