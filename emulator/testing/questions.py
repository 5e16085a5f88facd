"""The control API's questions, asked in the emulator's own process: the same functions that answer at `/_emulator`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from emulator import control_clock, control_faults, control_timeline, control_worlds
from emulator.aws.scope import DEFAULT_ACCOUNT, Scope
from emulator.services.logs import tail

if TYPE_CHECKING:
    from emulator.app import Emulator

Answer = Callable[..., Awaitable[Any]]


def find(method: str, path: str, body: Any, query: dict[str, Any]) -> Callable[[Emulator], Coroutine[Any, Any, Any]]:
    """The coroutine function that answers a question. Raises KeyError for one that nobody here can answer."""
    name, _, rest = path.partition("/")
    answer = _ANSWERS[method, f"{name}/" if rest else name]
    positional = [rest] if rest else []
    if body is not None:
        positional.append(body)
    given = {key: value for key, value in query.items() if value not in (None, "")}

    async def ask(emulator: Emulator) -> Any:
        return await answer(emulator, *positional, **given)

    return ask


async def _inbox(emulator: Emulator, wait: float = 0.0, **search: Any) -> dict[str, Any]:
    search["sender"] = search.pop("from", "")
    return {"messages": await control_worlds.find_mail(emulator, control_worlds.Search(**search), wait)}


async def _request(emulator: Emulator, request_id: str) -> dict[str, Any]:
    trace = emulator.requests.get(request_id)
    if trace is None:
        raise control_clock.Refused(404, f"there is no request {request_id} any more")
    return trace.document()


async def _settings(emulator: Emulator, values: dict[str, Any] | None = None) -> dict[str, Any]:
    if values is not None:
        try:
            emulator.live.change(values)
        except ValueError as error:
            raise control_clock.Refused(400, str(error)) from None
    return emulator.live.describe()


async def _logs(
    emulator: Emulator, name: str, filter: str = "", after: int = 0, account: str = "", region: str = ""
) -> dict[str, Any]:
    scope = Scope(account or DEFAULT_ACCOUNT, region or emulator.settings.region)
    question = tail.Question(name, after, None, filter)
    try:
        return await emulator.store.read(lambda tx: tail.read(tx, emulator.services, scope, question))
    except (ValueError, tail.NoGroup) as problem:
        raise control_clock.Refused(400, str(problem)) from None


_ANSWERS: dict[tuple[str, str], Answer] = {
    ("GET", "clock"): control_clock.state,
    ("POST", "clock"): control_clock.change,
    ("GET", "worlds"): control_worlds.list_worlds,
    ("POST", "worlds"): control_worlds.begin,
    ("DELETE", "worlds/"): control_worlds.end,
    ("GET", "executions"): control_worlds.executions,
    ("GET", "attempts"): control_worlds.attempts,
    ("GET", "apis"): control_worlds.apis,
    ("GET", "faults"): control_faults.show,
    ("PUT", "faults"): control_faults.replace,
    ("POST", "faults"): control_faults.add,
    ("DELETE", "faults"): control_faults.forget,
    ("GET", "timeline"): control_timeline.timeline,
    ("GET", "inbox"): _inbox,
    ("GET", "logs"): _logs,
    ("GET", "requests/"): _request,
    ("GET", "settings"): _settings,
    ("PUT", "settings"): _settings,
}
