"""`/_emulator/*`: clock, settings, inbox, queue, timeline, reset: a FastAPI application.

Documented by its own page at /_emulator/docs. Decides what people and tests may ask of the emulator itself;
the work is done by `Emulator`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fastapi import Body, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response

from emulator import (
    __version__,
    control_clock,
    control_faults,
    control_holds,
    control_inbox,
    control_page,
    control_requests,
    control_shapes,
    control_timeline,
    control_undelivered,
    control_worlds,
    jobs,
    snapshots,
)
from emulator.aws.scope import DEFAULT_ACCOUNT, Scope
from emulator.control_clock import Refused
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.logs import tail
from emulator.services.ses.inbox_pages import PAGE_POLICY
from emulator.services.ses.tracking import CLICKED_PATH, OPENED_PATH, UNSUBSCRIBE_PATH

if TYPE_CHECKING:
    from emulator.app import Emulator

FAULT_PLAN: dict[str, Any] = {"seed": 7, "faults": [{"function": "render", "fault": "error", "times": 2}]}


def build(emulator: Emulator) -> Any:
    """The FastAPI application behind /_emulator."""
    app = FastAPI(
        title="async-gateway-emulator control",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(_check_query)],
    )

    def problem(status: int, message: str) -> JSONResponse:
        return JSONResponse({"message": message}, status)

    def page(html: str) -> HTMLResponse:
        return HTMLResponse(html, headers={"Content-Security-Policy": PAGE_POLICY})

    def unreadable(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        found = error.errors()[0]
        if "body" in found["loc"]:
            return problem(400, f"send a JSON object, for example -d '{json.dumps(_example(request))}'")
        return problem(400, f"{found['loc'][-1]}: {found['msg']}"[:300])

    app.add_exception_handler(RequestValidationError, unreadable)

    def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return problem(error.status, error.message)

    app.add_exception_handler(Refused, refused)

    async def current_clock() -> dict[str, Any]:
        """AWS time, how it passes, how far it is ahead of this machine's, and why: who holds it still, who waits."""
        return await control_clock.state(emulator)

    async def change_clock(request: dict[str, Any] = Body(examples=[{"action": "advance", "seconds": 60}])) -> Any:
        """freeze | advance (seconds) | next (what is due) | settle (account: of a world only) | scale (factor) |
        resume | auto (wanted: whether frozen time moves by itself while a client waits). AWS time never goes back."""
        return await control_clock.change(emulator, request)

    async def begin_world(hold: bool = False) -> Any:
        """A world: an account that nobody else uses. Its id is the access key id of its clients, with any secret. With
        hold it lasts as long as this request's connection: the answer is a line at once, and ends when the world
        does; a client that is killed leaves nothing behind."""
        begun = await control_worlds.begin(emulator)
        return control_holds.HeldWorld(emulator, begun) if hold else begun

    async def list_worlds() -> Any:
        """Worlds that have begun and not ended; those that are held end with their client's connection."""
        return await control_worlds.list_worlds(emulator)

    async def end_world(account: str) -> Any:
        """End a world: what it has is forgotten, what of it still runs or waits ends. Others do not notice."""
        return await control_worlds.end(emulator, account)

    async def save_snapshot(account: str = "") -> Any:
        """Everything that the emulator keeps, or all of one world, as a file: a zip of the store and of what delegated
        services keep. Of these, what cannot be written is refused by name."""
        return Response(await snapshots.save(emulator, account), media_type="application/zip")

    async def restore_snapshot(request: Request) -> Any:
        """Forget everything, and go on from such a file: the body. It holds functions, which run: trust it like code.
        AWS time never goes back: what is overdue by then runs at once."""
        return asdict(await snapshots.restore(emulator, await request.body()))

    async def list_executions(account: str = "", region: str = "", machine: str = "", status: str = "") -> Any:
        """Executions of standard state machines, oldest first, with input, output and the states they have entered;
        machine (name or ARN) and status narrow them down."""
        return await control_worlds.executions(emulator, account, region, machine, status)

    async def list_attempts(account: str = "", region: str = "", function: str = "") -> Any:
        """Attempts at running functions, oldest first; function (name or ARN) narrows them down."""
        return await control_worlds.attempts(emulator, account, region, function)

    async def list_apis(account: str = "", region: str = "") -> Any:
        """Stages of deployed APIs, and where each answers."""
        return await control_worlds.apis(emulator, account, region)

    async def show_faults(account: str = "") -> Any:
        """The fault plan of an account (of all, if none is named), how often each fault was met and has struck, every
        strike, and which calls could have failed so far."""
        return await control_faults.show(emulator, account)

    async def replace_faults(request: dict[str, Any] = Body(examples=[FAULT_PLAN]), account: str = "") -> Any:
        """From now on this is the fault plan; what was is forgotten. docs/time-and-faults.md has every fault."""
        return await control_faults.replace(emulator, request, account)

    async def add_fault(request: dict[str, Any] = Body(examples=[FAULT_PLAN["faults"][0]]), account: str = "") -> Any:
        """One more fault; those before go on counting."""
        return await control_faults.add(emulator, request, account)

    async def forget_faults(account: str = "") -> Any:
        """Nothing goes wrong any more."""
        return await control_faults.forget(emulator, account)

    def current_settings() -> dict[str, Any]:
        """Every setting that may be changed while running: value, default and meaning."""
        return emulator.live.describe()

    def change_settings(values: dict[str, Any] = Body(examples=[{"async_first_retry_delay_seconds": 5}])) -> Any:
        """Change settings while running; names and meanings are those GET shows."""
        try:
            emulator.live.change(values)
        except ValueError as error:
            return problem(400, str(error))
        return emulator.live.describe()

    async def reset() -> dict[str, str]:
        """Forget everything: resources, events, executions, mail, settings. Time goes on."""
        await emulator.reset()
        return {"status": "reset"}

    async def list_queue(limit: int = 100) -> dict[str, Any]:
        """Jobs that wait or run, earliest first; not those that only measure, which never end."""
        wanted = max(1, min(limit, 1000))

        def find(tx: Transaction) -> tuple[list[Job], int]:
            unseen = sum(jobs.count(tx, kind) for kind in emulator.measuring)
            rows = [job for job in jobs.pending(tx, limit=wanted + unseen) if job.kind not in emulator.measuring]
            return rows[:wanted], tx.execute("SELECT count(*) FROM job").fetchone()[0] - unseen

        rows, total = await emulator.store.read(find)
        items = [{"id": j.id, "kind": j.kind, "due_at": j.due_at, "payload": j.payload} for j in rows]
        return {"total": total, "running": emulator.worker.running(), "jobs": items}

    async def read_logs(
        name: str,
        after: int = 0,
        since_seconds: float | None = None,
        filter: str = "",
        account: str = "",
        region: str = "",
    ) -> Any:
        """Log events of a function or group by arrival: what `emulator logs` shows. `next` goes into `after`."""
        if since_seconds is not None and not 0 <= since_seconds <= 1e10:
            return problem(400, "since_seconds is between 0 and 10000000000")
        if not 0 <= after < 1 << 62:
            return problem(400, "after is what next said before")
        scope = Scope(account or DEFAULT_ACCOUNT, region or emulator.settings.region)
        question = tail.Question(name, after, since_seconds, filter)
        try:
            return await emulator.store.read(lambda tx: tail.read(tx, emulator.services, scope, question))
        except ValueError as error:
            return problem(400, str(error))
        except tail.NoGroup as missing:
            return JSONResponse({"message": str(missing), "near": missing.near}, 404)

    async def timeline(account: str = "", region: str = "") -> dict[str, Any]:
        """Attempts of functions, as they happened in AWS time. With an account, all that has happened in it: `events`
        (requests, attempts, logs, states, mail, faults) in their order, and what is due `next`."""
        return await control_timeline.timeline(emulator, account, region)

    def list_requests(request: Request, api: str = "", failed: bool = False, limit: int = 100) -> Any:
        """The last requests to deployed APIs, newest first: of one API, or only those with a status of 400 and more."""
        kept = emulator.requests.last()
        found = [trace for trace in kept if api in ("", trace.api_id, trace.api_name)]
        found = [trace for trace in found if not failed or (trace.status or 500) >= 400]
        shown = [trace.summary() for trace in found[: max(0, limit)]]
        if _browses(request):
            return page(control_requests.render_list(shown))
        return {"requests": shown, "total": len(found)}

    def read_request(request_id: str, request: Request) -> Any:
        """One request step by step: headers, templates, the endpoint's call, what each decided, and times."""
        trace = emulator.requests.get(request_id)
        if trace is None:
            return problem(404, f"there is no request {request_id} any more; GET /_emulator/requests lists the last")
        document = trace.document()
        return page(control_requests.render_one(document)) if _browses(request) else document

    async def code_package(account: str, region: str, name: str) -> Any:
        """A function's deployment package: what `Code.Location` of GetFunction points to."""
        package = await emulator.code_package(account, region, name)
        if package is None:
            return problem(404, f"there is no function {name} in {account} {region}")
        return Response(package, media_type="application/zip")

    async def layer_package(account: str, region: str, name: str, version: int) -> Any:
        """A layer version's archive: what `Content.Location` of GetLayerVersion points to."""
        package = await emulator.layer_package(account, region, name, version)
        if package is None:
            return problem(404, f"there is no layer {name} with version {version} in {account} {region}")
        return Response(package, media_type="application/zip")

    def coverage() -> dict[str, Any]:
        """States, choices, retriers and catchers of state machines, and how often each was taken since the start."""
        return emulator.stepfunctions.operations.progress.coverage.report()

    def forget_coverage() -> dict[str, Any]:
        """Count anew from zero."""
        emulator.stepfunctions.operations.progress.coverage.forget()
        return coverage()

    def home() -> Any:
        return Response(
            "async-gateway-emulator\n\n/_emulator/health\n/_emulator/docs      the control API\n"
            "/_emulator/inbox     mail, as JSON\n/_emulator/mail      mail, as pages\n"
            "/_emulator/undelivered  what failed, why, when next\n"
            "/_emulator/queue     jobs that wait\n/_emulator/timeline  attempts of functions\n"
            "/_emulator/coverage  what of state machines was taken\n"
            "/_emulator/requests  requests to deployed APIs, step by step\n",
            media_type="text/plain",
        )

    described: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not described:
            described.update(control_shapes.complete(app.openapi()))
        return described

    def documentation() -> Any:
        return page(control_page.render(openapi(), emulator.base_url))

    app.add_api_route("/_emulator/openapi.json", openapi, methods=["GET"], include_in_schema=False)
    app.add_api_route("/_emulator/docs", documentation, methods=["GET"], include_in_schema=False)
    app.add_api_route("/_emulator", home, methods=["GET"], include_in_schema=False)
    app.add_api_route("/_emulator/", home, methods=["GET"], include_in_schema=False)
    app.add_api_route("/_emulator/clock", current_clock, methods=["GET"])
    app.add_api_route("/_emulator/clock", change_clock, methods=["POST"])
    app.add_api_route("/_emulator/worlds", list_worlds, methods=["GET"])
    app.add_api_route("/_emulator/worlds", begin_world, methods=["POST"])
    app.add_api_route("/_emulator/worlds/{account}", end_world, methods=["DELETE"])
    app.add_api_route("/_emulator/snapshot", save_snapshot, methods=["GET"])
    app.add_api_route("/_emulator/snapshot", restore_snapshot, methods=["PUT"])
    app.add_api_route("/_emulator/executions", list_executions, methods=["GET"])
    app.add_api_route("/_emulator/attempts", list_attempts, methods=["GET"])
    app.add_api_route("/_emulator/apis", list_apis, methods=["GET"])
    app.add_api_route("/_emulator/faults", show_faults, methods=["GET"])
    app.add_api_route("/_emulator/faults", replace_faults, methods=["PUT"])
    app.add_api_route("/_emulator/faults", add_fault, methods=["POST"])
    app.add_api_route("/_emulator/faults", forget_faults, methods=["DELETE"])
    app.add_api_route("/_emulator/settings", current_settings, methods=["GET"])
    app.add_api_route("/_emulator/settings", change_settings, methods=["PUT"])
    app.add_api_route("/_emulator/reset", reset, methods=["POST"])
    control_inbox.add_routes(app, emulator)
    control_undelivered.add_routes(app, emulator)
    app.add_api_route("/_emulator/queue", list_queue, methods=["GET"])
    app.add_api_route("/_emulator/requests", list_requests, methods=["GET"])
    app.add_api_route("/_emulator/requests/{request_id:path}", read_request, methods=["GET"])
    app.add_api_route("/_emulator/lambda/code/{account}/{region}/{name}", code_package, methods=["GET"])
    layer_path = "/_emulator/lambda/layer/{account}/{region}/{name}/{version}"
    app.add_api_route(layer_path, layer_package, methods=["GET"])
    app.add_api_route("/_emulator/logs", read_logs, methods=["GET"])
    app.add_api_route("/_emulator/coverage", coverage, methods=["GET"])
    app.add_api_route("/_emulator/coverage", forget_coverage, methods=["DELETE"])
    app.add_api_route("/_emulator/timeline", timeline, methods=["GET"])
    return app


_OPEN = ("/_emulator/lambda/", "/_emulator/verify/", OPENED_PATH, CLICKED_PATH, UNSUBSCRIBE_PATH)
"""Links that are given away, to mail programs and to whom S3 would serve: what others append to them is theirs."""


def _check_query(request: Request) -> None:
    """Refuse, by name, what a route would ignore in a query: a filter with a slip in its name finds everything."""
    route = request.scope["route"]
    if route.path.startswith(_OPEN):
        return
    known = [each.alias for each in route.dependant.query_params]
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        told = f"it has {', '.join(known)}" if known else "it has none"
        raise Refused(400, f"{unknown[0]!r:.100} is not known in this query; {told}")


def _browses(request: Request) -> bool:
    """Whether a person looks, so that a page says more than JSON."""
    return "text/html" in request.headers.get("accept", "")


def _example(request: Request) -> Any:
    """A body that a route takes, as its description has it."""
    for each in request.scope["route"].dependant.body_params:
        for example in each.field_info.examples or ():
            return example
    return {}
