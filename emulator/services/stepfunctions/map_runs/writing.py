"""Exporting results to S3: files of each outcome and a manifest that names them.

Decides how much is in memory (a file; AWS begins another one at 5 GB) and what a failure says. Writing may be repeated
after a crash: it begins anew and overwrites.
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

FILE_BYTES = 16 * 1024 * 1024
"""After so much another file is begun: the S3 of this process holds what it is given several times for a moment."""
CHILDREN_AT_A_TIME = 20
"""Each may have an input and an output of 256 KiB."""

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
            files[name] = await self._files(run, bucket, key.removesuffix("manifest.json"), name, texts)
        await self._put(run.scope, bucket, key, manifest(bucket, run.arn, files).encode())

    async def _files(self, run: MapRun, bucket: str, folder: str, name: str, texts: Waiting) -> list[dict[str, Any]]:
        """Write the files of one outcome, as few as possible; how the manifest lists them."""
        files: list[dict[str, Any]] = []
        output = run.plan["writer"]["output"]

        async def put(joined: Joined, content: bytearray) -> None:
            key = f"{folder}{name}_{len(files)}.{'jsonl' if joined.lines else 'json'}"
            content += joined.end().encode()
            await self._put(run.scope, bucket, key, bytes(content))
            files.append({"Key": key, "Size": len(content)})

        joined, content, after = Joined(output), bytearray(), -1
        while some := await self._store.read(lambda tx, after=after: texts(tx, after)):
            for after, listed in some:  # noqa: B007
                for text in listed:
                    if len(content) >= FILE_BYTES:
                        await put(joined, content)
                        joined, content = Joined(output), bytearray()
                    content += joined.add(text).encode()
        if after >= 0:
            await put(joined, content)
        return files

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


def destination(run: MapRun) -> tuple[str, str]:
    """(bucket, key of the manifest); each redrive has a folder of its own, as AWS's workshop api312 of 2023 shows.

    That the files there are of all children, not only of those that were redriven, is unverified.
    """
    parameters: dict[str, str] = run.plan["writer"]["parameters"]
    prefix = parameters.get("Prefix", "")
    lead = f"{prefix}/" if prefix and not prefix.endswith("/") else prefix
    redrive = f"Redrive-{run.redrive_count}/" if run.redrive_count else ""
    return parameters.get("Bucket", ""), f"{lead}{run.run_id}/{redrive}manifest.json"


def _no_files() -> dict[str, list[dict[str, Any]]]:
    return {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
