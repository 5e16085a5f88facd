"""Rows of a Parquet file, read by ranges: its footer, then one row group after another.

Decides what is asked of the object, and how values that JSON has not look (unverified: AWS documents none of it).
Memory holds a footer and the bytes of one row group, of which AWS takes no larger ones either. What the bytes mean is
pyarrow's, which is installed with the extra `parquet` and imported when the first such file is read.
"""

from __future__ import annotations

import base64
import importlib
import io
import math
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from emulator.services.stepfunctions.asl.data import Json, dumps

from .parsing import Unreadable

LARGEST_FOOTER_BYTES = 5 * 1024 * 1024
LARGEST_ROW_GROUP_BYTES = 256 * 1024 * 1024
"""[D:input-output-itemreader]"""
FIRST_TAIL_BYTES = 64 * 1024
ROWS_AT_A_TIME = 1_000
MAGIC = b"PAR1"

Fetch = Callable[[int, int], Awaitable[bytes]]
"""(first byte, how many) of the object."""


class ParquetFile:
    """One file; `total` is its length. Raises `Unreadable` throughout."""

    def __init__(self, fetch: Fetch, total: int) -> None:
        self._fetch = fetch
        self._total = total
        self._known = _Known(total)
        self._file: Any = None
        self._rows: Iterator[str] = iter(())
        self._place: tuple[int, int] | None = None
        """(row group, row in it) that `_rows` goes on with."""

    async def open(self) -> None:
        """Read the footer."""
        arrow = _pyarrow()
        start = max(0, self._total - FIRST_TAIL_BYTES)
        tail = await self._fetch(start, self._total - start)
        if tail[-4:] != MAGIC or len(tail) < 12:
            raise Unreadable("The object is not a Parquet file.")
        footer = int.from_bytes(tail[-8:-4], "little") + 8
        if footer > LARGEST_FOOTER_BYTES:
            raise Unreadable(f"The footer of the Parquet file is longer than {LARGEST_FOOTER_BYTES} bytes.")
        if footer > len(tail):
            start = max(0, self._total - footer)
            tail = await self._fetch(start, self._total - start)
        self._known.learn(start, tail)
        try:
            self._file = arrow.ParquetFile(self._known)
        except Exception as problem:  # whatever pyarrow says of bytes that are none
            raise _broken(problem) from None

    async def read(self, group: int, row: int, most: int) -> tuple[list[str], int, int, bool]:
        """(rows as JSON from a place on, row group and row behind them, whether there are no more)."""
        metadata = self._file.metadata
        if group >= metadata.num_row_groups:
            return [], group, row, True
        if self._place != (group, row):
            await self._load(metadata.row_group(group))
            self._rows = islice(self._decoded(group), row, None)
        try:
            items = list(islice(self._rows, most))
        except Unreadable:
            raise
        except Exception as problem:
            raise _broken(problem) from None
        if len(items) < most or row + len(items) >= metadata.row_group(group).num_rows:
            group, row = group + 1, 0
            self._place, self._rows = None, iter(())
        else:
            row += len(items)
            self._place = (group, row)
        return items, group, row, group >= metadata.num_row_groups

    async def _load(self, described: Any) -> None:
        columns = [described.column(number) for number in range(described.num_columns)]
        starts = [
            min(offset for offset in (column.dictionary_page_offset, column.data_page_offset) if offset is not None)
            for column in columns
        ]
        first = min(starts, default=0)
        end = max(
            (start + column.total_compressed_size for start, column in zip(starts, columns, strict=True)), default=0
        )
        if end - first > LARGEST_ROW_GROUP_BYTES or not 0 <= first <= end <= self._total:
            raise Unreadable(f"A row group of the Parquet file is longer than {LARGEST_ROW_GROUP_BYTES} bytes.")
        self._known.forget_groups()
        self._known.learn(first, await self._fetch(first, end - first) if end > first else b"")

    def _decoded(self, group: int) -> Iterator[str]:
        for batch in self._file.iter_batches(batch_size=ROWS_AT_A_TIME, row_groups=[group], use_threads=False):
            for row in batch.to_pylist(maps_as_pydicts="lossy"):
                yield dumps(as_json(row))


def as_json(value: Any) -> Json:
    """A value of a column as JSON has it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat().replace("+00:00", "Z")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return str(value)


def _pyarrow() -> Any:
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise Unreadable(
            "The emulator reads PARQUET with pyarrow, which is not installed: install the emulator's extra 'parquet'."
        ) from None


def _broken(problem: Exception) -> Unreadable:
    return Unreadable(f"The Parquet file cannot be read: {str(problem).splitlines()[0] if str(problem) else 'broken'}")


class _Known(io.RawIOBase):
    """The file as pyarrow sees it: as long as the object, with the bytes that were fetched."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self._total = total
        self._at = 0
        self._ranges: list[tuple[int, bytes]] = []

    def learn(self, start: int, content: bytes) -> None:
        self._ranges.append((start, content))

    def forget_groups(self) -> None:
        """All but the footer, which came first."""
        del self._ranges[1:]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._total}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        size = self._total - self._at if size < 0 else min(size, self._total - self._at)
        for start, content in self._ranges:
            if start <= self._at and self._at + size <= start + len(content):
                found = content[self._at - start : self._at - start + size]
                self._at += size
                return found
        raise Unreadable("The Parquet file cannot be read: its footer names places outside of its row groups.")
