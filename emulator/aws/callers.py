"""Who has signed a request to a data plane, as functions are told in payload format 2.0.

Whoever signs is the user whose access key was made here (`Signatures` knows those, and verifies what they sign), or
else the root of the account that the access key names, or of the default account.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from emulator.aws.http import HttpRequest
from emulator.aws.http_payload import access_key
from emulator.aws.scope import DEFAULT_ACCOUNT


class BadSignature(NamedTuple):
    """Why a signed request is refused: AWS's error and its text."""

    code: str
    text: str


class Signatures(Protocol):
    """Judges signatures."""

    async def problem(self, request: HttpRequest, service: str) -> BadSignature | None:
        """What is wrong with the signature of a request to `service`; None if nothing is, or nobody can tell."""
        ...

    async def caller(self, request: HttpRequest) -> dict[str, Any] | None:
        """Who has signed, as `signed_caller`; a user if the key is known to be a user's."""
        ...


class AnySignature:
    """Where no secret is known."""

    async def problem(self, request: HttpRequest, service: str) -> BadSignature | None:
        """Nothing."""
        return None

    async def caller(self, request: HttpRequest) -> dict[str, Any] | None:
        """The root of an account."""
        return signed_caller(request)


def signed_caller(request: HttpRequest) -> dict[str, Any] | None:
    """`requestContext.authorizer.iam` of a signed request; None of one that is not signed."""
    key = access_key(request)
    if key is None:
        return None
    account = key if len(key) == 12 and key.isdecimal() else DEFAULT_ACCOUNT
    return {
        "accessKey": key,
        "accountId": account,
        "callerId": account,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{account}:root",
        "userId": account,
    }
