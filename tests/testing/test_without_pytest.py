"""`from emulator import Emulator`: a world with an emulator of its own, awaited or not, in processes or threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from emulator import Emulator, Settings
from emulator.testing import asynchronous, clock, faults, inbox, websocket, world
from emulator.testing import queue as queues
from emulator.testing.asynchronous import AsyncEmulator
from emulator.testing.model_loader import model_loader
from emulator.testing.servers import HarnessError
from tests.testing.functions import create, invoke, send

ROOT = Path(__file__).resolve().parents[2]


def test_an_emulator_of_its_own_starts_and_leaves_nothing_running() -> None:
    emulator = Emulator(Settings(port=0, data=None, frozen=True, region="eu-west-1"))
    with pytest.raises(HarnessError, match="is not started"):
        emulator.settle()
    with emulator as world:
        assert world is emulator and world.region == "eu-west-1"
        arn = create(world.aws)
        assert arn.startswith(f"arn:aws:lambda:eu-west-1:{world.account}:")
        send(world.aws, fail=True)
        before = world.clock.now()
        world.settle()
        assert world.clock.now() - before == 180
        first = world.account
    with emulator as again:
        assert again.account == first, "a new server begins anew"
        assert again.aws.lambda_.list_functions()["Functions"] == []


def test_handlers_in_threads_of_the_test() -> None:
    with Emulator(functions="threads") as emulator:
        source = "import threading\ndef handler(event, context):\n    return threading.current_thread().name\n"
        create(emulator.aws, source=source)
        assert invoke(emulator.aws) == "function worker"
    with pytest.raises(ValueError, match='"processes" or "threads"'):
        Emulator(functions="containers").start()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_world_is_awaited() -> None:
    async with Emulator() as emulator:
        create(emulator.aws)
        send(emulator.aws, fail=True)
        await emulator.settle()
        assert len(await emulator.attempts("worker")) == 3
        assert "attempt 3 of worker" in str(await emulator.timeline())


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_every_helper_has_a_twin_that_is_awaited(async_emulator: asynchronous.AsyncEmulator) -> None:
    queue = async_emulator.queue("q")
    async_emulator.aws.sqs.create_queue(QueueName="q")
    await async_emulator.faults.queue("q", "twice")
    await queue.send({"n": 1})
    assert await queue.length() == 2
    async with async_emulator.branch() as other:
        assert await other.queue("q").bodies() == ['{"n": 1}'] * 2
    assert await queue.length() == 2 and len(await async_emulator.faults.strikes()) == 1
    assert await async_emulator.clock.frozen() and (await async_emulator.clock.datetime()).year >= 2025
    said = {AsyncEmulator: {"connect", "restore", "start", "stop", "server", "sync", "http"}}
    said[asynchronous.AsyncWebSocket] = {"open"}
    for plain in (world.Emulator, clock.Clock, inbox.Inbox, faults.Faults, queues.Queue, websocket.WebSocket):
        twin = getattr(asynchronous, f"Async{plain.__name__}")
        there = set(dir(twin)) | set(vars(async_emulator)) | {"name"}
        missing = {name for name in dir(plain) if not name.startswith("_")} - there - said.get(twin, set())
        assert not missing, f"{twin.__name__} lacks {missing}"


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("boto3", "fastapi", "emulator.app", "sqlite3")
    code = f"import sys, emulator; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.strip() == "[]"


def test_what_no_stack_and_no_web_socket_asks_for_is_not_loaded() -> None:
    late = ("emulator.deploy.template.model", "emulator.services.cloudformation.model", "wsproto", "moto", "pydantic")
    code = f"import emulator.app, sys; assert not [name for name in {late!r} if name in sys.modules]"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_harness_finds_every_model_that_boto3_finds() -> None:
    ours, usual = model_loader(None), Loader()
    assert sorted(ours.list_available_services("service-2")) == usual.list_available_services("service-2")
    assert ours.load_service_model("sqs", "service-2") == usual.load_service_model("sqs", "service-2")
    with pytest.raises(UnknownServiceError, match=r"no-such-thing.*lambda.*sqs"):
        ours.load_service_model("no-such-thing", "service-2")
