"""What templates of pipes make of an event."""

from __future__ import annotations

import pytest

from emulator.ports import Json
from emulator.services.pipes.targets import Unusable, enriched, failed_events
from emulator.services.pipes.template import check, resolved, transformed

EVENT = {"messageId": "m", "body": '{"name": "Ann", "n": 5, "list": [{"id": 1}, {"id": 2}]}', "attributes": {"x": "y"}}
RESERVED = {"aws.pipes.pipe-name": "p", "aws.pipes.event.ingestion-time": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("template", "found"),
    [
        (None, EVENT),
        ("", EVENT),
        ('{"who": <$.body.name>, "n": <$.body.n>}', {"who": "Ann", "n": 5}),
        ('{"who": "Hello <$.body.name>"}', {"who": "Hello Ann"}),
        ('{"ids": <$.body.list[*].id>, "x": <$.attributes.x>}', {"ids": [1, 2], "x": "y"}),
        ('{"a": "<$.nothing>", "b": <$.nothing>}', {"a": "", "b": None}),
        ('{"p": "<aws.pipes.pipe-name>"}', {"p": "p"}),
        ("<aws.pipes.event.ingestion-time>", "2026-01-01T00:00:00Z"),
        ("<aws.pipes.event>", EVENT),
        ("<$.body>", EVENT["body"]),
        ("order of <$.body.name>", 'order of "Ann"'),
        ("NaN", "NaN"),
    ],
)  # fmt: skip
def test_a_template_is_filled_as_json_outside_quotes_and_as_text_within(template: str | None, found: Json) -> None:
    assert transformed(template, EVENT, RESERVED) == found


def test_a_parameter_is_a_text_or_a_path() -> None:
    texts = [resolved(EVENT, text) for text in ("plain", "$.messageId", "$.body.n", "$.nothing", "$[")]
    assert texts == ["plain", "m", "5", "", ""]


def test_templates_are_checked() -> None:
    assert [check(text) for text in ("<$.a.b>", "<aws.pipes.target-arn>", "a < b > c", "<x>")] == [None] * 4
    assert check("<$.a[>") == "Invalid path $.a["
    assert check("<aws.pipes.colour>") == "Unknown variable aws.pipes.colour"


def test_an_enrichment_answers_events_or_none() -> None:
    assert [enriched(text) for text in ("", '""', "{}", "[]", "null")] == [[]] * 5
    assert enriched(b'{"a": 1}') == [{"a": 1}]
    assert enriched("[{}]") == [{}]
    for text in ("5", '"text"', "{", "[NaN]", "[" * 100_000):
        with pytest.raises(Unusable):
            enriched(text)


def test_a_target_may_say_which_messages_failed() -> None:
    def answer(*names: str) -> bytes:
        return b'{"batchItemFailures": [%s]}' % ", ".join(f'{{"itemIdentifier": "{name}"}}' for name in names).encode()

    assert failed_events(answer("a"), ["a", "b"]) == {"a"}
    assert failed_events(answer("c"), ["a", "b"]) is None
    assert [failed_events(text, ["a"]) for text in (b"", b"null", b"{", b"{}", answer())] == [set[str]()] * 5
