"""The pytest plugin: `def test_x(emulator, aws, inbox, clock)` has an AWS account to itself.

One server for a test process (each worker of xdist has its own), one world for a test. Only what a test asks for is
imported and started; this file imports pytest alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator.testing.asynchronous import AsyncEmulator
    from emulator.testing.aws import Aws
    from emulator.testing.clock import Clock
    from emulator.testing.contracts import Contract
    from emulator.testing.faults import Faults
    from emulator.testing.inbox import Inbox
    from emulator.testing.normalising import Rules
    from emulator.testing.servers import Server
    from emulator.testing.watching import Watcher
    from emulator.testing.world import Emulator

SECTION = "AWS timeline"
"""Of the report of a failed test."""


WATCHERS = pytest.StashKey[list["Watcher"]]()
"""Who hears of the worlds of tests."""
FAILED = pytest.StashKey[bool]()
"""Of a test whose call has failed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--emulator-url` and `--emulator-functions`, and the same in pytest's configuration file."""
    group = parser.getgroup("emulator", "async-gateway-emulator")
    url = "use the emulator at this URL instead of one in this process"
    group.addoption("--emulator-url", metavar="URL", help=url)
    parser.addini("emulator_url", url, default="")
    functions = "where Python handlers run: in processes, as on AWS, or in threads, for breakpoints and coverage"
    group.addoption("--emulator-functions", choices=("processes", "threads"), help=functions)
    parser.addini("emulator_functions", functions, default="processes")
    record = "run the tests that have contracts at the contract endpoint, and write down what it answers"
    group.addoption("--contract-record", action="store_true", help=record)
    endpoint = "where contracts are recorded: `aws` (as boto3 is configured), `emulator` (this one), or another's URL"
    group.addoption("--contract-endpoint", metavar="WHERE", help=endpoint)
    parser.addini("contract_endpoint", endpoint, default="aws")
    pages = "write a page for each test: its timeline, payloads, logs and mail"
    group.addoption("--emulator-report", metavar="DIR", help=pages)
    plan = "a fault plan, as JSON or in a file, for every test's world"
    group.addoption("--emulator-faults", metavar="PLAN", help=plan)
    explored = (
        "run each test under random fault plans until one makes it fail, and show the smallest (emulator explore)"
    )
    group.addoption("--emulator-explore", metavar="SEEDS", type=int, default=0, help=explored)
    group.addoption("--emulator-explore-first", metavar="SEED", type=int, default=0, help="the seed to begin with")
    group.addoption("--emulator-explore-most", metavar="N", type=int, default=2, help="faults of a plan, at most")
    kinds = "what may go wrong, as `twice,function:error,mail`; without it all that applications should survive"
    group.addoption("--emulator-explore-faults", metavar="KINDS", default="", help=kinds)


def pytest_configure(config: pytest.Config) -> None:
    """Load what options ask for, and nothing else."""
    if config.getoption("--emulator-explore") or config.getoption("--emulator-faults"):
        _configure_faults(config)
    pages: str | None = config.getoption("--emulator-report")
    if pages:
        from pathlib import Path

        from emulator.testing.reporting import Reporter

        reporter = Reporter(Path(pages).absolute())
        config.stash.setdefault(WATCHERS, []).append(reporter)
        config.pluginmanager.register(reporter, "emulator-report")


def _configure_faults(config: pytest.Config) -> None:
    from emulator.testing import exploring, plans

    watchers = config.stash.setdefault(WATCHERS, [])
    given, explored = config.getoption("--emulator-faults"), "--emulator-explore"
    seeds: int = config.getoption(explored) or 0
    first: int = config.getoption(f"{explored}-first") or 0
    most: int = config.getoption(f"{explored}-most") or 0
    if given and seeds:
        raise pytest.UsageError("--emulator-faults is one plan, --emulator-explore many: use one of them")
    if seeds < 0 or most < 1:
        raise pytest.UsageError("--emulator-explore and --emulator-explore-most are numbers from 1")
    try:
        if given:
            watchers.append(exploring.Replay(exploring.read_plan(given)))
            return
        kinds = plans.read_kinds(config.getoption(f"{explored}-faults") or "")
    except (ValueError, OSError) as problem:
        raise pytest.UsageError(str(problem)) from None
    exploration = exploring.Exploration(seeds, first, most, kinds)
    watchers.append(exploration)
    config.pluginmanager.register(exploration, "emulator-explore")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what has happened in its world: while the world is still there."""
    report = yield
    if report.failed and call.when == "call":
        item.stash[FAILED] = True
    if report.failed and call.when != "teardown":
        from emulator.testing import watching

        report.sections += [(SECTION, text) for text in watching.timelines()]
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """From now on it is told which worlds the test has."""
    from emulator.testing import watching

    watching.test[:] = [watching.Test(item, item.config.stash.get(WATCHERS, []))]
    for name in ("addError", "addFailure"):  # by which a unittest.TestCase tells that it fails
        if (tell := getattr(item, name, None)) is not None:
            setattr(item, name, _after(watching.fails_now, tell))
    yield


def _after(first: Callable[[], None], then: Callable[..., None]) -> Callable[..., None]:
    def both(*args: Any) -> None:
        first()
        then(*args)

    return both


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Its fixtures have ended: what is begun between tests is nobody's."""
    from emulator.testing import watching

    try:
        yield
    finally:
        watching.test.clear()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only tests that have contracts are run where contracts are recorded: the others are not meant for AWS."""
    if config.getoption("--contract-record"):
        having = [item for item in items if "contract" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in having])
        items[:] = having


def _recorded_from(config: pytest.Config) -> str:
    """Where contracts are recorded now: `aws`, `emulator`, a URL; empty if they are not."""
    if not config.getoption("--contract-record", False):
        return ""
    return config.getoption("--contract-endpoint") or config.getini("contract_endpoint")


@pytest.fixture(scope="session")
def emulator_server(pytestconfig: pytest.Config) -> Generator[Server]:
    """The emulator of this test process, started when the first test asks for it."""
    from emulator.testing.servers import LocalServer, RemoteServer

    url = pytestconfig.getoption("--emulator-url") or pytestconfig.getini("emulator_url")
    if (recorded_from := _recorded_from(pytestconfig)) == "aws":
        pytest.skip("needs an emulator: from AWS, contracts are recorded of tests that have `aws` and `contract` alone")
    if recorded_from != "emulator":
        url = recorded_from or url
    if url:
        server: Server = RemoteServer(url)
    else:
        where = pytestconfig.getoption("--emulator-functions") or pytestconfig.getini("emulator_functions")
        server = LocalServer(functions=where)
    yield server
    server.close()


@pytest.fixture
def emulator(emulator_server: Server) -> Generator[Emulator]:
    """A world of this test: an account that nobody else uses. Time is frozen; nothing of it outlives the test."""
    from emulator.testing.world import Emulator

    with Emulator(server=emulator_server) as world:  # an emulator's time passes as before once its last world has ended
        emulator_server.ask("POST", "clock", {"action": "freeze"})
        emulator_server.ask("POST", "clock", {"action": "auto"})
        yield world


@pytest.fixture
def async_emulator(emulator: Emulator) -> AsyncEmulator:
    """The same world for a test that is a coroutine."""
    from emulator.testing.asynchronous import AsyncEmulator

    return AsyncEmulator(emulator)


@pytest.fixture
def aws(request: pytest.FixtureRequest) -> Generator[Aws]:
    """boto3's clients of this test's world, as attributes, and `aws.http` for what it has deployed."""
    if _recorded_from(request.config) != "aws":
        yield request.getfixturevalue("emulator").aws
        return
    from emulator.testing.real_aws import RealAws

    real = RealAws()
    yield real
    real.close()


@pytest.fixture
def contract_rules() -> Rules:
    """What else differs from call to call in the answers of this project: replace it in conftest.py."""
    from emulator.testing.normalising import Rules

    return Rules()


@pytest.fixture
def contract(request: pytest.FixtureRequest, aws: Aws, contract_rules: Rules) -> Generator[Contract]:
    """Answers as AWS gave them once: `contract.match("created", answer)`; recorded by `--contract-record`."""
    from emulator.testing.contracts import Contract, path_of

    recorded_from = _recorded_from(request.config)
    source = "AWS" if ".amazonaws.com" in aws.url else "an emulator"
    path = path_of(request.path, request.node.nodeid.partition("::")[2])
    contract = Contract(path, contract_rules, aws.account, aws.region, source, bool(recorded_from))
    yield contract
    if recorded_from and not request.node.stash.get(FAILED, False):
        contract.write()


@pytest.fixture
def inbox(emulator: Emulator) -> Inbox:
    """The mail of this test's world."""
    return emulator.inbox


@pytest.fixture
def faults(emulator: Emulator) -> Faults:
    """What goes wrong in this test's world: nothing, until it says so."""
    return emulator.faults


@pytest.fixture
def clock(emulator: Emulator) -> Clock:
    """AWS time: frozen until the test moves it."""
    return emulator.clock
