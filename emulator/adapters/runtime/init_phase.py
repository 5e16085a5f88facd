"""The init phase: a new environment loads the function, for an invocation or ahead of any.

Decides what is logged around it (reference lambda_invoke.md 1.5, 1.6). What becomes of an environment that could not
be initialised is its callers' to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.ports import FunctionSpec, LogEvent

from . import outcomes, wire
from .environment import Ending, ExecutionEnvironment, Hold, Reply
from .kinds import EnvironmentKind
from .platform_log import PlatformLog
from .pool import Pool


@dataclass(frozen=True, slots=True)
class Initialised:
    """How the init phase of a new environment went; one that failed has been ended."""

    environment: ExecutionEnvironment
    reply: Reply
    took_seconds: float
    events: list[LogEvent]
    """What belongs into its log."""


async def initialise(
    pool: Pool, kind: EnvironmentKind, function: FunctionSpec, hold: Hold, time: Callable[[], float]
) -> Initialised:
    """Make an environment and load the function. Raises InvalidPackage, and PortInUse of a debugged function."""
    log, clock = PlatformLog(function), pool.clock
    await kind.prepare(function.runtime)
    now = clock.now()
    events = log.init_start(now, kind.runtime_version(function.runtime))
    remark = kind.remark(function.runtime)
    if remark is not None:
        events += log.remark(now, remark)
    begun = time()
    environment, reply = await start(pool, kind, function, hold, pool.init_timeout_seconds(function))
    took = time() - begun
    events += environment.logs.take()
    if not ready(reply):
        await pool.end(environment, keep_temporary=True)
        events += [*environment.logs.take(), *failed_init(log, clock.now(), reply, took, "init")]
    return Initialised(environment, reply, took, events)


async def start(
    pool: Pool, kind: EnvironmentKind, function: FunctionSpec, hold: Hold, limit_seconds: float
) -> tuple[ExecutionEnvironment, Reply]:
    """A new environment, and how loading the function into it ended."""
    environment = await pool.create(function, kind)
    try:
        return environment, await environment.start(hold, limit_seconds)
    except BaseException:
        pool.end_soon(environment, keep_temporary=True)
        raise


def failed_init(log: PlatformLog, now: float, reply: Reply, took: float, phase: str) -> list[LogEvent]:
    """What the log says of an init phase that failed."""
    error_type = None
    if reply.ending is Ending.EXITED:
        error_type = "Runtime.ExitError"
    elif reply.ending is Ending.ANSWERED:
        error_type = outcomes.error_type_of(reply.body)
    status = "timeout" if reply.ending is Ending.TIMED_OUT else "error"
    return log.init_report(now, took, phase, status, error_type)


def ready(reply: Reply) -> bool:
    """Whether an init phase went well."""
    return reply.ending is Ending.ANSWERED and reply.kind == wire.READY
