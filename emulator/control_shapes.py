"""What `/_emulator` takes and answers, as JSON Schema: the text of its OpenAPI document beyond paths and parameters.

Decides nothing about answers: `tests/wire/test_control_shapes.py` asks every route and compares. An object names all of
its members, so a new one that is not written down here fails there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator import control_clock, faults
from emulator.settings import LiveSettings

Schema = dict[str, Any]

ANYTHING: Schema = {}


def shape(says: str = "", /, maybe: dict[str, Schema] | None = None, **members: Schema) -> Schema:
    """An object with these members, and with those in `maybe` or without; with no others."""
    found: Schema = {"type": "object", "properties": {**members, **(maybe or {})}, "required": list(members)}
    return {**found, "additionalProperties": False, **_said(says)}


def text(says: str = "", *among: str) -> Schema:
    """A text; one of `among`, if they are named."""
    return {"type": "string", **({"enum": list(among)} if among else {}), **_said(says)}


def number(says: str = "") -> Schema:
    """A number."""
    return {"type": "number", **_said(says)}


def whole(says: str = "") -> Schema:
    """A whole number."""
    return {"type": "integer", **_said(says)}


def flag(says: str = "") -> Schema:
    """True or false."""
    return {"type": "boolean", **_said(says)}


def listed(items: Schema, says: str = "") -> Schema:
    """A list."""
    return {"type": "array", "items": items, **_said(says)}


def named(values: Schema, says: str = "") -> Schema:
    """An object whose members are names of the user's."""
    return {"type": "object", "additionalProperties": values, **_said(says)}


def or_null(schema: Schema) -> Schema:
    """That, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def ref(name: str) -> Schema:
    """One of `COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def _said(says: str) -> Schema:
    return {"description": says} if says else {}


# ── what several answers have ───────────────────────────────────────────────────────────────────

_AT = number("AWS time, in epoch seconds")
_ACCOUNT = text("an AWS account: twelve digits")
_ISO = text("AWS time, ISO 8601 in UTC")

_ATTEMPT: dict[str, Schema] = {
    "request_id": text("the same for each attempt of an event"),
    "attempt": whole("1, 2, 3; of a synchronous invocation 1"),
    "function_arn": text(),
    "function_name": text(),
    "invocation_type": text("", "Event", "RequestResponse"),
    "started_at": _AT,
    "ended_at": _AT,
    "outcome": text("", "success", "function_error", "throttle", "system_error", "discarded"),
    "error_type": or_null(text("of a function error")),
    "decision": or_null(text("of an event: `done`, `retry`, or why it was discarded")),
    "account": _ACCOUNT,
    "region": text(),
}

_MORE_OF_A_FAULT: dict[str, Schema] = {
    "times": or_null(whole("how many of its calls are struck (1); null is all")),
    "skip": whole("calls that pass first (0)"),
    "probability": number("of a call to be struck (1); the plan's seed decides"),
    "seconds": number("how slow or late, in AWS time"),
    "error": text("name of the error"),
    "message": text("what the error says"),
    "status": whole("HTTP status of a gateway's error, 500 to 599 (500)"),
    "after": flag("the call has its effect, and then it fails (false)"),
    "machine": text("whose state (`*`)"),
}


def _of_targets(member: Callable[[str], Schema]) -> Schema:
    return {"oneOf": [member(target) for target in faults.KINDS]}


def _fault(target: str, **counted: Schema) -> Schema:
    """A fault of one kind of target, as it is written down."""
    name = text("whose calls; `*` stands for anything")
    return shape(maybe=_MORE_OF_A_FAULT, **{target: name}, fault=text("", *faults.KINDS[target]), **counted)


def _event(kind: str, says: str, **members: Schema) -> Schema:
    return shape(says, at=_AT, kind={"const": kind}, text=text("a line to read"), **members)


def _clock_request(action: str) -> Schema:
    members: dict[str, Schema] = {
        "seconds": number("AWS time to pass"),
        "until": number("AWS time to come to, in epoch seconds, in the place of `seconds`"),
        "account": or_null(text("whose consequences; everybody's without it")),
        "factor": number("AWS seconds of each host second"),
        "wanted": flag("whether frozen time moves by itself while a client waits (true)"),
    }
    taken = {name: members[name] for name in control_clock.ACTIONS[action]}
    return shape(maybe=taken, action={"const": action})


_CLOCK: dict[str, Schema] = {
    "now": _AT,
    "iso": _ISO,
    "mode": text("", "real", "frozen", "scaled"),
    "factor": number("AWS seconds of each host second; 0 is frozen"),
    "ahead_of_host_seconds": number("how far AWS time is ahead of this machine's clock"),
    "auto": flag("whether frozen time moves by itself while a client waits"),
    "at_work": listed(text(), "who computes: frozen time stands still meanwhile"),
    "sleeping": listed(
        shape(who=text(), until=_AT, in_seconds=number("from now, in AWS time")), "handlers, long polls, limits"
    ),
    "waiting_clients": whole("clients that wait for an answer"),
    "next": listed(
        shape(id=whole(), kind=text(), due_at=_AT, in_seconds=number("from now, in AWS time")), "jobs, earliest first"
    ),
    "why": listed(text(), "the same in sentences"),
}

_REQUEST: dict[str, Schema] = {
    "id": text("`x-amzn-RequestId`"),
    "at": _AT,
    "kind": text("of the API", "REST", "HTTP"),
    "api": text("its id"),
    "name": text("the API's"),
    "stage": text(),
    "method": text(),
    "path": text("as the client has sent it"),
    "route": or_null(text("what has matched")),
    "status": or_null(whole("null while it is under way")),
    "milliseconds": number("AWS time it has taken"),
    "problem": or_null(text("why the gateway itself has ended it")),
    "timeout": or_null({"type": "object", "description": "which limit has passed, and whose"}),
}

_MESSAGE = shape(
    "a message that SES has accepted",
    id=text("SES's message id"),
    sent_at=_ISO,
    account=_ACCOUNT,
    region=text(),
    **{"from": text()},
    envelope_sender=text(),
    to=listed(text()),
    cc=listed(text()),
    bcc=listed(text()),
    reply_to=listed(text()),
    subject=text(),
    text=or_null(text()),
    html=or_null(text()),
    headers=listed(shape(name=text(), value=text())),
    attachments=listed(shape(filename=text(), content_type=text(), size=whole("in bytes"), path=text())),
    links=listed(text(), "addresses that a reader could follow"),
    tags=listed(shape(name=text(), value=text())),
    operation=text("by which it was sent"),
    configuration_set=text(),
    template=text(),
    sent_by=named(text(), "what is known of the function or execution that has sent it"),
    delivery=shape(state=text("pending, delivered, bounced, …"), detail=text("why")),
    raw_path=text("its source"),
)

_COVERED: dict[str, Schema] = {
    "percent": number(),
    "covered": whole(),
    "of": whole(),
    "byKind": named(shape(covered=whole(), of=whole())),
}

COMPONENTS: dict[str, Schema] = {
    "Problem": shape(
        "why not, and what to do instead", message=text(), maybe={"near": listed(text(), "names like it")}
    ),
    "Clock": shape("AWS time, who holds it still, and who waits for it", maybe={"moved": flag()}, **_CLOCK),
    "World": shape(
        account=text("the access key id of its clients, with any secret"),
        begun_at=_AT,
        maybe={"region": text("of its clients"), "held": flag("whether it ends with a connection")},
    ),
    "Attempt": shape("an attempt at running a function", **_ATTEMPT),
    "Execution": shape(
        "an execution of a standard state machine",
        arn=text(),
        name=text(),
        machine=text("the name of its state machine"),
        status=text("", "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"),
        started_at=_AT,
        stopped_at=or_null(_AT),
        input=ANYTHING,
        output=ANYTHING,
        error=or_null(text()),
        cause=or_null(text()),
        states=listed(text(), "that it has entered, in their order"),
    ),
    "Api": shape(
        "a stage of a deployed API",
        id=text(),
        name=text(),
        kind=text("", "REST", "HTTP", "WEBSOCKET"),
        stage=text(),
        url=text("where it answers"),
    ),
    "Event": {
        "oneOf": [
            _event("request", "a request to a deployed API", id=text("`GET /_emulator/requests/{id}` has it whole")),
            _event("attempt", "an attempt at running a function", **_ATTEMPT),
            _event("log", "a line that a function has logged", function=text(), request_id=text("of its attempt")),
            _event("state", "a step of an execution", execution=text("its ARN")),
            _event("mail", "a message that SES has accepted", id=text("its message id")),
            _event("fault", "a fault that has struck", fault=ref("Fault"), struck=text("the name of what it struck")),
        ]
    },
    "Fault": _of_targets(_fault),
    "ArmedFault": _of_targets(lambda target: _fault(target, met=whole("calls it was for"), struck=whole("of these"))),
    "FaultPlan": shape(maybe={"seed": whole("decides about probabilities (0)"), "faults": listed(ref("Fault"))}),
    "FaultReport": shape(
        "a fault plan, and what has come of it",
        seed=whole(),
        faults=listed(ref("ArmedFault")),
        strikes=listed(_of_targets(lambda target: shape(at=_AT, **{target: text()}, fault=text())), "in their order"),
        seen=listed(
            _of_targets(lambda target: shape(**{target: text()}, calls=whole())), "calls that could have failed"
        ),
    ),
    "Settings": named(
        shape(value=ANYTHING, default=ANYTHING, description=text()), "every setting that can be changed while running"
    ),
    "Message": _MESSAGE,
    "Request": shape("a request to a deployed API", **_REQUEST),
    "RequestInSteps": shape(
        "a request to a deployed API, step by step",
        **_REQUEST,
        query=text(),
        steps=listed(
            {
                **shape(step=text(), at_milliseconds=number("since it began"), took_milliseconds=number()),
                "additionalProperties": True,
                "description": "and what the step has seen: headers, bodies, templates, …",
            }
        ),
    ),
    "Coverage": shape(
        enabled=flag("EMULATOR_SFN_COVERAGE"),
        total=shape(**_COVERED),
        definitions=listed(
            shape(
                stateMachines=listed(text(), "ARNs of those that have it"),
                current=flag("whether one has it now"),
                executions=whole(),
                **_COVERED,
                states=listed(
                    shape(
                        name=text(),
                        type=text(),
                        entered=whole(),
                        maybe={
                            "choices": listed(
                                shape(
                                    choice={"type": ["integer", "string"], "description": "its index, or `default`"},
                                    next=text(),
                                    taken=whole(),
                                )
                            ),
                            "retriers": listed(shape(retrier=whole(), errorEquals=listed(text()), taken=whole())),
                            "catchers": listed(
                                shape(catcher=whole(), errorEquals=listed(text()), next=text(), taken=whole())
                            ),
                        },
                    )
                ),
            )
        ),
    ),
}

# ── routes ──────────────────────────────────────────────────────────────────────────────────────

JSON, HTML, PLAIN, ZIP = "application/json", "text/html", "text/plain", "application/zip"

_DELETED = shape(deleted=whole("messages"))
_BYTES = text("its bytes")

ANSWERS: dict[str, dict[str, Schema]] = {
    "GET /_emulator/health": {
        JSON: shape(
            status=text("", "running"),
            services=named(text("", "available"), "every service that answers"),
            edition=text(),
            version=text(),
            instance=text("another one for each emulator that begins"),
        )
    },
    "GET /_emulator/clock": {JSON: ref("Clock")},
    "POST /_emulator/clock": {JSON: ref("Clock")},
    "GET /_emulator/worlds": {JSON: shape(worlds=listed(ref("World")))},
    "POST /_emulator/worlds": {JSON: ref("World")},
    "DELETE /_emulator/worlds/{account}": {JSON: shape(ended=_ACCOUNT)},
    "GET /_emulator/snapshot": {ZIP: _BYTES},
    "PUT /_emulator/snapshot": {
        JSON: shape(
            "what the snapshot says of itself",
            format=whole(),
            version=text("of the emulator that has saved it"),
            account=text("whose it is; empty if everybody's"),
            now=_AT,
            base_url=text("where that emulator answered"),
            region=text(),
            settings=named(ANYTHING, "those that were not as ever"),
        )
    },
    "GET /_emulator/executions": {JSON: shape(executions=listed(ref("Execution")))},
    "GET /_emulator/attempts": {JSON: shape(attempts=listed(ref("Attempt")))},
    "GET /_emulator/apis": {JSON: shape(apis=listed(ref("Api")))},
    "GET /_emulator/faults": {JSON: ref("FaultReport")},
    "PUT /_emulator/faults": {JSON: ref("FaultReport")},
    "POST /_emulator/faults": {JSON: ref("FaultReport")},
    "DELETE /_emulator/faults": {JSON: ref("FaultReport")},
    "GET /_emulator/settings": {JSON: ref("Settings")},
    "PUT /_emulator/settings": {JSON: ref("Settings")},
    "POST /_emulator/reset": {JSON: shape(status=text("", "reset"))},
    "GET /_emulator/queue": {
        JSON: shape(
            total=whole(),
            running=named(whole(), "how many of each kind run"),
            jobs=listed(shape(id=whole(), kind=text(), due_at=_AT, payload={"type": "object"}), "earliest first"),
        )
    },
    "GET /_emulator/requests": {JSON: shape(requests=listed(ref("Request"), "newest first"), total=whole()), HTML: {}},
    "GET /_emulator/requests/{request_id}": {JSON: ref("RequestInSteps"), HTML: {}},
    "GET /_emulator/lambda/code/{account}/{region}/{name}": {ZIP: _BYTES},
    "GET /_emulator/lambda/layer/{account}/{region}/{name}/{version}": {ZIP: _BYTES},
    "GET /_emulator/logs": {
        JSON: shape(
            group=text(),
            events=listed(shape(timestamp=whole("AWS time in milliseconds"), stream=text(), message=text())),
            next=whole("goes into `after` of the next question"),
            more=flag("whether there is more already"),
        )
    },
    "GET /_emulator/coverage": {JSON: ref("Coverage")},
    "DELETE /_emulator/coverage": {JSON: ref("Coverage")},
    "GET /_emulator/timeline": {
        JSON: shape(
            invocations=listed(ref("Attempt")),
            maybe={
                "now": _AT,
                "events": listed(ref("Event"), "of the account, in their order"),
                "next": listed(shape(at=_AT, kind=text("of job"), about=text("whose")), "what is due"),
            },
        )
    },
    "GET /_emulator/inbox": {JSON: shape(messages=listed(ref("Message")))},
    "DELETE /_emulator/inbox": {JSON: _DELETED},
    "GET /_emulator/inbox/{message_id}": {JSON: ref("Message"), HTML: {}},
    "DELETE /_emulator/inbox/{message_id}": {JSON: _DELETED},
    "GET /_emulator/inbox/{message_id}/raw": {"message/rfc822": _BYTES},
    "GET /_emulator/inbox/{message_id}/html": {HTML: {}},
    "GET /_emulator/inbox/{message_id}/attachments/{number}": {"*/*": _BYTES},
    "POST /_emulator/inbox/{message_id}/release": {JSON: shape(released=text("its id"), to=listed(text()))},
    "POST /_emulator/inbox/{message_id}/complain": {JSON: shape(complained=text("its id"))},
    "POST /_emulator/inbound": {JSON: shape(id=text("SES's message id"))},
    "POST /_emulator/texts": {JSON: shape(opted_out=flag("whether the number gets no more texts"))},
    "GET /_emulator/mail": {HTML: {}},
    "GET /_emulator/undelivered": {
        JSON: shape(
            undelivered=listed(
                shape(
                    what=text("", "mail", "notification"),
                    id=text(),
                    to=listed(text()),
                    subject=text(),
                    state=text(),
                    why=text(),
                    attempts=or_null(whole()),
                    next_try_at=or_null(_ISO),
                    path=or_null(text("of the message")),
                )
            )
        ),
        HTML: {},
    },
    "GET /_emulator/verify/{token}": {PLAIN: text()},
    "GET /_emulator/opened/{message_id}": {"image/gif": _BYTES},
    "GET /_emulator/clicked/{message_id}/{number}": {},
    "GET /_emulator/unsubscribe/{message_id}": {HTML: {}},
    "POST /_emulator/unsubscribe/{message_id}": {PLAIN: text()},
}

REDIRECTS = ("GET /_emulator/verify/{token}", "GET /_emulator/clicked/{message_id}/{number}")

_WHOSE = {"account": _ACCOUNT, "region": text()}

BODIES: dict[str, dict[str, Schema]] = {
    "POST /_emulator/clock": {JSON: {"oneOf": [_clock_request(action) for action in control_clock.ACTIONS]}},
    "PUT /_emulator/snapshot": {ZIP: _BYTES},
    "PUT /_emulator/faults": {JSON: ref("FaultPlan")},
    "POST /_emulator/faults": {JSON: ref("Fault")},
    "PUT /_emulator/settings": {JSON: shape(maybe=dict.fromkeys(LiveSettings().describe(), ANYTHING))},
    "POST /_emulator/inbox/{message_id}/release": {
        JSON: shape(
            maybe={"smtp": or_null(text("host:port")), "to": or_null(listed(text(), "others than its recipients"))}
        )
    },
    "POST /_emulator/inbox/{message_id}/complain": {JSON: shape(to=text("a recipient of the message"))},
    "POST /_emulator/inbound": {
        JSON: shape(
            **{"from": text()},
            to=listed(text()),
            maybe={
                "raw": or_null(text("the whole message, in the place of the next three")),
                "subject": or_null(text()),
                "text": or_null(text()),
                "html": or_null(text()),
                **_WHOSE,
            },
        )
    },
    "POST /_emulator/texts": {JSON: shape(**{"from": text("a phone number")}, text=text(), maybe=_WHOSE)},
}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document that FastAPI has made of the routes, with what they take and answer."""
    paths: dict[str, Any] = document["paths"]
    health = {"description": "Whether the emulator runs, and every service that answers.", "responses": {}}
    paths["/_emulator/health"] = {"get": {"summary": "Health", "operationId": "health", **health}}
    document["components"] = {"schemas": COMPONENTS}  # what FastAPI says of its own errors is not what is answered
    for path, methods in paths.items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            operation["responses"] = _responses(route)
            if route in BODIES:
                _describe_body(operation, BODIES[route])
    return document


def _responses(route: str) -> dict[str, Any]:
    problem = {JSON: {"schema": ref("Problem")}}
    found: dict[str, Any] = {
        "4XX": {"description": "The request is wrong, or there is no such thing.", "content": problem}
    }
    if ANSWERS[route]:
        content = {kind: {"schema": schema} for kind, schema in ANSWERS[route].items()}
        found["200"] = {"description": "The answer.", "content": content}
    if route in REDIRECTS:
        found["302"] = {"description": "Where the link leads."}
    if route == "GET /_emulator/inbox":
        nothing = shape(message=text(), messages=listed(ref("Message"), "none"))
        found["408"] = {"description": "No such message came within `wait`.", "content": {JSON: {"schema": nothing}}}
    if route.endswith("/release"):
        found["502"] = {"description": "The mail server did not take it.", "content": problem}
    return found


def _describe_body(operation: dict[str, Any], body: dict[str, Schema]) -> None:
    before = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    content = {kind: {"schema": schema} for kind, schema in body.items()}
    if "examples" in before:
        [example] = before["examples"][:1]
        content[JSON]["example"] = example
    operation["requestBody"] = {"required": True, "content": content}
