"""`/_emulator/undelivered`: mail that came back or waits for its next try, notifications of SNS that are tried again.

What failed, why, and when it is tried next, as JSON and as a page. Reads what the services keep; changes nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from emulator import jobs
from emulator.ports import Transaction
from emulator.services.ses import inbox, inbox_pages
from emulator.services.ses.events import iso

if TYPE_CHECKING:
    from emulator.app import Emulator

MOST_JOBS = 1000


def add_routes(app: FastAPI, emulator: Emulator) -> None:
    """Add the list to the control API."""

    async def list_undelivered(request: Request) -> Any:
        """What could not be delivered, or not yet: mail and notifications, why, and when they are tried next."""
        found = await emulator.store.read(undelivered)
        if "text/html" not in request.headers.get("accept", ""):
            return {"undelivered": found}
        policy = {"Content-Security-Policy": inbox_pages.PAGE_POLICY}
        return HTMLResponse(inbox_pages.render_undelivered_page(found), headers=policy)

    app.add_api_route("/_emulator/undelivered", list_undelivered, methods=["GET"])


def undelivered(tx: Transaction) -> list[dict[str, Any]]:
    """Mail in the order of sending, then notifications in the order of their next try."""
    tries = {job.payload["id"]: job for job in jobs.pending(tx, "ses.deliver", MOST_JOBS)}
    found: list[dict[str, Any]] = []
    for message in inbox.list_undelivered(tx):
        job = tries.get(message["id"])
        found.append(
            {
                "what": "mail",
                "id": message["id"],
                "to": inbox.all_recipients(message),
                "subject": message["subject"],
                "state": message["delivery"]["state"],
                "why": message["delivery"]["detail"],
                "attempts": job.payload["attempts"] if job is not None else None,
                "next_try_at": iso(job.due_at) if job is not None else None,
                "path": inbox.path_of(message["id"]),
            }
        )
    for job in jobs.pending(tx, "sns.deliver", MOST_JOBS):
        if job.payload["failures"]:
            message = json.loads(job.body)
            found.append(
                {
                    "what": "notification",
                    "id": message["id"],
                    "to": [job.payload.get("to") or job.payload["subscription"]],
                    "subject": message["subject"] or message["topic_arn"],
                    "state": "pending",
                    "why": job.payload.get("why", ""),
                    "attempts": job.payload["failures"],
                    "next_try_at": iso(job.due_at),
                    "path": None,
                }
            )
    return found
