"""`emulator explore` and `--emulator-faults`, as their users meet them."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
INSTALLED = any(point.value == "emulator.testing.plugin" for point in entry_points(group="pytest11"))

QUEUES = """
def test_orders_arrive_once_and_in_order(aws, emulator):
    queue = aws.sqs.create_queue(QueueName="orders")["QueueUrl"]
    for number in range(3):
        aws.sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    emulator.settle()
    found = []
    while messages := aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += [each["Body"] for each in messages]
    assert sorted(found) == ["0", "1", "2"]
"""

SAMPLE = '''
import io, zipfile
from emulator.demo.deploy import deploy, report, sample_folder

def make_careless(aws):
    """Submit starts an execution under a name of its own each time: the bug that was put there on purpose."""
    source = (sample_folder("sample_functions") / "submit" / "app.py").read_text()
    careless = source.replace("report-{context.aws_request_id}", "report-{uuid.uuid4()}")
    careless = careless.replace("import time", "import time, uuid")
    assert careless.count("uuid") == 3
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("app.py", careless)
    aws.lambda_.update_function_code(FunctionName="report-submit", ZipFile=package.getvalue())

def is_mailed_once(aws, emulator, inbox):
    assert aws.http.post("/reports", json=report("ada@example.com")).status_code == 202
    emulator.settle()
    assert [message.to for message in inbox] == [["ada@example.com"]]

def test_careful(aws, emulator, inbox):
    deploy(aws.client)
    is_mailed_once(aws, emulator, inbox)

def test_careless(aws, emulator, inbox):
    deploy(aws.client)
    make_careless(aws)
    is_mailed_once(aws, emulator, inbox)
'''

SEVERAL = """
import pytest
made = {"module": 0, "function": 0, "parameters": set()}

@pytest.fixture(scope="module")
def wide():
    made["module"] += 1

@pytest.fixture
def narrow():
    made["function"] += 1
    yield
    made["function"] -= 1

@pytest.mark.parametrize("name", ["a", "b"])
class TestIt:
    def test_one(self, wide, narrow, aws, name):
        assert not hasattr(self, "seen")
        self.seen = True
        queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
        for _ in range(3):
            aws.sqs.send_message(QueueUrl=queue, MessageBody=name)
        made["parameters"].add(name)

def test_after():
    assert made == {"module": 1, "function": 0, "parameters": {"a", "b"}}

def test_fails(aws):
    assert aws.sqs.list_queues()["QueueUrls"] == []

@pytest.mark.skip
def test_skipped(aws):
    pass

@pytest.mark.xfail
def test_expected(aws):
    assert False
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    load = "" if INSTALLED else "-p emulator.testing.plugin"
    pytester.makeini(f"[pytest]\naddopts = -p no:cacheprovider -p no:schemathesis -p no:xdist {load}\n")
    return pytester


def pasted(output: str) -> list[str]:
    """The lines of code in the section that ends the output."""
    return re.findall(r"^    (faults\..*)$", output[output.index("= explored =") :], re.MULTILINE)


def test_a_handler_that_is_not_idempotent_is_found_and_shrunk_to_one_duplicate_delivery(run: pytest.Pytester) -> None:
    run.makepyfile(SAMPLE)
    options = ["--emulator-functions=threads", "--emulator-explore=4", "--emulator-explore-most=4"]
    kinds = "--emulator-explore-faults=function:twice,function:slow,function:throttle,function:out_of_order"
    result = run.runpytest_subprocess(*options, kinds)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.re_match_lines(
        [r".*::test_careful: \d different plans, none of which made it fail", r".*function report-submit ×\d"]
    )
    assert pasted(result.stdout.str()) == ["faults.function('report-submit', 'twice')"]
    [plan] = re.findall(r"--emulator-faults '(.*)'", result.stdout.str())
    assert json.loads(plan) == {"seed": 0, "faults": [{"function": "report-submit", "fault": "twice"}]}


THREADS = """
import io, zipfile
import pytest

SOURCE = "import boto3, os\\ndef handler(event, context): return boto3.client('sqs').get_queue_url(QueueName='mine')"

@pytest.mark.parametrize("number", range(3))
def test_it(aws, number):
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("app.py", SOURCE)
    role = f"arn:aws:iam::{aws.account}:role/r"
    code = {"ZipFile": package.getvalue()}
    aws.lambda_.create_function(FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=role, Code=code)
    aws.sqs.create_queue(QueueName="mine")
    assert aws.account in aws.lambda_.invoke(FunctionName="f")["Payload"].read().decode()
"""


def test_handlers_in_threads_have_the_account_of_their_test_s_world(run: pytest.Pytester) -> None:
    run.makepyfile(THREADS)
    run.runpytest_subprocess("--emulator-functions=threads").assert_outcomes(passed=3)


def test_the_command_runs_where_a_project_makes_warnings_errors(run: pytest.Pytester) -> None:
    file = run.makepyfile(QUEUES)
    ini = run.path / "tox.ini"
    ini.write_text(f"{ini.read_text().rstrip()}\nfilterwarnings = error\n")
    result = run.run(
        sys.executable,
        "-c",
        COMMAND,
        "explore",
        str(file),
        "--seeds",
        "1",
        "--faults",
        "mail",
    )
    result.assert_outcomes(passed=1)
    assert "rewritten" not in result.stdout.str() + result.stderr.str()


def test_each_plan_meets_the_test_set_up_afresh_until_there_is_no_other_plan(run: pytest.Pytester) -> None:
    run.makepyfile(SEVERAL)
    options = ["--emulator-explore=100000", "--emulator-explore-most=1", "--emulator-explore-faults=queue:out_of_order"]
    result = run.runpytest_subprocess(*options)
    result.assert_outcomes(passed=3, failed=1, skipped=1, xfailed=1)
    result.stdout.re_match_lines(  # three calls, four delays
        [
            r".*test_one\[a\]: 12 different plans, none of which made it fail",
            r".*test_one\[b\]: 12 different plans, none of which made it fail",
            ".*test_after: not explored, for it has no world of the emulator",
        ]
    )
    assert result.stdout.str().count("not explored, for it does not pass without faults") == 3


COMMAND = "from emulator.cli import main; main()"

WAYS = """
import unittest
import anyio, pytest
from emulator import Emulator

def check(aws):
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    aws.sqs.send_message(QueueUrl=queue, MessageBody="one")
    assert len(aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]) == 1

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_awaited(async_emulator):
    await anyio.to_thread.run_sync(check, async_emulator.aws)

@pytest.mark.anyio
async def test_awaited_without_fixture(anyio_backend):
    async with Emulator() as world:
        await anyio.to_thread.run_sync(check, world.aws)

def test_with(emulator_server):
    with Emulator(server=emulator_server) as world:
        check(world.aws)

class TestUnit(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _world(self, emulator):
        self.world = emulator

    def test_it(self):
        check(self.world.aws)

@pytest.fixture(scope="module")
def shared(emulator_server):
    with Emulator(server=emulator_server) as world:
        yield world

def test_shared(shared):
    check(shared.aws)
"""


def test_a_test_is_explored_however_it_came_by_its_world(run: pytest.Pytester) -> None:
    run.makepyfile(WAYS)
    result = run.runpytest_subprocess("--emulator-explore=9", "--emulator-explore-faults=queue:twice")
    result.assert_outcomes(failed=4, passed=1)
    assert pasted(result.stdout.str()) == ["faults.queue('q', 'twice')"] * 4
    result.stdout.re_match_lines([".*test_shared: not explored, for its world is of a fixture that other tests share"])
    # Pages and timelines are of those worlds, too.
    again = run.runpytest_subprocess("--emulator-faults", '{"faults": [{"queue": "q", "fault": "twice"}]}')
    again.assert_outcomes(failed=5)
    assert again.stdout.str().count("fault: twice strikes queue q") == 5


def test_options_that_mean_nothing_are_refused(run: pytest.Pytester) -> None:
    run.makepyfile("def test_it(aws): pass")
    for options, said in (
        (["--emulator-faults", "nowhere.json"], "No such file or directory: 'nowhere.json'"),
        (["--emulator-faults", '{"faults": [{"mail": "a", "fault": "twice"}]}'], '"fault" of a mail must be one of'),
        (["--emulator-explore=5", "--emulator-explore-faults=thrice"], "there is no fault 'thrice' to explore"),
        (["--emulator-explore=5", "--emulator-faults={}"], "use one of them"),
        (["--emulator-explore=-5"], "numbers from 1"),
    ):
        result = run.runpytest_subprocess(*options)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert said in result.stderr.str()


def test_the_command_is_pytest_with_those_options(run: pytest.Pytester) -> None:
    path = run.makepyfile(QUEUES)
    command = ["-m", "emulator", "explore", str(path), "--seeds", "50", "--faults", "queue:twice", "--most", "1"]
    result = run.runpython_c(f"import sys; sys.argv[1:] = {command[2:]!r}; from emulator.cli import main; main()")
    assert result.ret == 1
    assert pasted(result.stdout.str()) == ["faults.queue('orders', 'twice')"]
    [plan] = re.findall(r"--emulator-faults '(.*)'", result.stdout.str())
    run.runpytest_subprocess("--emulator-faults", plan).assert_outcomes(failed=1)
