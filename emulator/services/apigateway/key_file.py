"""The CSV file of ImportApiKeys (AWS, api-key-file-format). Pure."""

from __future__ import annotations

import csv
import re
from typing import Any, NamedTuple

from emulator.services.apigateway.model import bad_request

SHORTEST_VALUE, LONGEST_VALUE, LONGEST_NAME = 20, 128, 1024
_SINGLE_QUOTED = re.compile(r"(^|,)'([^']*)'(?=,|$)")


class ListedKey(NamedTuple):
    """One line of the file."""

    name: str
    value: str
    description: str
    enabled: bool
    plan_ids: tuple[str, ...]


def check_value(value: str) -> None:
    """Raise AWS's error for a key that is too short or too long [R:test_api_key_required_for_methods]."""
    if len(value) < SHORTEST_VALUE:
        raise bad_request("API Key value should be at least 20 characters")
    if len(value) > LONGEST_VALUE:
        raise bad_request("API Key value exceeds maximum size of 128 characters")


def keys_of_file(body: bytes) -> list[ListedKey]:
    """The keys of a file. Raises BadRequestException; texts but those of lengths are unverified."""
    try:
        lines = [line for line in body.decode("utf-8-sig").splitlines() if line.strip()]
        rows = list(csv.reader([_SINGLE_QUOTED.sub(r'\1"\2"', line) for line in lines], strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise bad_request("Invalid API key file specified") from None
    columns = [name.strip().lower() for name in rows[0]] if rows else []
    if "name" not in columns or "key" not in columns:
        raise bad_request("API key file must contain the columns Name and Key")
    return [_key(dict(zip(columns, row, strict=False))) for row in rows[1:]]


def _key(row: dict[str, Any]) -> ListedKey:
    value, name = str(row.get("key", "")).strip(), str(row.get("name", "")).strip()
    check_value(value)
    if len(name) > LONGEST_NAME:
        raise bad_request(f"API Key name exceeds maximum size of {LONGEST_NAME} characters")
    enabled = str(row.get("enabled", "")).strip().lower()
    plans = (item.strip() for item in str(row.get("usageplanids", "")).split(","))
    return ListedKey(
        name, value, str(row.get("description", "")).strip(), enabled in ("", "true"), tuple(filter(None, plans))
    )
