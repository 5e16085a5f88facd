"""The pure rules of SQS: digests, addresses, receipt handles, attributes."""

from __future__ import annotations

import pytest

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.services.sqs.model import sequence_number
from emulator.services.sqs.rules import addresses, attributes, messages

HERE = Scope("000000000000", "us-east-1")


def test_the_digest_of_attributes_is_the_recorded_one() -> None:
    """recorded/lambda_integration_sqs, test_message_body_and_attributes_passed_correctly."""
    given = {
        "Title": {"DataType": "String", "StringValue": "The Whistler"},
        "Author": {"DataType": "String", "StringValue": "John Grisham"},
        "WeeksOn": {"DataType": "Number", "StringValue": "6"},
    }
    assert messages.md5_of_attributes(given) == "d25a6aea97eb8f585bfa92d314504a92"
    assert messages.md5_of_attributes(dict(reversed(given.items()))) == "d25a6aea97eb8f585bfa92d314504a92"


def test_size_counts_bytes_of_body_names_types_and_values() -> None:
    given = {"é": {"DataType": "String", "StringValue": "ü"}, "b": {"DataType": "Binary", "BinaryValue": b"123"}}
    assert messages.size_of("ä", given) == 2 + (2 + 6 + 2) + (1 + 6 + 3)


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("http://localhost:4566/000000000000/q", "us-east-1"),
        ("https://sqs.eu-west-1.amazonaws.com/000000000000/q", "eu-west-1"),
        ("http://sqs.eu-west-1.localhost:4566/000000000000/q", "eu-west-1"),
        ("http://localhost:4566/queue/eu-west-1/000000000000/q", "eu-west-1"),
        ("/000000000000/q", "us-east-1"),
    ],
)
def test_a_url_names_account_queue_and_maybe_region(url: str, region: str) -> None:
    assert addresses.parse_url(url, HERE) == addresses.QueueName(Scope("000000000000", region), "q")


@pytest.mark.parametrize(
    "url", ["q", "http://localhost/q", "http://[", "http://localhost/1/q", "http://x/000000000000/a/b"]
)
def test_what_is_no_url_of_a_queue(url: str) -> None:
    with pytest.raises(AwsError) as caught:
        addresses.parse_url(url, HERE)
    assert caught.value.code == "InvalidAddress"


def test_a_receipt_handle_says_queue_row_and_receipt() -> None:
    assert addresses.read_handle(addresses.write_handle(7, 42, "abc")) == addresses.Handle(7, 42, "abc")


@pytest.mark.parametrize("text", ["x", "AQAB", "AQABMTox", "AQABOjoxOng=", "é", "A" * 5000])
def test_a_text_that_is_no_receipt_handle(text: str) -> None:
    with pytest.raises(AwsError) as caught:
        addresses.read_handle(text)
    assert caught.value.code == "ReceiptHandleIsInvalid"


def test_sequence_numbers_have_twenty_digits_and_grow() -> None:
    numbers = [sequence_number(row) for row in (1, 2, 10**9)]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {20}


def test_a_redrive_policy_is_kept_with_its_count_as_a_number() -> None:
    given = {"RedrivePolicy": '{"maxReceiveCount": "5", "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:d"}'}
    kept = attributes.checked(given, fifo=False, creating=True)
    assert kept["RedrivePolicy"] == '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d","maxReceiveCount":5}'


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        (None, True),
        ('{"redrivePermission":"allowAll"}', True),
        ('{"redrivePermission":"denyAll"}', False),
        ('{"redrivePermission":"byQueue","sourceQueueArns":["a"]}', True),
        ('{"redrivePermission":"byQueue","sourceQueueArns":["b"]}', False),
    ],
)
def test_who_may_use_a_dead_letter_queue(policy: str | None, allowed: bool) -> None:
    given = {} if policy is None else {"RedriveAllowPolicy": policy}
    assert attributes.allows_redrive(given, "a") is allowed
