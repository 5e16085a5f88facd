"""Items of objects: what is asked of S3, and what is held of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from emulator.aws.scope import Scope
from emulator.services.stepfunctions.map_runs import objects
from emulator.services.stepfunctions.map_runs.objects import ObjectReader
from emulator.services.stepfunctions.map_runs.parsing import Unreadable

LINES = {"InputType": "JSONL"}


class Bucket:
    """An S3 of objects in memory, which counts how often it is asked."""

    def __init__(self, **contents: bytes) -> None:
        self.contents = contents
        self.asked: list[str] = []

    async def delegated(self, scope: Scope, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        assert (service, operation) == ("s3", "GetObject")
        self.asked.append(request["Range"])
        content = self.contents[request["Key"]]
        first, _, last = request["Range"].removeprefix("bytes=").partition("-")
        body = content[int(first) : int(last) + 1]
        return {"Body": body, "ContentRange": f"bytes {first}-{last}/{len(content)}", "ETag": str(hash(content))}


def read(reader: ObjectReader, key: str, position: dict[str, Any], most: int = 10) -> objects.Chunk:
    place = {"Bucket": "b", "Key": key}
    return asyncio.run(reader.read(Scope(), LINES, place, position, most))


def whole(reader: ObjectReader, key: str) -> list[str]:
    items: list[str] = []
    position: dict[str, Any] = {}
    while True:
        chunk = read(reader, key, position)
        items += chunk.items
        if chunk.exhausted:
            return items
        position = chunk.position


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "FETCHED_BYTES", 1_000)
    monkeypatch.setattr(objects, "PIECE_BYTES", 200)
    monkeypatch.setattr(objects, "MOST_HELD", 2)


@pytest.mark.usefixtures("_small_pieces")
def test_a_long_object_is_asked_for_in_long_pieces_whatever_a_batch_takes() -> None:
    wanted = [f'{{"n":{number}}}' for number in range(1_000)]
    bucket = Bucket(k="\n".join(wanted).encode())
    reader = ObjectReader(bucket)  # type: ignore[arg-type]
    assert whole(reader, "k") == wanted
    assert len(bucket.asked) <= 2 * len(bucket.contents["k"]) // 1_000
    assert not reader._held  # pyright: ignore[reportPrivateUsage]


@pytest.mark.usefixtures("_small_pieces")
def test_no_more_is_held_than_of_a_few_objects() -> None:
    bucket = Bucket(**dict.fromkeys("abcde", b"1\n" * 500))
    reader = ObjectReader(bucket)  # type: ignore[arg-type]
    for name in "abcde":
        read(reader, name, {})
    held = reader._held  # pyright: ignore[reportPrivateUsage]
    assert [len(piece.content) for _, piece in held.values()] == [1_000, 1_000]


@pytest.mark.usefixtures("_small_pieces")
def test_a_reading_that_begins_sees_the_object_as_it_is_and_one_under_way_that_it_changed() -> None:
    bucket = Bucket(k=b"1\n" * 2_000)
    reader = ObjectReader(bucket)  # type: ignore[arg-type]
    before = read(reader, "k", {})
    bucket.contents["k"] = b"2\n" * 2_000
    assert read(reader, "k", {}).items == ["2"] * 10
    with pytest.raises(Unreadable, match="was changed"):
        read(reader, "k", before.position)


@pytest.mark.usefixtures("_small_pieces")
def test_an_item_longer_than_what_is_held_is_read_all_the_same() -> None:
    wanted = ["1", f'"{"x" * 5_000}"', "2"]
    assert whole(ObjectReader(Bucket(k="\n".join(wanted).encode())), "k") == wanted  # type: ignore[arg-type]
