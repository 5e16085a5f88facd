"""The trace header of an invocation, and loops in it."""

from __future__ import annotations

from itertools import cycle, islice

import pytest

from emulator.services.lambda_ import trace

ID = "6c1c6d0e-1111-4222-8333-444455556666"


def chain(functions: list[str]) -> int:
    """How many invocations of an endless repetition of `functions` are not stopped."""
    header = ""
    for number, function in enumerate(islice(cycle(functions), 2000)):
        header = trace.following(header, ID, 1_700_000_000, function)
        if trace.is_loop(header, function):
            return number
    raise AssertionError("the loop was not found")


def test_a_request_without_a_trace_starts_one() -> None:
    header = trace.following("", ID, 1_700_000_000, "a")
    assert header.startswith("Root=1-6553f100-6c1c6d0e1111422283334444;Parent=8333444455556666;Sampled=0;Lineage=1:")
    assert trace.following("", ID, 1_700_000_000, "a") == header


def test_the_root_and_the_sampling_of_a_request_are_kept() -> None:
    root = "1-5759e988-bd862e3fe1be46a994272793"
    header = trace.following(f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1", ID, 0, "a")
    assert header.startswith(f"Root={root};Parent=")
    assert ";Sampled=1;" in header
    assert trace.short(header) == f"root={root};sampled=1"


def test_a_function_that_calls_itself_runs_16_times() -> None:
    assert chain(["a"]) == 16


@pytest.mark.parametrize("length", [2, 3, 5, 7, 12])
def test_every_loop_is_found_after_some_more_than_16_rounds(length: int) -> None:
    stopped_after = chain([f"f{n}" for n in range(length)])
    assert 16 * length <= stopped_after < 16 * length + 2 * 16


def test_a_loop_that_is_entered_late_is_found() -> None:
    header, count = "", 0
    for function in ["start", "next", *islice(cycle(["a", "b"]), 500)]:
        header = trace.following(header, ID, 0, function)
        if trace.is_loop(header, function):
            break
        count += 1
    assert 32 <= count <= 48


def test_a_long_chain_of_different_functions_is_no_loop() -> None:
    header = ""
    for number in range(1000):
        header = trace.following(header, ID, 0, f"f{number}")
        assert not trace.is_loop(header, f"f{number}")


@pytest.mark.parametrize(
    "received", ["x", "Root=;Lineage=", "Lineage=1:zz:0", "=;=;;", "Lineage=99999999:00000000:9", "a" * 9999]
)
def test_a_header_that_is_none_is_ignored(received: str) -> None:
    assert trace.following(received, ID, 0, "a") == trace.following("", ID, 0, "a")
