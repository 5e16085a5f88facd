"""OpenAPI documents of both API Gateways, read before a transaction and written after it, in a thread.

The loop that serves everybody is not held up by them: a file of 6 MB takes seconds, in YAML a minute. What a document
means, `openapi.py` decides; this knows when it is read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.aws.service import Service
from emulator.ports import Store, Transaction

QUICK_BYTES = 32 * 1024
"""JSON up to this is read where it is needed."""

Parse = Callable[[bytes], Any]
Write = Callable[[], dict[str, Any]]


class ReadDocument(NamedTuple):
    """What a body holds, or why it holds nothing; in place of the body in an operation's request."""

    document: Any
    problem: AwsError | None = None


def read(body: bytes | str | ReadDocument | None, parse: Parse) -> Any:
    """What a body holds, unless it has been read before. Raises what `parse` raises."""
    if isinstance(body, ReadDocument):
        if body.problem is not None:
            raise body.problem
        return body.document
    return parse(body.encode() if isinstance(body, str) else body or b"")


def written(document: Any, yaml: bool) -> bytes:
    """A document as a file."""
    if yaml:
        from emulator.services.apigateway.safe_yaml import dump  # slow to import, and seldom needed

        return dump(document).encode()
    return json.dumps(document, indent=2).encode()


class DocumentService(Service):
    """A service with imports, by the member that holds their document, and exports, which are written later."""

    def __init__(
        self,
        name: str,
        store: Store,
        operations: Mapping[str, Callable[..., Any]],
        imports: Mapping[str, tuple[str, Parse]],
        exports: Mapping[str, Callable[[Transaction, Scope, dict[str, Any]], Write]],
    ) -> None:
        super().__init__(name, store, operations)
        self.prepared = frozenset(imports)
        self._imports = imports
        self._exports = exports

    async def prefetch(self, operation: str, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        member, parse = self._imports[operation]
        body = request.get(member)
        if not isinstance(body, (bytes, str)):
            return request
        raw = body.encode() if isinstance(body, str) else body
        if len(raw) <= QUICK_BYTES and raw.lstrip()[:1] == b"{":
            return request
        try:
            return {**request, member: ReadDocument(await asyncio.to_thread(parse, raw))}
        except AwsError as problem:
            return {**request, member: ReadDocument(None, problem)}

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        if operation in self._imports:
            request = await self.prefetch(operation, scope, request)
        export = self._exports.get(operation)
        if export is not None:
            return await asyncio.to_thread(await self.store.read(lambda tx: export(tx, scope, request)))
        return await super().call(operation, scope, request, request_id)
