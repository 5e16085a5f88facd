"""What the OpenAPI document says of `/_emulator` is what it takes and answers: every route is asked, after a story in
which everything has happened that an answer can tell of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest

from emulator.faults import KINDS
from emulator.services.stepfunctions.coverage import Coverage
from emulator.testing import RunningEmulator
from emulator.testing.aws import Aws
from emulator.testing.servers import RemoteServer
from tests.testing.functions import create, invoke, package, send
from tests.wire.smtp_support import Mailbox

HANDLER = """
def handler(event, context):
    print("handling", event)
    if event.get("fail"):
        raise RuntimeError("as asked")
    return {"statusCode": 200, "body": "{}"}
"""


class Asking:
    """Asks as a client does, and compares each answer with the document; remembers what was answered."""

    def __init__(self, emulator: RunningEmulator, account: str, http: httpx.Client) -> None:
        self.url, self.account, self.http = emulator.url, account, http
        self.document = http.get("/_emulator/openapi.json").json()
        self.answered: set[tuple[str, str]] = set()
        self.told: set[str] = set()

    def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200, **query: Any) -> Any:
        """`{name}` in a path is filled in by `query`, as long as there is one of that name."""
        route = f"{method} /_emulator/{path}"
        operation = self.document["paths"][f"/_emulator/{path}"][method.lower()]
        for name in [name for name in query if f"{{{name}}}" in path]:
            path = path.replace(f"{{{name}}}", str(query.pop(name)))
        accept = {"Accept": query.pop("accept", "application/json")}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        answer = self.http.request(method, f"/_emulator/{path}", content=content, params=query, headers=accept)
        assert answer.status_code == status, f"{route}: {answer.status_code} {answer.text[:300]}"
        said = operation["responses"].get(str(status)) or operation["responses"]["4XX"]
        if "content" not in said:
            return answer
        kind = answer.headers["content-type"].partition(";")[0]
        schema = said["content"].get(kind, said["content"].get("*/*"))
        assert schema is not None, f"{route} answers {kind}: not documented"
        self.answered.add((route, kind if "*/*" not in said["content"] else "*/*"))
        if kind != "application/json":
            return answer
        self.check(route, schema["schema"], answer.json())
        return answer.json()

    def check(self, what: str, schema: dict[str, Any], value: Any) -> None:
        """Raises AssertionError with each difference."""
        whole = {**schema, "components": self.document["components"]}
        problems = [f"{each.instance_path}: {each.message}" for each in jsonschema_rs.iter_errors(whole, value)]
        assert not problems, f"{what} is not as the OpenAPI document says:\n" + "\n".join(problems)
        self._note(schema, value)

    def _note(self, schema: dict[str, Any], value: Any) -> None:
        """Which documented members were there, each by the place of its object in the document."""
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for each in schema.get("oneOf", ()):
            if jsonschema_rs.is_valid({**each, "components": self.document["components"]}, value):
                self._note(each, value)
        if isinstance(value, list):
            for item in value:
                self._note(schema.get("items", {}), item)
        elif isinstance(value, dict):
            for name, member in schema.get("properties", {}).items():
                if name in value:
                    self.told.add(_place(schema, name))
                    self._note(member, value[name])
            if isinstance(schema.get("additionalProperties"), dict):
                for item in value.values():
                    self._note(schema["additionalProperties"], item)


def _place(schema: dict[str, Any], name: str) -> str:
    """A member and its neighbours; what differs in the target of a fault alone is one place."""
    return f"{name} beside {', '.join(sorted(schema['properties'].keys() - KINDS.keys() - {name}))}"


def _members(schema: Any, shapes: dict[str, Any]) -> Iterator[str]:
    """Every member that a part of the document has, those of the shapes it names included."""
    if isinstance(schema, list):
        for item in schema:
            yield from _members(item, shapes)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield from _members(shapes[schema["$ref"].rpartition("/")[2]], shapes)
        if "additionalProperties" in schema:
            yield from (_place(schema, name) for name in schema.get("properties", {}) if name not in KINDS)
        for item in schema.values():
            yield from _members(item, shapes)


@pytest.fixture
def ask(emulator: RunningEmulator) -> Iterator[Asking]:
    with httpx.Client(base_url=emulator.url, timeout=300) as http:
        yield Asking(emulator, http.post("/_emulator/worlds").json()["account"], http)


@pytest.fixture
def counted(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage of state machines is counted, as if for the first time; other tests hear nothing of it."""
    coverage = emulator.emulator.stepfunctions.operations.progress.coverage
    for name, value in vars(Coverage(on=True)).items():
        monkeypatch.setattr(coverage, name, value)


def _story(emulator: RunningEmulator, ask: Asking) -> dict[str, Any]:
    """A world in which something of every kind has happened; what the questions need to name it."""
    aws = Aws(RemoteServer(emulator.url), ask.account, "us-east-1")
    _plan(ask)
    function = create(aws, "worker", HANDLER)
    send(aws, fail=True)
    emulator.advance(1)
    invoke(aws)
    _machine(aws)
    emulator.advance(1)
    _requests(aws, ask, function)
    layer = aws.lambda_.publish_layer_version(LayerName="layer", Content={"ZipFile": package("x = 1")})["Version"]
    aws.sqs.create_queue(QueueName="q")
    topic = aws.sns.create_topic(Name="t")["TopicArn"]
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ask.account}:q")
    aws.sns.publish(TopicArn=topic, Message="m")
    sent = _mail(aws)
    emulator.advance(1)
    return {"layer": layer, **sent}


def _plan(ask: Asking) -> None:
    """One fault of each target, so that each form of them is answered."""
    function = {"function": "worker", "fault": "error", "skip": 1, "error": "Odd", "message": "m", "probability": 0.99}
    ask("PUT", "faults", {"seed": 7, "faults": [function]}, account=ask.account)
    for fault in (
        {"gateway": "GET /broken", "fault": "error", "status": 503, "after": True},
        {"state": "Call", "fault": "slow", "seconds": 0.5, "machine": "m"},
        {"mail": "gone@example.org", "fault": "refused"},
        {"destination": "q", "fault": "error", "times": None},
        {"queue": "q", "fault": "lost"},
        {"websocket": "$connect", "fault": "slow"},
    ):
        ask("POST", "faults", fault, account=ask.account)
    ask("POST", "faults", {"store": "*", "fault": "error", "skip": 1_000_000})


def _requests(aws: Aws, ask: Asking, function: str) -> None:
    """A request that the gateway fails, one that is answered, and one that takes too long."""
    api = aws.apigatewayv2.create_api(Name="api", ProtocolType="HTTP", Target=function)["ApiId"]
    [integration] = aws.apigatewayv2.get_integrations(ApiId=api)["Items"]
    base = f"{ask.url}/_aws/execute-api/{api}"
    assert ask.http.get(f"{base}/broken").status_code == 503
    assert ask.http.get(f"{base}/reports?a=1").status_code == 200
    changed = {"IntegrationId": integration["IntegrationId"], "TimeoutInMillis": 1000}
    aws.apigatewayv2.update_integration(ApiId=api, **changed)
    ask("POST", "faults", {"function": "worker", "fault": "slow"}, account=ask.account)
    ask("POST", "clock", {"action": "auto"})
    assert ask.http.get(f"{base}/late").status_code == 503
    ask("POST", "clock", {"action": "auto", "wanted": False})


def _machine(aws: Aws) -> None:
    when = {"Variable": "$.fail", "BooleanEquals": True, "Next": "Call"}
    retry, catch = [{"ErrorEquals": ["States.Timeout"]}], [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}]
    call = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "worker", "Payload.$": "$"}}
    states = {
        "Choose": {"Type": "Choice", "Choices": [when], "Default": "Call"},
        "Call": {"Type": "Task", **call, "Retry": retry, "Catch": catch, "End": True},
        "Broken": {"Type": "Fail", "Error": "Broken", "Cause": "as asked"},
    }
    definition = json.dumps({"StartAt": "Choose", "States": states})
    role = f"arn:aws:iam::{aws.account}:role/r"
    arn = aws.stepfunctions.create_state_machine(name="m", roleArn=role, definition=definition)["stateMachineArn"]
    for fail in (True, False):
        aws.stepfunctions.start_execution(stateMachineArn=arn, input=json.dumps({"fail": fail}))


def _mail(aws: Aws) -> dict[str, str]:
    """A message with everything, one that comes back, and one whose links are tracked."""
    aws.ses.verify_domain_identity(Domain="example.com")
    raw = (
        "From: a@example.com\r\nTo: b@example.com\r\nCc: c@example.com\r\nReply-To: d@example.com\r\nSubject: s\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/html\r\n\r\n<a href='https://example.com'>a</a>\r\n"
        "--x\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=f.csv\r\n\r\na,1\r\n--x--\r\n"
    )
    tags = [{"Name": "kind", "Value": "report"}]
    sent = aws.ses.send_raw_email(Source="a@example.com", RawMessage={"Data": raw}, Tags=tags)
    message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}
    to = {"ToAddresses": ["gone@example.org"]}
    aws.ses.send_email(Source="a@example.com", Destination=to, Message=message)
    aws.sesv2.create_configuration_set(ConfigurationSetName="set")
    told = {"Enabled": True, "MatchingEventTypes": ["OPEN", "CLICK"], "SnsDestination": {"TopicArn": _topic(aws)}}
    aws.sesv2.create_configuration_set_event_destination(
        ConfigurationSetName="set", EventDestinationName="all", EventDestination=told
    )
    aws.sesv2.create_contact_list(ContactListName="list")
    aws.sesv2.create_contact(ContactListName="list", EmailAddress="ada@example.org")
    html = '<a href="https://example.com/a">a</a>{{amazonSESUnsubscribeUrl}}'
    tracked = aws.sesv2.send_email(
        FromEmailAddress="a@example.com",
        Destination={"ToAddresses": ["ada@example.org"]},
        Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Html": {"Data": html}}}},
        ConfigurationSetName="set",
        ListManagementOptions={"ContactListName": "list"},
    )
    return {"message": sent["MessageId"], "tracked": tracked["MessageId"]}


def _topic(aws: Aws) -> str:
    return aws.sns.create_topic(Name="events")["TopicArn"]


def test_every_route_answers_what_its_document_says(emulator: RunningEmulator, ask: Asking, counted: None) -> None:
    story = _story(emulator, ask)
    mine: dict[str, Any] = {"account": ask.account}
    here: dict[str, Any] = {**mine, "region": "us-east-1"}
    message: dict[str, Any] = {"message_id": story["message"]}
    tracked: dict[str, Any] = {"message_id": story["tracked"]}
    page: dict[str, Any] = {"accept": "text/html"}

    ask("GET", "health")
    ask("GET", "clock")
    assert ask("POST", "clock", {"action": "next"})["moved"]
    assert len(ask("GET", "worlds")["worlds"]) == 1
    assert ask("GET", "executions", **mine)["executions"]
    assert ask("GET", "attempts", **mine)["attempts"]
    assert ask("GET", "apis", **mine)["apis"]
    struck = {key for each in ask("GET", "faults", **mine)["strikes"] for key in each} - {"at", "fault"}
    assert struck == {"function", "gateway", "state", "mail", "destination"}
    kinds = {each["kind"] for each in ask("GET", "timeline", **mine)["events"]}
    assert kinds == {"request", "attempt", "log", "state", "mail", "fault"}
    assert ask("GET", "timeline")["invocations"]
    ask("GET", "settings")
    ask("PUT", "settings", {"async_first_retry_delay_seconds": 30})
    assert ask("GET", "queue")["jobs"]

    shown = ask("GET", "requests")["requests"]
    assert [each["status"] for each in shown] == [503, 200, 200]  # the first was answered, and then the fault came
    ask("GET", "requests", **page)
    for each in shown:
        ask("GET", "requests/{request_id}", request_id=each["id"])
    ask("GET", "requests/{request_id}", request_id=shown[0]["id"], **page)
    ask("GET", "lambda/code/{account}/{region}/{name}", **here, name="worker")
    ask("GET", "lambda/layer/{account}/{region}/{name}/{version}", **here, name="layer", version=story["layer"])
    assert ask("GET", "logs", name="worker", **mine)["events"]
    assert ask("GET", "coverage")["definitions"]
    ask("DELETE", "coverage")

    assert {each["what"] for each in ask("GET", "undelivered")["undelivered"]} == {"mail", "notification"}
    ask("GET", "undelivered", **page)
    assert ask("GET", "inbox", **mine)["messages"]
    ask("GET", "inbox/{message_id}", **message)
    ask("GET", "inbox/{message_id}", **message, **page)
    ask("GET", "inbox/{message_id}/raw", **message)
    ask("GET", "inbox/{message_id}/html", **message)
    ask("GET", "inbox/{message_id}/attachments/{number}", **message, number=0)
    ask("GET", "mail")
    ask("POST", "inbox/{message_id}/complain", {"to": "b@example.com"}, **message)
    ask("GET", "opened/{message_id}", **tracked)
    ask("GET", "clicked/{message_id}/{number}", **tracked, number=0, status=302)
    ask("GET", "unsubscribe/{message_id}", **tracked)
    ask("POST", "unsubscribe/{message_id}", **tracked)
    ask("POST", "texts", {"from": "+491701234567", "text": "STOP"}, **mine)
    _outside(emulator, ask, message)

    ask("DELETE", "inbox/{message_id}", **message)
    ask("GET", "inbox/{message_id}", **message, status=404)
    ask("POST", "clock", {"action": "auto"})
    ask("GET", "inbox", to="nobody@", wait=1, status=408)
    ask("POST", "clock", {"action": "auto", "wanted": False})
    ask("GET", "logs", name="wroker", **mine, status=404)
    ask("DELETE", "inbox")
    ask("DELETE", "faults", **mine)
    ask("PUT", "snapshot", ask("GET", "snapshot", **mine).content)
    ask("POST", "worlds")
    ask("DELETE", "worlds/{account}", **mine)
    ask("POST", "reset")
    ask("POST", "worlds")

    routes = {
        (f"{method.upper()} {path}", kind)
        for path, methods in ask.document["paths"].items()
        for method, operation in methods.items()
        for kind in operation["responses"].get("200", {}).get("content", ())
    }
    assert routes - ask.answered == set(), "documented, and answered here by nobody"
    answers = [operation["responses"] for methods in ask.document["paths"].values() for operation in methods.values()]
    documented = set(_members(answers, ask.document["components"]["schemas"]))
    assert documented - ask.told == set(), "documented, and in no answer here"


def _outside(emulator: RunningEmulator, ask: Asking, message: dict[str, Any]) -> None:
    """Mail servers, and people who follow links of mail."""
    with Mailbox() as mailbox:
        ask("POST", "inbox/{message_id}/release", {"smtp": mailbox.address}, **message)
    ask("POST", "inbox/{message_id}/release", {"smtp": mailbox.address}, **message, status=502)
    aws = Aws(RemoteServer(emulator.url), ask.account, "us-east-1")
    stop = {"StopAction": {"Scope": "RuleSet"}}
    aws.ses.create_receipt_rule_set(RuleSetName="rules")
    aws.ses.create_receipt_rule(RuleSetName="rules", Rule={"Name": "r", "Enabled": True, "Actions": [stop]})
    aws.ses.set_active_receipt_rule_set(RuleSetName="rules")
    body = {"from": "ada@example.org", "to": ["in@example.com"], "subject": "Hi", "text": "Hello"}
    ask("POST", "inbound", body)
    ask("POST", "inbound", {**body, "to": ["in@example.net"]}, status=422)
    ask("PUT", "settings", {"ses_auto_verify": False})
    aws.sesv2.create_email_identity(EmailIdentity="new@example.org")
    emulator.advance(1)
    [asked] = ask("GET", "inbox", to="new@example.org")["messages"]
    ask("GET", "verify/{token}", token=asked["links"][0].rpartition("/")[2])


def _bodies(ask: Asking) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and what is said of its JSON body, if there is any."""
    for path, methods in ask.document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation.get("requestBody", {}).get("content", {}).get("application/json", {})


def test_what_routes_take_is_what_the_document_says(ask: Asking) -> None:
    taking = [(method, path, body) for method, path, body in _bodies(ask) if body]
    assert len(taking) == 8
    for method, path, body in taking:
        ask.check(f"the example of {method} {path}", body["schema"], body["example"])
        answer = ask.http.request(method, _filled(path), json={**body["example"], "no_such_member": 1})
        told = (answer.status_code, "no_such_member" in answer.json()["message"])
        assert told == (400, True), f"{method} {path} takes what it ignores"


def test_no_query_is_ignored(ask: Asking) -> None:
    links = ("verify", "opened", "clicked", "unsubscribe", "lambda", "health")
    for method, path, body in _bodies(ask):
        if path.split("/")[2] not in links:
            answer = ask.http.request(method, _filled(path), params={"acount": "1"}, json=body.get("example", {}))
            assert (answer.status_code, "'acount'" in answer.json()["message"]) == (400, True), f"{method} {path}"


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path)


def test_the_clock_takes_for_each_action_what_is_its_own(emulator: RunningEmulator) -> None:
    for body, said in (
        ({"action": "freeze", "seconds": 5}, "'seconds' is not known here; freeze takes nothing else"),
        ({"action": "settle", "acount": "7"}, "'acount' is not known here; settle takes account"),
        ({"action": "advance", "seconds": 1, "until": 2e9}, 'advance takes "seconds" or "until", not both'),
        ({"action": ["freeze"]}, '"action" is one of freeze, advance, next, settle, scale, resume, auto'),
    ):
        answer = httpx.post(f"{emulator.url}/_emulator/clock", json=body)
        assert (answer.status_code, answer.json()) == (400, {"message": said})
