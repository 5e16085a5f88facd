"""What a function's process tells the engine of its sleeps, and when: no look at threads is believed if it is old."""

from __future__ import annotations

import threading

import pytest

from emulator.adapters.runtime import virtual_time
from emulator.adapters.runtime.virtual_time import TimeShim

Told = list[tuple[int, float]]


class _Looks:
    """In the place of looks at real threads: what each says, and what happens before it says it."""

    during: list[object] = []
    taken = 0

    def __init__(self, *_: object) -> None: ...

    def quiet(self) -> bool:
        self.taken += 1
        assert self.taken < 50, "nobody believes what was seen"
        if self.during:
            happening = self.during.pop(0)
            assert callable(happening)
            happening()
        return True


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def shim(monkeypatch: pytest.MonkeyPatch, told: Told) -> TimeShim:
    """In virtual time 100, with other threads, and with looks that always find everybody asleep."""
    monkeypatch.setattr(TimeShim, "_travel", lambda self: None)  # pyright: ignore
    monkeypatch.setattr(virtual_time, "Looks", _Looks)
    monkeypatch.setattr(virtual_time, "alone", lambda: False)
    monkeypatch.setattr(_Looks, "during", [])
    # Looks are taken at once, by the thread that asks for them.
    monkeypatch.setattr("_thread.start_new_thread", lambda check, _: check())
    shim = TimeShim()
    monkeypatch.setattr(shim, "_lock", threading.RLock())
    shim.connect(lambda sleeper, due: told.append((sleeper, due)))
    shim.set(100.0, True)
    return shim


def _woken() -> None: ...


def test_only_the_earliest_sleep_is_told(shim: TimeShim, told: Told) -> None:
    def earlier() -> None:
        shim.wait(5, _woken, lambda: None)

    shim.wait(10, _woken, earlier)
    assert told == [(1, 110.0), (1, -1.0), (2, 105.0), (2, -1.0), (1, 110.0), (1, -1.0)]


def test_nobody_is_told_of_while_one_goes_on_whom_the_outside_world_woke(shim: TimeShim, told: Told) -> None:
    def later() -> None:
        shim.wait(20, _woken, lambda: None)

    shim.wait(10, _woken, later)
    assert told == [(1, 110.0), (1, -1.0), (1, 110.0), (1, -1.0)]


def test_what_was_seen_before_somebody_was_woken_says_nothing(shim: TimeShim, told: Told) -> None:
    """Between the look and the word to the engine, the engine wakes another, who goes to work."""

    def goes_on() -> None:
        told.append((0, 0.0))
        shim._withdraw(1)  # pyright: ignore[reportPrivateUsage]

    def while_both_sleep() -> None:
        told.clear()
        _Looks.during[:] = [lambda: shim.wake(1, 105.0), goes_on]
        shim.wait(20, _woken, lambda: None)

    shim.wait(5, _woken, while_both_sleep)
    assert told[:2] == [(0, 0.0), (2, 120.0)]


def test_between_two_invocations_nobody_is_told_of_and_nobody_is_woken(shim: TimeShim, told: Told) -> None:
    woken: list[float] = []

    def between() -> None:
        shim.end()
        assert told == [(1, 105.0), (1, -1.0)]
        shim.wake(1, 105.0)
        assert woken == []
        shim.set(200.0, True)
        assert told[2:] == [(1, 105.0)]
        shim.wake(1, 200.0)
        assert woken == [200.0]

    shim.wait(5, lambda: woken.append(shim.time()), between)


def test_a_wait_that_an_exception_ends_is_taken_back(shim: TimeShim, told: Told) -> None:
    def interrupted() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        shim.wait(5, _woken, interrupted)
    assert told == [(1, 105.0), (1, -1.0)]


def test_a_late_wake_up_does_not_turn_time_back(shim: TimeShim) -> None:
    shim.set(300.0, True)
    shim.wake(7, 200.0)
    assert shim.time() == 300.0


def test_a_forked_copy_does_not_wait_for_a_lock_that_another_thread_held(shim: TimeShim) -> None:
    with shim._lock:  # pyright: ignore[reportPrivateUsage]
        thread = threading.Thread(target=shim.connect, args=(None,), daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
    assert not shim.virtual
