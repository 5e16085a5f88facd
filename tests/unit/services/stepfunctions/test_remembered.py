"""Definitions that are remembered: not made again, and bounded by their length."""

from __future__ import annotations

from emulator.services.stepfunctions.asl.remembered import remembered


def test_a_text_is_made_once_while_it_fits() -> None:
    made: list[str] = []

    @remembered(10)
    def length(text: str) -> int:
        made.append(text)
        return len(text)

    assert [length(text) for text in ("aaaa", "bbbb", "aaaa", "bbbb")] == [4, 4, 4, 4]
    assert made == ["aaaa", "bbbb"]
    length("aaaa")
    length("cccc")  # now there are twelve characters: the one asked for least recently goes
    length("aaaa")
    length("bbbb")
    assert made == ["aaaa", "bbbb", "cccc", "bbbb"]


def test_a_text_that_is_too_long_is_remembered_alone() -> None:
    made: list[str] = []

    @remembered(10)
    def length(text: str) -> int:
        made.append(text)
        return len(text)

    length("a")
    length("b" * 100)
    length("b" * 100)
    length("a")
    assert made == ["a", "b" * 100, "a"]
