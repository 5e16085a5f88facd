"""The pytest plugin as its users meet it: tests of its own process."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
INSTALLED = any(point.value == "emulator.testing.plugin" for point in entry_points(group="pytest11"))


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    load = "" if INSTALLED else "-p emulator.testing.plugin"
    pytester.makeini(f"[pytest]\naddopts = -p no:cacheprovider -p no:schemathesis -p no:xdist {load}\n")
    return pytester


def test_the_plugin_is_part_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"emulator": "emulator.testing.plugin"}


def test_nothing_is_imported_before_a_fixture_is_used() -> None:
    code = "import sys, emulator.testing.plugin; print(*sorted(m for m in sys.modules if m.startswith('emulator')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert loaded.split() == ["emulator", "emulator.testing", "emulator.testing.plugin"]
    code = "import sys, emulator.testing.plugin; print('boto3' in sys.modules, 'fastapi' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert loaded.split() == ["False", "False"]


def test_each_test_has_a_world_of_its_own(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import pytest
        from emulator import Emulator

        @pytest.fixture(scope="module")
        def wider(emulator_server):
            with Emulator(server=emulator_server) as world:
                world.aws.sqs.create_queue(QueueName="of-the-module")
                yield world

        seen = set()

        def test_one(aws, emulator, inbox, clock):
            aws.sqs.create_queue(QueueName="orders")
            seen.add(aws.account)
            assert clock.frozen and inbox.messages == []

        def test_two(aws, emulator, clock, wider):
            assert "QueueUrls" not in aws.sqs.list_queues()
            assert len(wider.aws.sqs.list_queues()["QueueUrls"]) == 1
            assert aws.account == emulator.account and aws.account not in seen

        def test_three(wider, aws):
            assert len(wider.aws.sqs.list_queues()["QueueUrls"]) == 1
            aws.sqs.create_queue(QueueName="orders")

        def test_without_fixtures():
            pass
        """
    )
    run.runpytest_subprocess().assert_outcomes(passed=4)


def test_a_test_that_fails_shows_what_has_happened(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import json, pytest
        from tests.testing.functions import create, send

        def test_it(aws, emulator, clock, faults):
            create(aws, "render", "def handler(event, context):\\n    print('rendering', event['report'])\\n")
            faults.function("render", "error", error="Boom")
            definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
            machine = aws.stepfunctions.create_state_machine(
                name="m", roleArn=f"arn:aws:iam::{aws.account}:role/r", definition=json.dumps(definition)
            )["stateMachineArn"]
            aws.stepfunctions.start_execution(stateMachineArn=machine, name="one")
            send(aws, "render", report=7)
            clock.advance(minutes=2)
            assert emulator.attempts("render") == []
        """
    )
    result = run.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- AWS timeline -*",
            "*0.000 s  fault    fault: error strikes function render",
            "*0.000 s  attempt  attempt 1 of render: function_error Boom (retry) after 0 s",
            "*0.000 s  state    m/one: begins",
            "*60.000 s  attempt  attempt 2 of render: success (done) after 0 s",
            "*60.000 s  log      render | rendering 7",
            "*120.000 s  now",
            "*600.000 s  due      sfn.timer*",
        ]
    )


def test_what_the_harness_says_is_said_at_the_line_of_the_test(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import pytest

        def test_fault(faults):
            faults.function("render", "lost")

        def test_contract(contract):
            contract.match("answer", {"a": 1})

        def test_mail(inbox):
            inbox.wait(to="nobody")

        def test_clients_alone(aws):
            aws.sqs.create_queue(QueueName="q")
            assert aws.sqs.get_queue_url(QueueName="q") == "a timeline is shown"
        """
    )
    result = run.runpytest_subprocess()
    result.assert_outcomes(failed=4)
    assert "emulator/testing" not in result.stdout.str()
    assert result.stdout.str().count("- AWS timeline -") == 4
    result.stdout.fnmatch_lines(['E *HarnessError: fault 1 "fault" of a function must be one of*', "*test_*.py:4: *"])


def test_a_unittest_that_fails_shows_what_had_happened_before_it_was_torn_down(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import unittest
        from emulator import Emulator

        class Base(unittest.TestCase):
            def setUp(self):
                self.emulator = self.enterContext(Emulator())
                self.emulator.aws.ses.verify_email_identity(EmailAddress="a@example.com")
                message = {"Subject": {"Data": self.id().rpartition(".")[2]}, "Body": {"Text": {"Data": "t"}}}
                to = {"ToAddresses": ["b@example.com"]}
                self.emulator.aws.ses.send_email(Source="a@example.com", Destination=to, Message=message)

        class Failing(Base):
            def test_fails(self):
                self.fail("as it should")

            def test_raises(self):
                raise ValueError("as it should")

            def test_passes(self):
                pass
        """
    )
    result = run.runpytest_subprocess()
    result.assert_outcomes(failed=2, passed=1)
    shown = re.findall(r"mail to b@example.com: (\w+)", result.stdout.str())
    assert shown == ["test_fails", "test_raises"]


def test_a_fixture_of_the_same_name_takes_its_place(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import pytest, sys

        @pytest.fixture
        def emulator():
            return "mine"

        def test_it(emulator):
            assert emulator == "mine"
            assert "emulator.app" not in sys.modules
        """
    )
    run.runpytest_subprocess().assert_outcomes(passed=1)


def test_its_fixtures_and_options_are_listed(run: pytest.Pytester) -> None:
    listed = run.runpytest_subprocess("--fixtures", "-v").stdout.str()
    for name in ("emulator", "aws", "inbox", "clock", "async_emulator", "emulator_server"):
        assert re.search(rf"^{name} ", listed, re.MULTILINE), name
    run.runpytest_subprocess("--help").stdout.fnmatch_lines(["*--emulator-url=URL*"])
