"""The composition root: settings → adapters → services → ASGI callable and worker.

The only place that knows every part. It decides what is plugged into what, and in which order things
start and stop; nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from emulator import jobs, worlds
from emulator.adapters import http_server, remembered_time
from emulator.adapters.clock import LiveClock
from emulator.adapters.console import Console
from emulator.adapters.faults import end_of_the_process, failing_commits
from emulator.adapters.faulty_runtime import FaultyRuntime
from emulator.adapters.http_sender import HttpxSender
from emulator.adapters.process_runtime import ProcessRuntime
from emulator.adapters.request_ids import seeded_request_ids
from emulator.adapters.runtime.debugging import debug_ports
from emulator.adapters.runtime.packages import remove_tree
from emulator.adapters.smtp_server import SmtpServer, SmtpUnavailable
from emulator.adapters.sqlite import SqliteStore
from emulator.adapters.supporting_services import MotoServices
from emulator.adapters.waiting_clients import WaitingClients
from emulator.adapters.watched_file import WatchedFile
from emulator.aws.apis import AwsApis
from emulator.aws.data_planes import DataPlanes
from emulator.aws.edge import DataPlane, Edge, NamedHosts
from emulator.aws.faulty import FaultyCalls, FaultyPlane
from emulator.aws.request_traces import RequestTraces
from emulator.aws.scope import DEFAULT_ACCOUNT, Scope
from emulator.aws.service import Context, Mounted, Services
from emulator.aws.telemetry import Silent
from emulator.control import Control
from emulator.faults import FaultPlan, Faults
from emulator.faulty_jobs import faulty_events
from emulator.ports import FunctionRuntime, Mailer, MailSubmission, OutgoingMail, Store, Transaction
from emulator.services.apigateway import wire as apigateway
from emulator.services.apigatewayv2 import wire as apigatewayv2
from emulator.services.cloudformation import wire as cloudformation
from emulator.services.cloudwatch import wire as cloudwatch
from emulator.services.events import wire as events
from emulator.services.iam import wire as iam
from emulator.services.lambda_ import wire as lambda_
from emulator.services.lambda_.operations.invoke import EVENT_JOB
from emulator.services.logs import wire as logs
from emulator.services.pipes import wire as pipes
from emulator.services.s3 import wire as s3
from emulator.services.scheduler import wire as scheduler
from emulator.services.ses import inbox
from emulator.services.ses import wire as ses
from emulator.services.sns import wire as sns
from emulator.services.sqs import wire as sqs
from emulator.services.stepfunctions import wire as stepfunctions
from emulator.settings import LiveSettings, Settings
from emulator.worker import Worker

LONGEST_SETTLE_SECONDS = 366 * 86400.0
LOOK_AGAIN_SECONDS = 0.02
"""Host time after which one looks again whether time may move for a client that waits, if nothing was due."""
MEASURING = frozenset({"sqs.gauges", "cloudwatch.alarm.calm"})
"""Jobs of every minute that measure, whatever happens."""
HOUSEKEEPING = MEASURING | frozenset(
    {
        "cloudwatch.rollup",
        "cloudwatch.alarm",
        "logs.sweep",
        "events.schedule",
        "scheduler.recurring",
        "lambda.sqs_poll",
        "lambda.stream_poll",
        "pipes.poll",
        "pipes.stream_poll",
        "apigatewayv2.connection",
    }
)
"""Jobs that nobody's request waits for: no work that a restart could have lost."""


class Emulator:
    """Everything, put together. Build it inside a running event loop, then `start`, serve `asgi`, `stop`.

    `wrap_store` and `make_runtime` let tests put a fault between an adapter and its users.
    """

    measuring = MEASURING

    def __init__(
        self,
        settings: Settings,
        base_url: str,
        wrap_store: Callable[[Store], Store] | None = None,
        make_runtime: Callable[[Emulator], FunctionRuntime] | None = None,
        console: Console | None = None,
    ) -> None:
        self.settings = settings
        self.base_url = base_url
        self.live = LiveSettings()
        self.clock = LiveClock(settings.frozen, remembered_time.first_time(settings.data, settings.start_at))
        store = SqliteStore(self.clock, settings.data, settings.fsync, settings.seed)
        self.store: Store = wrap_store(store) if wrap_store else store
        self._temporary = Path(tempfile.mkdtemp(prefix="emulator-")) if settings.data is None else None
        self.work_dir = (self._temporary or settings.data or Path()) / "work"
        self.work_dir.mkdir(parents=True, exist_ok=True)
        self.runtime: FunctionRuntime = (
            make_runtime(self)
            if make_runtime
            else ProcessRuntime(
                self.clock,
                self.live,
                self.work_dir,
                lambda: self.base_url,
                pythons=settings.pythons,
                debug_ports=debug_ports(settings.debug),
            )
        )
        self._console = console
        if console is not None:
            console.watch_remarks(self.clock)
            self.runtime = console.watch_runtime(self.runtime, self.clock, base_url)
        self.faults = Faults(self.clock.now)
        self.crash: Callable[[], None] | None = end_of_the_process
        """What a crash is that a fault plan asks for; None in a process that is not the emulator's own."""
        store.before_commit = failing_commits(self.faults, lambda: self.crash and self.crash())
        self.sqlite = store
        if settings.faults:
            self.faults.put(FaultPlan.from_text(settings.faults))
        self.runtime = FaultyRuntime(self.runtime, self.clock, self.faults)
        self.supporting = MotoServices(self.clock.now)
        self.http_sender = HttpxSender()
        self.services = Services()
        self.requests = RequestTraces(self.live)
        self.planes = DataPlanes()
        self.mounted: list[Mounted] = []
        request_ids = seeded_request_ids(store.seed) if store.seed is not None else None
        context = Context(
            self.store,
            self.clock,
            self.live,
            self.services,
            self.runtime,
            FaultyCalls(self.services, self.supporting, self.faults),
            AwsApis(self.services, self.supporting, self.clock, settings.region, request_ids),
            Silent(),
            Silent(),
            self.supporting,
            _mailer(settings.smtp),
            self.http_sender,
            base_url,
            private_integrations=settings.private_integrations,
            cognito_jwks=settings.cognito_jwks,
            traces=self.requests,
            mock_file=WatchedFile(settings.sfn_mock_config).read if settings.sfn_mock_config else lambda: None,
            planes=self.planes,
            faults=self.faults,
            count_coverage=settings.sfn_coverage,
        )
        # The two sinks first: every service after them is given context.metrics and context.logs.
        self.cloudwatch = self._mount(cloudwatch.mount(context))
        self.logs = self._mount(logs.mount(context))
        self._mount(iam.mount(context))  # and context.signatures
        self.sqs = self._mount(sqs.mount(context))
        self.lambda_ = self._mount(lambda_.mount(context, self.sqs.operations))
        self.ses = self._mount(ses.mount(context)).operations
        self.sns = self._mount(sns.mount(context, self.ses)).operations
        self._mount(s3.mount(context))
        bridge = self._mount(events.mount(context)).operations
        self.stepfunctions = self._mount(
            stepfunctions.mount(context, self.lambda_.operations, bridge.connections, bridge.events.has_listeners)
        )
        self._mount(scheduler.mount(context))
        self._mount(pipes.mount(context, self.sqs.operations))
        self.apigateway = self._mount(apigateway.mount(context, self.lambda_.operations))
        older = self.apigateway.operations
        newer = self._mount(apigatewayv2.mount(context, self.lambda_.operations, older.data_plane)).operations
        older.custom_domains.also(newer.answering)
        older.has_websocket_stage = newer.has_websocket_stage
        self._mount(cloudformation.mount(context))
        self.store.add_schema(jobs.SCHEMA)
        self.store.add_schema(worlds.SCHEMA)
        kinds = {name: kind for mounted in self.mounted for name, kind in mounted.jobs.items()}
        kinds[EVENT_JOB] = faulty_events(kinds[EVENT_JOB], self.store, self.faults)
        self.worker = Worker(self.store, self.clock, self.clock, kinds, lambda: self.asgi.requests)
        # HTTP APIs first: they hand on what is for a REST API, whose addresses are the same.
        planes: list[DataPlane] = [plane for mounted in reversed(self.mounted) for plane in mounted.data_planes]
        sockets = [plane for mounted in self.mounted for plane in mounted.socket_planes]
        planes = [self._faulty(plane) for plane in planes]
        if console is not None:
            planes = [console.watch_plane(plane, self.clock) for plane in planes]
            for conversations in sockets:
                conversations.tell = console.watch_events(self.clock)
        self.planes.add(planes)
        self.clients = WaitingClients()
        for conversations in sockets:
            conversations.clients = self.clients
        domains = self._faulty(older.custom_domains)
        named = NamedHosts(older.custom_domains.find, console.watch_plane(domains, self.clock) if console else domains)
        self.asgi = Edge(
            services=self.services,
            supporting=self.supporting,
            clock=self.clock,
            settings=settings,
            control=Control(self),
            data_planes=planes,
            socket_planes=sockets,
            calling=self.runtime.calling,
            request_ids=request_ids,
            named_hosts=named,
            clients=self.clients,
        )
        self.smtp_server: SmtpServer | None = None
        if settings.smtp_port is not None:
            self.smtp_server = SmtpServer(
                settings.host, settings.smtp_port, self._submit, self.receive_mail, settings.smtp_certificate
            )
        self._loop: asyncio.Task[None] | None = None
        self._moving_for_clients: asyncio.Task[None] | None = None
        self._worlds: set[str] = set()
        self._holds: dict[str, asyncio.Event] = {}
        """Worlds that end with a client's connection, and whether they have ended."""
        self._time_before_worlds = (1.0, False)
        self.unfinished: dict[str, int] = {}
        """Jobs by kind that an earlier run left and this one goes on with; what keeps house for itself apart."""

    def _mount(self, mounted: Mounted) -> Mounted:
        for service in mounted.services:
            self.services.add(service)
        self.store.add_schema(mounted.schema)
        self.mounted.append(mounted)
        return mounted

    async def start(self) -> None:
        """Start running jobs; those left from before a crash are due at once."""
        found = await self.store.read(jobs.count_by_kind)
        self.unfinished = {kind: number for kind, number in found.items() if kind not in HOUSEKEEPING}
        for mounted in self.mounted:
            if mounted.start is not None:
                await mounted.start()
        if self.smtp_server is not None:
            try:
                await self.smtp_server.start()
            except SmtpUnavailable:
                await self.stop()
                raise
        self._loop = asyncio.create_task(self.worker.run(), name="worker")

    async def stop(self) -> None:
        """End functions, the worker and the store; everything committed stays."""
        try:
            self.release_worlds()
            if self.smtp_server is not None:
                await self.smtp_server.aclose()
            self.move_for_clients(False)
            if self._loop is not None:
                self._loop.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._loop
            await self.runtime.aclose()
            await self.http_sender.aclose()
        finally:
            self.store.close()
            if self._console is not None:
                self._console.close()
            if self._temporary is not None:
                remove_tree(self._temporary)

    async def advance(self, seconds: float) -> None:
        """Move AWS time forward by `seconds`, running everything that falls due on the way."""
        await self._move(self.worker.advance_to, self.clock.now() + seconds)

    async def settle(self, account: str | None = None) -> None:
        """Run every consequence of what has happened, however late it is due (a year at most).

        With `account` only its own jobs are waited for; others' run too as their time comes. Sleepers of the clock have
        no account: all are waited for.
        """
        settled: Callable[[Transaction], bool] | None = None
        if account is not None:
            settled = partial(self._is_settled, account)
        await self._move(lambda until: self.worker.settle(until, settled), self.clock.now() + LONGEST_SETTLE_SECONDS)

    def _is_settled(self, account: str, tx: Transaction) -> bool:
        return not worlds.its_jobs(tx, account, self.clock.now(), self.worker.recurring)

    async def advance_to_next(self) -> bool:
        """Move AWS time to the next thing that is due and run it; False if nothing is, a year at most from now."""
        found = False

        async def move(until: float) -> None:
            nonlocal found
            found = await self.worker.advance_to_next(until)

        await self._move(move, self.clock.now() + LONGEST_SETTLE_SECONDS)
        return found

    @property
    def moves_for_clients(self) -> bool:
        """Whether frozen time moves by itself while a client waits."""
        return self._moving_for_clients is not None

    def move_for_clients(self, wanted: bool) -> None:
        """From now on frozen time moves by itself, or does not, while a client waits for an answer."""
        if wanted == self.moves_for_clients:
            return
        if self._moving_for_clients is not None:
            self._moving_for_clients.cancel()
            self._moving_for_clients = None
            self.clients.ignore()
        else:
            self._moving_for_clients = asyncio.create_task(self._move_for_clients(), name="time for clients")

    async def _move_for_clients(self) -> None:
        """Jump from due time to due time as long as a client waits and nobody is at work."""
        somebody = self.clients.listen()

        def wanted() -> bool:
            return self.clients.count > 0 and self.clock.mode == "frozen"

        while True:
            somebody.clear()
            while wanted():
                if not await self.worker.advance_to_next(self.clock.now() + LONGEST_SETTLE_SECONDS, wanted):
                    break
            # A client that still waits does so for another one, or for host time: whoever comes next rings.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_SECONDS if wanted() else None):
                    await somebody.wait()

    async def _move(self, move: Callable[[float], Any], until: float) -> None:
        """Time moves only while it is frozen; a clock that runs is held meanwhile."""
        factor = self.clock.factor
        self.clock.set_factor(0.0)
        try:
            await move(until)
        finally:
            self.set_time_factor(factor)

    def set_time_factor(self, factor: float) -> None:
        """Freeze (0), resume (1) or scale AWS time; a restart on the same data does not go back behind it."""
        self.clock.set_factor(factor)
        self.worker.time_changed()
        remembered_time.remember(self.settings.data, self.clock.now(), factor)

    async def go_on_at(self, now: float) -> None:
        """The store is another: AWS time is `now`, unless it is later already, and its jobs are looked at anew."""
        if now > self.clock.now():
            factor = self.clock.factor
            self.clock.set_factor(0.0)
            self.clock.jump(now)
            self.set_time_factor(factor)
        for mounted in self.mounted:
            if mounted.start is not None:
                await mounted.start()
        self.worker.forget()
        self.worker.time_changed()

    async def begin_world(self) -> worlds.World:
        """An account that nobody else uses, until `end_world`."""
        world = await self.store.transact(worlds.begin)
        if not self._worlds:
            self._time_before_worlds = self.clock.factor, self.moves_for_clients
        self._worlds.add(world.account)
        return world

    async def end_world(self, account: str) -> bool:
        """Forget everything of a world, and end what of it still runs; False if there is no such world.

        The last one to end leaves time to pass as it did when the first began.

        Other accounts do not notice. What only caches (compiled deployments, say) goes as it ever does: its keys are
        ids that nobody has any more.
        """
        ended = await self.store.transact(lambda tx: worlds.end(tx, account))
        if ended is None:
            return False
        self.worker.cancel(ended)
        self.faults.drop(account)
        await self.runtime.reset(account)
        await self.supporting.reset(account)
        if account in self._worlds:
            self._worlds.discard(account)
            if not self._worlds:
                factor, moves_for_clients = self._time_before_worlds
                self.set_time_factor(factor)
                self.move_for_clients(moves_for_clients)
        if account in self._holds:
            self._holds.pop(account).set()
        return True

    def hold(self, account: str) -> asyncio.Event:
        """Somebody is going to end a world when its client goes away; set once that is not to be done any more."""
        self._holds[account] = asyncio.Event()
        return self._holds[account]

    def is_held(self, account: str) -> bool:
        """Whether a world ends with a client's connection."""
        return account in self._holds

    def release_worlds(self) -> None:
        """No world ends with a connection any more: all have been forgotten, or the emulator itself ends."""
        for ended in self._holds.values():
            ended.set()
        self._holds.clear()

    @property
    def time_after_worlds(self) -> str:
        """How time is to pass when the last world has ended, if that is otherwise than now; else empty."""
        factor = self._time_before_worlds[0]
        if not self._worlds or factor == self.clock.factor:
            return ""
        return f"at {factor:g} times the host's speed" if factor else "only when somebody advances it"

    def _faulty(self, plane: DataPlane) -> DataPlane:
        async def owner_of(identifier: str) -> tuple[str, str]:
            return await self.store.read(lambda tx: worlds.owner_of(tx, identifier))

        return FaultyPlane(plane, self.clock, self.faults, owner_of)

    async def reset(self) -> None:
        """Forget everything but the time."""
        self._worlds.clear()
        self.release_worlds()
        self.faults.drop()
        self.worker.forget()
        await self.runtime.reset()
        await self.store.reset()
        await self.supporting.reset()
        for mounted in self.mounted:
            forget = getattr(mounted.operations, "forget_cached", None)
            if forget is not None:
                forget()
        self.requests.forget()
        self.live.restore_defaults()

    def service_names(self) -> list[str]:
        """botocore names of everything that answers."""
        delegated = ["s3", "iam", "sts", "dynamodb", "ssm", "secretsmanager", "kms"]
        return sorted({*self.services.names(), *(name for name in delegated if self.supporting.supports(name))})

    async def code_package(self, account: str, region: str, name: str) -> bytes | None:
        """The deployment package of a function, as `GetFunction` points to it."""
        return await self.store.read(lambda tx: self.lambda_.operations.code_package(tx, Scope(account, region), name))

    async def layer_package(self, account: str, region: str, name: str, version: int) -> bytes | None:
        """The archive of a layer version, as `GetLayerVersion` points to it."""
        if not 0 < version < 2**63:
            return None
        scope = Scope(account, region)
        return await self.store.read(lambda tx: self.lambda_.operations.layer_package(tx, scope, name, version))

    async def release(self, message_id: str, to: list[str] | None, smtp: str | None) -> list[str] | None:
        """Hand a message of the inbox to a mail server; to whom, or None if there is no such message.

        Raises ValueError for a server that cannot be one, MailerUnavailable for one that does not take it.
        """
        found = await self.store.read(lambda tx: inbox.get_raw(tx, message_id))
        if found is None:
            return None
        mailer = _mailer(smtp or self.settings.smtp)
        if mailer is None:
            raise ValueError('name a mail server, as in {"smtp": "localhost:1025"}, or start with --smtp')
        recipients = to or list(found.recipients)
        await mailer.send(OutgoingMail(found.id, found.envelope_sender, recipients, found.raw))
        return recipients

    async def _submit(self, mail: MailSubmission) -> str:
        """Accept mail of an application by SMTP; its SES message id. Raises `SubmissionRefused`."""
        account = mail.user if len(mail.user) == 12 and mail.user.isdecimal() else DEFAULT_ACCOUNT
        scope = Scope(account, self.settings.region)
        with self.clock.busy("SMTP"):
            return await self.store.transact(lambda tx: self.ses.incoming.submit(tx, scope, mail))

    async def receive_mail(self, mail: MailSubmission, account: str = "", region: str = "") -> str:
        """Take mail in from outside, for receipt rules; its id. Raises `SubmissionRefused`.

        Whose rules it meets, its recipients say, unless account or region do.
        """
        home = Scope(DEFAULT_ACCOUNT, self.settings.region)
        with self.clock.busy("incoming mail"):
            return await self.store.transact(lambda tx: self.ses.incoming.receive(tx, home, mail, account, region))

    async def recent_invocations(self) -> list[dict[str, Any]]:
        """Attempts of functions, oldest first."""
        return await self.store.read(self.lambda_.operations.recent_invocations)


def _mailer(address: str | None) -> Mailer | None:
    if address is None:
        return None
    from emulator.adapters.smtp import SmtpMailer

    return SmtpMailer.from_address(address)


async def serve_until(
    settings: Settings,
    announce: Callable[[Emulator], None],
    stop: asyncio.Event,
    make: Callable[[Settings, str], Emulator] = Emulator,
) -> None:
    """Serve until `stop` is set. Raises OSError when the port is taken, `DataDirectoryInUse`, `UnknownSchema`."""
    listener = http_server.bind(settings.host, settings.port)
    port = listener.getsockname()[1]
    host = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0", "::", "::1", "localhost") else settings.host
    try:
        emulator = make(settings, f"http://{host}:{port}")
        server = http_server.server(emulator.asgi)
        await emulator.start()
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
        try:
            await server.listening.wait()
            announce(emulator)
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            server.stop()
            await serving
        finally:
            await emulator.stop()
    finally:
        listener.close()


def _collect_seldom() -> None:
    """Look for garbage in cycles once in 10,000 new objects, not in 700, and never in what was imported.

    Requests leave hardly any cycles: it is a twentieth of what one costs.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def serve(
    settings: Settings, announce: Callable[[Emulator], None] | None = None, console: Console | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; `announce(emulator)` is called once, when the port answers."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await serve_until(
            settings,
            announce or (lambda _: None),
            stop,
            lambda settings, url: Emulator(settings, url, console=console),
        )

    import uvloop

    _collect_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
