"""Distributed Maps over the items of many objects: a listing's, an Athena manifest's; rows of Parquet files."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import sys
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.stepfunctions_maps import BUCKET, distributed, output, put, reader, run

SOURCE = {"ItemSelector": {"item.$": "$$.Map.Item.Value", "from.$": "$$.Map.Item.Source"}}


def listing(kind: str, prefix: str = "", **config: Any) -> dict[str, Any]:
    """An ItemReader of all objects below a prefix."""
    return {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": {"Bucket": BUCKET, "Prefix": prefix},
        "ReaderConfig": {"InputType": kind, "Transformation": "LOAD_AND_FLATTEN", **config},
    }


def athena(kind: str, **config: Any) -> dict[str, Any]:
    """An ItemReader of what UNLOAD has written."""
    return reader(kind, "manifest.csv", ManifestType="ATHENA_DATA", **config)


def test_items_of_all_objects_below_a_prefix(emulator: RunningEmulator) -> None:
    put(emulator, b"", "logs/")
    put(emulator, '[{"n": 1}, {"n": 2}]', "logs/a.json")
    put(emulator, "[]", "logs/b.json")
    put(emulator, '[{"n": 3}]', "logs/c.json")
    put(emulator, "no json", "other")
    found = output(emulator, distributed(ItemReader=listing("JSON", "logs/"), **SOURCE))
    assert found == [
        {"item": {"n": 1}, "from": f"s3://{BUCKET}/logs/a.json"},
        {"item": {"n": 2}, "from": f"s3://{BUCKET}/logs/a.json"},
        {"item": {"n": 3}, "from": f"s3://{BUCKET}/logs/c.json"},
    ]


def test_every_file_of_csv_has_headers_of_its_own(emulator: RunningEmulator) -> None:
    put(emulator, "id,name\n1,one\n", "a.csv")
    put(emulator, "id\n2\n3\n", "b.csv")
    found = output(emulator, distributed(ItemReader=listing("CSV", CSVHeaderLocation="FIRST_ROW")))
    assert found == [{"id": "1", "name": "one"}, {"id": "2"}, {"id": "3"}]


def test_more_objects_than_are_listed_at_once(emulator: RunningEmulator) -> None:
    for number in range(130):
        put(emulator, f'{{"n":{number}}}\n' * (1 + number % 2), f"k{number:03}")
    state = distributed(kind="EXPRESS", ItemReader=listing("JSONL"), ItemBatcher={"MaxItemsPerBatch": 50})
    items = [item["n"] for batch in output(emulator, state) for item in batch["Items"]]
    assert items == [number for number in range(130) for _ in range(1 + number % 2)]


def test_max_items_counts_over_all_objects(emulator: RunningEmulator) -> None:
    put(emulator, "[1,2]", "a")
    put(emulator, "[3,4]", "b")
    assert output(emulator, distributed(ItemReader=listing("JSON", MaxItems=3))) == [1, 2, 3]


def test_an_object_that_cannot_be_read_fails_the_map_run(emulator: RunningEmulator) -> None:
    put(emulator, "[1]", "a")
    put(emulator, "{", "b")
    ended = run(emulator, distributed(ItemReader=listing("JSON")))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ItemReaderFailed")


def test_what_athena_unloads_is_read_by_its_manifest(emulator: RunningEmulator) -> None:
    put(emulator, gzip.compress(b'{"n":1}\n{"n":2}\n'), "out/1.gz")
    put(emulator, b'{"n":3}\n', "out/2")
    put(emulator, f"s3://{BUCKET}/out/1.gz\ns3://{BUCKET}/out/2\n", "manifest.csv")
    assert output(emulator, distributed(ItemReader=athena("JSONL"))) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_long_packed_file_is_read_piece_by_piece(emulator: RunningEmulator) -> None:
    put(emulator, gzip.compress(b"".join(b"%d,%s\n" % (number, b"x" * 200) for number in range(3000))), "out")
    put(emulator, f"s3://{BUCKET}/out", "manifest.csv")
    source = athena("CSV", CSVHeaderLocation="GIVEN", CSVHeaders=["id", "text"])
    batches = output(
        emulator,
        distributed(
            kind="EXPRESS", ItemReader=source, ItemSelector={"id.$": "$$.Map.Item.Value.id"},
            ItemBatcher={"MaxItemsPerBatch": 1000},
        ),
    )  # fmt: skip
    assert [int(item["id"]) for batch in batches for item in batch["Items"]] == list(range(3000))


@pytest.mark.parametrize("manifest", ["out/1", "s3://", "s3://bucket-only", b"\xff\xfe"])
def test_a_manifest_that_names_no_objects_fails_the_map_run(emulator: RunningEmulator, manifest: str | bytes) -> None:
    put(emulator, manifest, "manifest.csv")
    ended = run(emulator, distributed(ItemReader=athena("JSONL")))
    assert (ended["error"], ended["cause"]) == (
        "States.ItemReaderFailed", "The manifest is not a valid Athena manifest.",
    )  # fmt: skip


def test_an_empty_manifest_has_no_items(emulator: RunningEmulator) -> None:
    put(emulator, "", "manifest.csv")
    assert output(emulator, distributed(ItemReader=athena("JSONL"))) == []


def test_the_kind_of_a_manifest_may_stand_for_its_input_type(emulator: RunningEmulator) -> None:
    manifest = {
        "destinationBucket": BUCKET, "fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "1"}],
    }  # fmt: skip
    put(emulator, json.dumps(manifest))
    put(emulator, '"b","k"\n', "1")
    source = reader("", ManifestType="S3_INVENTORY")
    del source["ReaderConfig"]["InputType"]
    assert output(emulator, distributed(ItemReader=source)) == [{"Bucket": "b", "Key": "k"}]


# ── Parquet ─────────────────────────────────────────────────────────────────────────────────────


def parquet(rows: list[dict[str, Any]], **options: Any) -> bytes:
    arrow, writer = pytest.importorskip("pyarrow"), importlib.import_module("pyarrow.parquet")
    file = io.BytesIO()
    writer.write_table(arrow.Table.from_pylist(rows), file, **options)
    return file.getvalue()


def test_rows_of_a_parquet_file_are_objects(emulator: RunningEmulator) -> None:
    rows = [
        {"id": 1, "name": "one", "tags": ["a"], "more": {"x": 1.5}},
        {"id": 2, "name": None, "tags": [], "more": None},
    ]
    put(emulator, parquet(rows))
    assert output(emulator, distributed(ItemReader=reader("PARQUET"))) == rows


def test_a_parquet_file_is_read_group_by_group(emulator: RunningEmulator) -> None:
    put(emulator, parquet([{"id": number} for number in range(5000)], row_group_size=1700))
    state = distributed(kind="EXPRESS", ItemReader=reader("PARQUET"), ItemBatcher={"MaxItemsPerBatch": 1000})
    items = [item["id"] for batch in output(emulator, state) for item in batch["Items"]]
    assert items == list(range(5000))
    assert output(
        emulator, {**state, "ItemReader": reader("PARQUET", MaxItems=2)}, name="fewer"
    ) == [{"Items": [{"id": 0}, {"id": 1}]}]  # fmt: skip


def test_parquet_files_of_a_listing(emulator: RunningEmulator) -> None:
    put(emulator, parquet([{"id": 1}], compression="gzip"), "a")
    put(emulator, parquet([{"id": 2}], compression="snappy"), "b")
    assert output(emulator, distributed(ItemReader=listing("PARQUET"))) == [{"id": 1}, {"id": 2}]


def test_what_is_no_parquet_fails_the_map_run(emulator: RunningEmulator) -> None:
    good = parquet([{"id": number} for number in range(100)])
    for number, body in enumerate(
        (b"", b"PAR1", b"PAR1" * 10, good[:-1], good[:4] + bytes(len(good) - 16) + good[-12:])
    ):
        put(emulator, body, f"k{number}")
        ended = run(emulator, distributed(ItemReader=reader("PARQUET", f"k{number}")), name=f"m{number}")
        assert ended["error"] == "States.ItemReaderFailed"
        assert "Parquet file" in ended["cause"]


def test_without_pyarrow_the_map_run_fails_by_the_name_of_the_extra(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    put(emulator, b"PAR1")
    ended = run(emulator, distributed(ItemReader=reader("PARQUET")))
    assert ended["error"] == "States.ItemReaderFailed"
    assert ended["cause"] == (
        "The emulator reads PARQUET with pyarrow, which is not installed: install the emulator's extra 'parquet'."
    )
