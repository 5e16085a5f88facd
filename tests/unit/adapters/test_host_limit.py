"""Who computes in virtual time is ended by what it has computed, not by what other programs of the machine did."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from emulator.adapters.runtime import host_limit
from emulator.adapters.runtime.host_limit import Effort, HostLimit, of_processes, of_thread


class Host:
    """A loop whose time passes when it is asked to, and what somebody has done by then."""

    def __init__(self) -> None:
        self.now, self.over = 0.0, False
        self.computed = self.withheld = 0.0
        self.ready = False
        self._due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, work: Callable[[], None]) -> Any:
        entry = (self.now + delay, work)
        self._due.append(entry)
        host = self

        class Handle:
            def cancel(self) -> None:
                if entry in host._due:
                    host._due.remove(entry)

        return Handle()

    def pass_until(self, moment: float) -> None:
        while self._due and min(self._due, key=lambda each: each[0])[0] <= moment:
            entry = min(self._due, key=lambda each: each[0])
            self._due.remove(entry)
            self.now = entry[0]
            entry[1]()
        self.now = moment

    def limit(self, seconds: float) -> HostLimit:
        def end() -> None:
            self.over = True

        made = HostLimit(seconds, end, lambda: Effort(self.computed, self.withheld, self.ready))
        made.go_on()
        return made


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: host)
    return host


def test_who_hangs_is_over_at_the_limit(host: Host) -> None:
    host.limit(3.0)
    host.pass_until(2.9)
    assert not host.over
    host.pass_until(3.1)
    assert host.over


def test_who_is_kept_from_running_is_not_over(host: Host) -> None:
    host.limit(3.0)
    host.pass_until(1.0)
    host.withheld = 10.0
    host.pass_until(12.9)
    assert not host.over
    host.pass_until(13.1)
    assert host.over


def test_who_is_about_to_run_gets_the_cpu_time_of_its_limit(host: Host) -> None:
    host.limit(3.0)
    host.ready = True
    host.pass_until(60.0)
    assert not host.over
    host.computed = 3.0
    host.pass_until(60.1)
    assert host.over


def test_who_has_computed_enough_is_over_however_long_its_threads_waited_for_each_other(host: Host) -> None:
    host.limit(3.0)
    host.pass_until(1.0)
    host.withheld, host.computed = 60.0, 3.0
    host.pass_until(4.1)
    assert host.over


def test_nobody_is_waited_for_without_end(host: Host) -> None:
    host.limit(3.0)
    host.ready, host.withheld = True, 1e9
    host.pass_until(3.2 + host_limit.MOST_WITHHELD_SECONDS)
    assert host.over


def test_pauses_do_not_count(host: Host) -> None:
    limit = host.limit(3.0)
    host.pass_until(2.0)
    limit.pause()
    host.pass_until(100.0)
    limit.go_on()
    host.pass_until(100.9)
    assert not host.over
    host.pass_until(101.1)
    assert host.over


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_linux_tells_what_processes_and_threads_have_done() -> None:
    assert of_thread(threading.get_native_id()).ready and of_thread(threading.get_native_id()).computed > 0.0
    assert of_processes([os.getpgid(0)]).ready and of_processes([os.getpgid(0)]).computed > 0.0
    assert not of_processes([]).ready
