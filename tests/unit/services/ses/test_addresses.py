"""How SES reads addresses and which identity covers them."""

from __future__ import annotations

import pytest

from emulator.services.ses import model


@pytest.mark.parametrize(
    "text",
    ["a@example.com", "Karen Chan <k@b.co>", '"Chan, Karen" <karen@example.com>', '"a b"@example.com', "<a@b.co>"],
)
def test_an_address_with_or_without_a_display_name_is_taken(text: str) -> None:
    assert model.parse_address(text).given == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Missing final '@domain'"),
        ("karen", "Missing final '@domain'"),
        ("karen@", "Missing domain"),
        ("@example.com", "Missing local name"),
        ("Karen, Chan <karen@example.com>", "Illegal address"),
        ("a@example.com, b@example.com", "Illegal address"),
        ("Karen Chan <karen @example.com>", "Local address contains control or whitespace"),
        ("Karen\r\nBcc: x@example.com <karen@example.com>", "Local address contains control or whitespace"),
        ("github:haiodo", "Local address contains illegal character"),
        ("k..c@example.com", "Local address contains dot-dot"),
        ("Käthe@example.com", "Local address contains illegal character"),
        ("karen@exa mple.com", "Domain contains control or whitespace"),
        ("karen@exämple.com", "Domain contains illegal character"),
        ("karen@example.com.", "Domain ends with dot"),
        ("Karen <karen@example.com", "Missing '>'"),
        ("a@b@example.com", "Domain contains illegal character"),
    ],
)
def test_a_malformed_address_is_refused_in_the_words_of_ses(text: str, problem: str) -> None:
    with pytest.raises(model.MalformedAddress) as caught:
        model.parse_address(text)
    assert caught.value.message == problem


def test_a_domain_covers_its_addresses_and_subdomains_and_labels_belong_to_their_address() -> None:
    names = model.covering_names(model.parse_address("Reports <a+b@Mail.Example.COM>"))
    assert names == ["a+b@mail.example.com", "a@mail.example.com", "mail.example.com", "example.com", "com"]


def test_a_message_id_has_the_form_of_ses() -> None:
    identifier = model.message_id("us-east-1", 1_700_000_000.0, "11111111-2222-4333-8444-555555555555")
    assert identifier == "0100018bcfe56800-11111111-2222-4333-8444-555555555555-000000"
    assert len(identifier) == 60
    assert model.message_id_header("x", "us-east-1") == "<x@email.amazonses.com>"
    assert model.message_id_header("x", "eu-west-1") == "<x@eu-west-1.amazonses.com>"


def test_delivery_is_retried_with_back_off_for_fourteen_hours() -> None:
    now, attempts, waits = 0.0, 1, []
    while (due := model.retry_at(attempts, 0.0, now)) is not None:
        waits.append(due - now)
        now, attempts = due, attempts + 1
    assert waits[:4] == [10, 20, 40, 80]
    assert max(waits) == 3600
    assert 13 * 3600 < now <= 14 * 3600
