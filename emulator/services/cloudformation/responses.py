"""Where answers of custom resources and signals of wait conditions go: URLs that look presigned, as AWS's are.

On AWS they are objects of buckets of CloudFormation's; here a data plane takes the PUT and gives its body to the step
that waits. Signatures are not verified: who knows the token of a step may answer it.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, unquote

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.ports import Store, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.deployment.waking import signal
from emulator.services.cloudformation.resources.types import Subject

CUSTOM_RESOURCE = "cloudformation-custom-resource-response"
WAIT_CONDITION = "cloudformation-waitcondition"
LARGEST_RESPONSE = 4096
"""Bytes of a custom resource's answer ([P] "The total size of the response body can't exceed 4096 bytes")."""
_PATH = re.compile(rf"/(?P<kind>{CUSTOM_RESOURCE}|{WAIT_CONDITION})-[a-z0-9-]+/(?P<what>[^/]+)\Z")


def response_url(it: Subject, kind: str) -> str:
    """Where to answer a step: `…/{stack's ARN}|{logical id}|{token}?AWSAccessKeyId=…`."""
    region = it.scope.region.replace("-", "") if kind == CUSTOM_RESOURCE else it.scope.region
    what = quote(f"{it.stack_id}|{it.logical_id}|{it.token}", safe="")
    signed = "AWSAccessKeyId=AKIAEMULATOREXAMPLE&Expires=4102444800&Signature=ZW11bGF0b3I%3D"
    return f"{it.base_url}/{kind}-{region}/{what}?{signed}"


def token_of_url(url: str) -> str | None:
    """The token in such a URL."""
    _, found, token = unquote(url.partition("?")[0]).rpartition("|")
    return token if found else None


class ResponsePlane:
    """Takes answers and signals."""

    guarded = False

    def __init__(self, rows: Store) -> None:
        self._rows = rows

    def match(self, host: str, path: str) -> re.Match[str] | None:
        """Kind and place of an answer."""
        return _PATH.match(path) if path.startswith("/cloudformation-") else None

    async def handle(self, request: HttpRequest, match: Any) -> HttpResponse:
        """Keep an answer for the step that waits for it."""
        if request.method != "PUT":
            return _refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        parts = unquote(match["what"]).split("|")
        if len(parts) != 3:
            return _refused(403, "AccessDenied", "Access Denied")
        stack_id, token = parts[0].rpartition("/")[2], parts[2]
        body = _read(request.body, match["kind"])

        def change(tx: Transaction) -> bool:
            stack = store.find_stack(tx, stack_id)
            if stack is None or stack.arn != parts[0]:
                return False
            signal(tx, stack_id, token, body)
            return True

        if not await self._rows.transact(change):
            return _refused(403, "AccessDenied", "Access Denied")
        return HttpResponse(200, [("ETag", '"d41d8cd98f00b204e9800998ecf8427e"')], b"")


def _read(body: bytes, kind: str) -> Any:
    if kind == CUSTOM_RESOURCE and len(body) > LARGEST_RESPONSE:
        return {"_problem": "Response object is too long."}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {"_problem": "Response is not valid JSON."}  # unverified


def _refused(status: int, code: str, text: str) -> HttpResponse:
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{text}</Message></Error>'
    return HttpResponse(status, [("Content-Type", "application/xml")], document.encode())
