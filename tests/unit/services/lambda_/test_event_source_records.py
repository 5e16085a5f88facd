"""What a function's answer says about the messages of its batch."""

from __future__ import annotations

import pytest

from emulator.services.lambda_.event_sources.records import event_of, failed_messages

IDS = ["a", "b"]


@pytest.mark.parametrize(
    "answer", [b"", b"null", b"{}", b'""', b'{"batchItemFailures":null}', b'{"batchItemFailures":[]}']
)
def test_an_answer_without_failures_is_success(answer: bytes) -> None:
    assert failed_messages(answer, IDS) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"{not json",
        b"[]",
        b"5",
        b'{"batchItemFailures":5}',
        b'{"batchItemFailures":[{"foo":"notvalid"}]}',
        b'{"batchItemFailures":[{"itemIdentifier":""}]}',
        b'{"batchItemFailures":[{"itemIdentifier":null}]}',
        b'{"batchItemFailures":[{"itemIdentifier":["a"]}]}',
        b'{"batchItemFailures":[{"itemIdentifier":"unknown"}]}',
        b'{"batchItemFailures":["a"]}',
    ],
)
def test_an_answer_that_cannot_be_read_fails_the_whole_batch(answer: bytes) -> None:
    assert failed_messages(answer, IDS) is None


def test_an_answer_names_the_messages_that_failed() -> None:
    assert failed_messages(b'{"batchItemFailures":[{"itemIdentifier":"b"}]}', IDS) == ["b"]


def test_an_event_is_its_records() -> None:
    assert event_of([b"{}", b"{}"]) == b'{"Records":[{},{}]}'
