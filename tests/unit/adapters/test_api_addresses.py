"""Which addresses of a handler's boto3 clients are led to the emulator."""

from __future__ import annotations

import pytest

from emulator.adapters.runtime.api_addresses import led_here

HERE = "http://localhost:4566"


@pytest.mark.parametrize(
    ("url", "led"),
    [
        ("https://abc123.execute-api.us-east-1.localhost:4566/prod", f"{HERE}/_aws/execute-api/abc123/prod"),
        ("https://abc123.execute-api.us-east-1.localhost", f"{HERE}/_aws/execute-api/abc123"),
        ("http://abc123.execute-api.eu-west-1.localhost:1/a/b", f"{HERE}/_aws/execute-api/abc123/a/b"),
        ("https://abc123.execute-api.us-east-1.amazonaws.com/prod", None),
        ("https://localhost:4566/prod", None),
        ("https://evil.example/?x=abc.execute-api.us-east-1.localhost", None),
    ],
)
def test_only_names_of_this_machine_are_led_here(url: str, led: str | None) -> None:
    assert led_here(url, HERE) == (led or url)


def test_a_process_that_knows_no_emulator_is_left_alone() -> None:
    url = "https://abc123.execute-api.us-east-1.localhost/prod"
    assert led_here(url, "") == url
