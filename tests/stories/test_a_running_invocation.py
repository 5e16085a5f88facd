"""An invocation that still runs can be looked at: what it has written is in its log before it ends."""

from __future__ import annotations

import base64
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.adapters.runtime import attempt
from tests.stories.telling import function, needs_node, node_function, send
from tests.stuck import STUCK_SECONDS

PYTHON = """
import time

def handler(event, context):
    print("before")
    time.sleep(30)
    print("after")
    return "done"
"""
NODE = """
exports.handler = async () => {
  console.log('before');
  await new Promise((resolve) => setTimeout(resolve, 30000));
  console.log('after');
  return 'done';
};
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(attempt, "SHOW_SECONDS", 0.02)


def until_it_wrote(word, emulator):
    """The log, once it has a line with `word`; AWS time stands still meanwhile."""
    limit = time.monotonic() + STUCK_SECONDS
    while time.monotonic() < limit:
        if emulator.logs("slow", word):
            return emulator.logs("slow")
        time.sleep(0.01)
    raise AssertionError(f"{word} was not logged: {emulator.logs('slow')}")


def words(log):
    """The log without what depends on the machine: remarks of the emulator, ids, numbers."""
    told = [message for message in log if not message.startswith("[emulator]")]
    return [next((word for word in ("before", "after") if word in message), message.split()[0]) for message in told]


@pytest.mark.real_process
@pytest.mark.parametrize("language", ["Python", pytest.param("JavaScript", marks=needs_node)])
def test_an_event_that_still_runs_has_its_start_and_its_output_in_the_log_and_each_line_once_at_the_end(
    aws, emulator, clock, language
):
    if language == "Python":
        function(aws, "slow", PYTHON)
    else:
        node_function(aws, "slow", NODE)
    send(aws, "slow")
    assert words(until_it_wrote("before", emulator)) == ["INIT_START", "START", "before"]
    clock.advance(30)
    assert words(emulator.logs("slow")) == ["INIT_START", "START", "before", "after", "END", "REPORT"]


@pytest.mark.real_process
def test_a_waiting_caller_still_gets_the_whole_tail_from_start_to_report(aws, emulator, clock):
    clock.auto(False)  # or the 30 s would have passed before anybody looks
    function(aws, "slow", PYTHON)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(aws.lambda_.invoke, FunctionName="slow", LogType="Tail")
        until_it_wrote("before", emulator)
        clock.advance(30)
        tail = base64.b64decode(answer.result()["LogResult"]).decode()
    assert words(tail.splitlines()) == ["START", "before", "after", "END", "REPORT"]
