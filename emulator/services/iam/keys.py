"""Remembers access keys as IAM gives them out, judges signatures by their secrets, and knows whose they are.

Stands between all clients of IAM and the library, which tells a secret once only. A secret is committed before the
client has it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

from emulator.aws.callers import BadSignature, signed_caller
from emulator.aws.http import HttpRequest
from emulator.aws.service import Context
from emulator.aws.sigv4 import canonical_request, is_valid, signature_of, string_to_sign
from emulator.ports import AskLibrary, DelegatedAnswer, DelegatedRequest
from emulator.services.iam import store
from emulator.services.iam.store import SigningKey

UNKNOWN = BadSignature("UnrecognizedClientException", "The security token included in the request is invalid.")


class AccessKeys:
    """Answers requests to IAM, by asking the library; says what is wrong with a signature."""

    def __init__(self, context: Context) -> None:
        self._store = context.store

    async def around(self, request: DelegatedRequest, ask: AskLibrary) -> DelegatedAnswer:
        """Answer one request to IAM."""
        answer = await ask(request)
        if answer[0] != 200 or b"AccessKey" not in request.body:
            return answer
        asked = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        key_id = asked.get("AccessKeyId", "")
        if asked.get("Action") == "CreateAccessKey":
            made = _texts(answer[2])
            user = _texts((await ask(_get_user(request, made["UserName"])))[2])
            key = SigningKey(made["SecretAccessKey"], user.get("UserId", ""), user.get("Arn", ""), True)
            await self._store.transact(lambda tx: store.keep(tx, made["AccessKeyId"], key))
        elif asked.get("Action") == "UpdateAccessKey":
            await self._store.transact(lambda tx: store.set_active(tx, key_id, asked.get("Status") == "Active"))
        elif asked.get("Action") == "DeleteAccessKey":
            await self._store.transact(lambda tx: store.set_active(tx, key_id, False))
        return answer

    async def caller(self, request: HttpRequest) -> dict[str, Any] | None:
        """Who has signed: the user whose key it is, or whoever `signed_caller` says."""
        caller = signed_caller(request)
        if caller is None:
            return None
        key = await self._store.read(lambda tx: store.find(tx, caller["accessKey"]))
        if key is None or not key.user_arn:
            return caller
        account = key.user_arn.split(":")[4]
        return {
            **caller,
            "accountId": account,
            "callerId": key.user_id,
            "userArn": key.user_arn,
            "userId": key.user_id,
        }

    async def problem(self, request: HttpRequest, service: str) -> BadSignature | None:
        """What is wrong with the signature of a request to `service`; None if its key is nobody's here."""
        given = signature_of(request)
        if given is None:
            return None
        key = await self._store.read(lambda tx: store.find(tx, given.access_key))
        if key is None:
            return None
        if not key.active:
            return UNKNOWN
        if given.service != service:
            text = f"Credential should be scoped to correct service: '{service}'. "
            return BadSignature("InvalidSignatureException", text)
        if is_valid(request, given, key.secret):
            return None
        return BadSignature(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String "
            f"for this request should have been\n'{canonical_request(request, given)}'\n\nThe String-to-Sign should "
            f"have been\n'{string_to_sign(request, given)}'\n",
        )


def _texts(xml: bytes) -> dict[str, str]:
    """The members of an answer, by name."""
    return {node.tag.rpartition("}")[2]: node.text or "" for node in ElementTree.fromstring(xml).iter()}


def _get_user(request: DelegatedRequest, name: str) -> DelegatedRequest:
    """The same caller's request for a user."""
    body = urlencode({"Action": "GetUser", "UserName": name, "Version": "2010-05-08"}).encode()
    headers = [(key, value) for key, value in request.headers if key.lower() != "content-length"]
    return request._replace(headers=headers, body=body)
