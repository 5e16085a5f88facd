"""Settings of methods on a stage: whose hold, and how they are patched."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.aws.errors import AwsError
from emulator.services.apigateway.stage_rules import patch_setting, percent, settings_of


@pytest.mark.parametrize(
    ("key", "path", "method"),
    [
        ("~1a~1{b}/GET", "/a/{b}", "GET"),
        ("a~1{b}/GET", "/a/{b}", "GET"),
        ("a/{b}/GET", "/a/{b}", "GET"),
        ("~1/POST", "/", "POST"),
        ("*/*", "/anything", "PUT"),
    ],
)
def test_a_method_finds_its_settings_however_its_path_is_written(key: str, path: str, method: str) -> None:
    every = {key: {"own": True}, "other/GET": {}}
    assert settings_of(every, path, method) == (key, {"own": True})


def test_own_settings_win() -> None:
    every = {"*/*": {"all": 1}, "~1a/GET": {"own": 1}}
    assert settings_of(every, "/a", "GET")[1] == {"own": 1}
    assert settings_of(every, "/b", "GET")[1] == {"all": 1}
    assert settings_of({}, "/b", "GET") == ("*/*", {})


@pytest.mark.parametrize("value", ["many", "", "nan"])
def test_numbers_must_be_numbers(value: str) -> None:
    stage: dict[str, Any] = {"methodSettings": {}}
    for path in ("/*/*/throttling/burstLimit", "/*/*/throttling/rateLimit"):
        with pytest.raises(AwsError):
            patch_setting(stage, "replace", path, value)


@pytest.mark.parametrize("value", ["-1", "100.1", "nan", "x", None])
def test_a_share_is_between_nothing_and_all(value: Any) -> None:
    with pytest.raises(AwsError):
        percent(value)
