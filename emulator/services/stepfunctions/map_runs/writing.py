"""Exporting results to S3: one file per outcome, in parts while it grows, and a manifest that names them.

Decides how much is in memory (a part) and what a failure says. Writing may be repeated after a crash: it begins anew
and overwrites.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Store, Transaction

from . import store
from .model import MapRun
from .reading import s3_failure
from .results import FAILED, SUCCEEDED, Joined, manifest, shown

PART_BYTES = 5 * 1024 * 1024
"""The smallest part that S3 takes before the last one."""
CHILDREN_AT_A_TIME = 100
FAILURE = "States.ResultWriterFailed"

Waiting = Callable[[Transaction, int], Sequence[tuple[int, Sequence[str]]]]
"""Some more (place, JSON texts), in places after one; none if there are no more."""


class Unwritable(Exception):
    """S3 refused; the text is the cause of `States.ResultWriterFailed`."""


class ResultWriters:
    """Writes by `calls`, which reach the delegated S3."""

    def __init__(self, data: Store, calls: Calls) -> None:
        self._store = data
        self._calls = calls

    async def check(self, run: MapRun) -> None:
        """Write a manifest to see that one can. Raises `Unwritable`; AWS's text is from reports of users."""
        bucket, key = destination(run)
        try:
            await self._put(run.scope, bucket, key, manifest(bucket, run.arn, _no_files()).encode())
        except Unwritable as refusal:
            text = f"Failed to write a test manifest into the specified output bucket. s3 error: [{refusal}]"
            raise Unwritable(text) from None

    async def write(self, run: MapRun, waiting: Waiting) -> None:
        """Write what all ended children have come to, and what was never begun. Raises `Unwritable`."""
        bucket, key = destination(run)
        transformation = run.plan["writer"]["transformation"]

        def ended(statuses: tuple[str, ...]) -> Waiting:
            def some(tx: Transaction, after: int) -> list[tuple[int, list[str]]]:
                children = store.ended_children(tx, run.id, statuses, after, CHILDREN_AT_A_TIME)
                return [(position, list(shown(child, transformation))) for position, child in children]

            return some

        files = _no_files()
        for name, texts in (("FAILED", ended(FAILED)), ("PENDING", waiting), ("SUCCEEDED", ended(SUCCEEDED))):
            files[name] += await self._file(run, bucket, key.removesuffix("manifest.json"), name, texts)
        await self._put(run.scope, bucket, key, manifest(bucket, run.arn, files).encode())

    async def _file(self, run: MapRun, bucket: str, folder: str, name: str, texts: Waiting) -> list[dict[str, Any]]:
        joined = Joined(run.plan["writer"]["output"])
        key = f"{folder}{name}_0.{'jsonl' if joined.lines else 'json'}"
        file = _GrowingObject(self, run.scope, bucket, key)
        after, size = -1, 0
        while some := await self._store.read(lambda tx, after=after: texts(tx, after)):
            for after, listed in some:  # noqa: B007
                for text in listed:
                    size += await file.add(joined.add(text).encode())
        if after < 0:
            return []
        size += await file.add(joined.end().encode())
        await file.close()
        return [{"Key": key, "Size": size}]

    async def call(self, scope: Scope, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One operation of S3. Raises `Unwritable`."""
        try:
            return await self._calls.delegated(scope, "s3", operation, request)
        except AwsError as refusal:
            raise Unwritable(s3_failure(refusal)) from None
        except NotEmulated as refusal:
            raise Unwritable(f"{refusal}. {refusal.detail}".strip()) from None

    async def _put(self, scope: Scope, bucket: str, key: str, body: bytes) -> None:
        request = {"Bucket": bucket, "Key": key, "Body": body, "ContentType": "application/json"}
        await self.call(scope, "PutObject", request)


class _GrowingObject:
    """An object that is written in parts once it is too long for one."""

    def __init__(self, writers: ResultWriters, scope: Scope, bucket: str, key: str) -> None:
        self._writers, self._scope = writers, scope
        self._object = {"Bucket": bucket, "Key": key}
        self._waiting = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []

    async def add(self, some: bytes) -> int:
        """Append; returns how many bytes."""
        self._waiting += some
        if len(self._waiting) >= PART_BYTES:
            await self._flush()
        return len(some)

    async def close(self) -> None:
        """Write the rest."""
        if self._upload is None:
            request = {**self._object, "Body": bytes(self._waiting), "ContentType": "application/json"}
            await self._writers.call(self._scope, "PutObject", request)
            return
        if self._waiting:
            await self._flush()
        parts = {"UploadId": self._upload, "MultipartUpload": {"Parts": self._parts}}
        await self._writers.call(self._scope, "CompleteMultipartUpload", {**self._object, **parts})

    async def _flush(self) -> None:
        if self._upload is None:
            request = {**self._object, "ContentType": "application/json"}
            answer = await self._writers.call(self._scope, "CreateMultipartUpload", request)
            self._upload = answer["UploadId"]
        number = len(self._parts) + 1
        part = {"UploadId": self._upload, "PartNumber": number, "Body": bytes(self._waiting)}
        answer = await self._writers.call(self._scope, "UploadPart", {**self._object, **part})
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._waiting.clear()


def destination(run: MapRun) -> tuple[str, str]:
    """(bucket, key of the manifest)."""
    parameters: dict[str, str] = run.plan["writer"]["parameters"]
    prefix = parameters.get("Prefix", "")
    lead = f"{prefix}/" if prefix and not prefix.endswith("/") else prefix
    return parameters.get("Bucket", ""), f"{lead}{run.run_id}/manifest.json"


def _no_files() -> dict[str, list[dict[str, Any]]]:
    return {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
