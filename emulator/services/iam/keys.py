"""Remembers the secrets of access keys as IAM gives them out, and judges signatures by them.

Stands between all clients of IAM and the library, which tells a secret once only. A secret is committed before the
client has it.
"""

from __future__ import annotations

from urllib.parse import parse_qsl
from xml.etree import ElementTree

from emulator.aws.callers import BadSignature
from emulator.aws.http import HttpRequest
from emulator.aws.service import Context
from emulator.aws.sigv4 import canonical_request, is_valid, signature_of, string_to_sign
from emulator.ports import AskLibrary, DelegatedAnswer, DelegatedRequest
from emulator.services.iam import store

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
            made = {node.tag.rpartition("}")[2]: node.text or "" for node in ElementTree.fromstring(answer[2]).iter()}
            await self._store.transact(lambda tx: store.keep(tx, made["AccessKeyId"], made["SecretAccessKey"]))
        elif asked.get("Action") == "UpdateAccessKey":
            await self._store.transact(lambda tx: store.set_active(tx, key_id, asked.get("Status") == "Active"))
        elif asked.get("Action") == "DeleteAccessKey":
            await self._store.transact(lambda tx: store.set_active(tx, key_id, False))
        return answer

    async def problem(self, request: HttpRequest, service: str) -> BadSignature | None:
        """What is wrong with the signature of a request to `service`; None if its key is nobody's here."""
        given = signature_of(request)
        if given is None:
            return None
        secret = await self._store.read(lambda tx: store.secret_of(tx, given.access_key))
        if secret is None:
            return None
        if not secret:
            return UNKNOWN
        if given.service != service:
            text = f"Credential should be scoped to correct service: '{service}'. "
            return BadSignature("InvalidSignatureException", text)
        if is_valid(request, given, secret):
            return None
        return BadSignature(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String "
            f"for this request should have been\n'{canonical_request(request, given)}'\n\nThe String-to-Sign should "
            f"have been\n'{string_to_sign(request, given)}'\n",
        )
