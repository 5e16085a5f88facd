"""A world is an account of its own: what others do is not seen, and nothing of it goes on after its end."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from emulator import Settings, worlds
from emulator.ports import Transaction
from emulator.testing import Emulator
from emulator.testing.aws import Aws
from emulator.testing.client_pool import EndedWorld
from emulator.testing.harness import RunningEmulator
from emulator.testing.servers import HarnessError, LocalServer, RemoteServer
from tests.testing.functions import create, send


def test_two_worlds_on_one_server_do_not_see_each_other(emulator: Emulator, emulator_server: LocalServer) -> None:
    with Emulator(server=emulator_server) as other:
        emulator.aws.sqs.create_queue(QueueName="orders")
        create(emulator.aws)
        assert "QueueUrls" not in other.aws.sqs.list_queues()
        other.aws.s3.create_bucket(Bucket="of-the-other")
        assert other.account != emulator.account
        assert emulator.aws.s3.list_buckets()["Buckets"] == []
        send(emulator.aws)
        emulator.settle()
        assert other.attempts() == []
    assert [each["outcome"] for each in emulator.attempts("worker")] == ["success"]
    emulator.aws.s3.create_bucket(Bucket="of-the-other")


def test_jobs_of_a_world_that_has_ended_do_not_run(emulator: Emulator, emulator_server: LocalServer) -> None:
    queue = emulator.aws.sqs.create_queue(QueueName="results")["QueueUrl"]
    with Emulator(server=emulator_server) as other:
        create(other.aws)
        send(other.aws, fail=True)
        other.clock.advance(0)
        assert [each["outcome"] for each in other.attempts()] == ["function_error"]
    before = emulator.clock.now()
    emulator.aws.sqs.send_message(QueueUrl=queue, MessageBody="hello", DelaySeconds=5)
    emulator.settle()
    app = emulator_server.app
    assert emulator_server.call(lambda: app.store.read(worlds.alive))[0].account == emulator.account
    assert emulator.clock.now() - before < 60, "the failed event of the other world was waited for"


def test_a_handler_that_runs_when_its_world_ends_is_ended(emulator: Emulator, emulator_server: LocalServer) -> None:
    with Emulator(server=emulator_server) as other:
        create(other.aws)
        send(other.aws, sleep=30)
        other.clock.advance(1)
        assert "worker" in other.clock.why()
    assert "worker" not in emulator.clock.why()
    assert emulator_server.app.clock.at_work() == []


def test_settle_waits_for_its_own_world_only(emulator: Emulator, emulator_server: LocalServer) -> None:
    with Emulator(server=emulator_server) as other:
        create(other.aws)
        send(other.aws, fail=True)
        before = emulator.clock.now()
        emulator.settle()
        assert emulator.clock.now() == before
        other.settle()
        assert emulator.clock.now() == before + 180


def test_every_table_is_known_to_belong_to_an_account(emulator_server: LocalServer) -> None:
    def without_account(tx: Transaction) -> list[str]:
        found = []
        for table in worlds.tables(tx):
            columns = tx.execute(f"PRAGMA table_info({table})").fetchall()
            known = any(column[1] == "account" for column in columns)
            if not known and table not in worlds.CHILDREN and table not in ("job", "world"):
                found.append(table)
        return found

    app = emulator_server.app
    missing = emulator_server.call(lambda: app.store.read(without_account))
    assert missing == [], "say in worlds.CHILDREN through what their rows belong to an account"


def test_nothing_of_an_ended_world_is_left(emulator: Emulator, emulator_server: LocalServer) -> None:
    with Emulator(server=emulator_server) as other:
        aws, account = other.aws, other.account
        function = create(aws, timeout=20)
        queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
        aws.sqs.send_message(QueueUrl=queue, MessageBody="x")
        arn = f"arn:aws:sqs:us-east-1:{account}:q"
        aws.lambda_.create_event_source_mapping(EventSourceArn=arn, FunctionName="worker", Enabled=True)
        topic = aws.sns.create_topic(Name="t")["TopicArn"]
        aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        aws.events.put_rule(Name="r", ScheduleExpression="rate(1 minute)")
        aws.events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": function}])
        machine = aws.stepfunctions.create_state_machine(
            name="m",
            roleArn=f"arn:aws:iam::{account}:role/r",
            definition=json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 900, "End": True}}}),
        )["stateMachineArn"]
        aws.stepfunctions.start_execution(stateMachineArn=machine)
        aws.ses.verify_email_identity(EmailAddress="a@example.com")
        message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}
        aws.ses.send_email(Source="a@example.com", Destination={"ToAddresses": ["b@example.com"]}, Message=message)
        other.clock.advance(minutes=2)

    def left(tx: Transaction) -> dict[str, int]:
        counts = {table: tx.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in worlds.tables(tx)}
        return {table: count for table, count in counts.items() if count}

    app = emulator_server.app
    remaining = emulator_server.call(lambda: app.store.read(left))
    kinds = {job["kind"] for job in emulator_server.ask("GET", "clock")["next"]}
    assert kinds <= {"cloudwatch.rollup"}
    assert set(remaining) <= {"world", "job"}


def test_an_emulator_that_somebody_else_runs_gives_worlds_too(emulator: Emulator) -> None:
    with Emulator.connect(emulator.url) as other:
        assert isinstance(other.server, RemoteServer)
        create(other.aws)
        before = other.clock.now()
        send(other.aws, fail=True)
        other.settle()
        assert [each["outcome"] for each in other.attempts()] == ["function_error"] * 3
        assert other.clock.now() - before == 180
        account = other.account
    assert emulator.server.ask("GET", "worlds")["worlds"][0]["account"] == emulator.account
    with pytest.raises(HarnessError, match=f"there is no world {account}"):
        emulator.server.ask("DELETE", f"worlds/{account}")


def test_an_emulator_that_ran_before_its_worlds_runs_on_as_it_did_when_the_last_has_ended() -> None:
    with RunningEmulator() as running:
        server = RemoteServer(running.url)
        server.ask("POST", "clock", {"action": "scale", "factor": 2})
        with Emulator.connect(running.url) as one:
            one.clock.freeze()
            one.clock.auto()
            with Emulator.connect(running.url):
                pass
            assert one.clock.frozen
            frozen_at = one.clock.now()
        after = server.ask("GET", "clock")
        assert (after["mode"], after["factor"], after["auto"]) == ("scaled", 2, False)
        assert after["now"] >= frozen_at
        with Emulator.connect(running.url) as other:
            other.clock.resume()
            server.ask("POST", "clock", {"action": "freeze"})
        assert server.ask("GET", "clock")["mode"] == "scaled"


def test_a_world_ends_with_the_connection_of_its_client_and_time_passes_on() -> None:
    with RunningEmulator(Settings(port=0, data=None)) as running:
        killed, other = RemoteServer(running.url), RemoteServer(running.url)
        account = killed.begin()
        other.ask("POST", "clock", {"action": "freeze"})
        assert other.ask("GET", "worlds")["worlds"][0]["held"]
        assert f"when the last world of a test has ended ({account})" in other.ask("GET", "clock")["why"][-1]
        killed.close()  # as the kernel does for a process that is killed
        deadline = time.monotonic() + 60
        while other.ask("GET", "clock")["mode"] != "real":
            assert time.monotonic() < deadline, "nobody has noticed that the client is gone"
        assert other.ask("GET", "worlds") == {"worlds": []}


def test_a_held_world_that_is_ended_or_forgotten_ends_once(emulator: Emulator) -> None:
    first, second = RemoteServer(emulator.url), RemoteServer(emulator.url)
    account, kept = first.begin(), second.begin()
    assert first.end(account) == []
    assert [each["account"] for each in second.ask("GET", "worlds")["worlds"]] == [emulator.account, kept]
    second.end(kept)
    first.close()


def test_no_emulator_at_a_url_is_an_error_that_says_so() -> None:
    with pytest.raises(HarnessError, match=r"there is no emulator at http://127\.0\.0\.1:9"):
        Emulator.connect("http://127.0.0.1:9")


class _Foreign(http.server.BaseHTTPRequestHandler):
    """Another program, or an emulator of another version, by the first part of the path that it is asked under."""

    def do_GET(self) -> None:
        _, who, _, question, *_ = self.path.split("/")
        if who == "silent":
            return
        status, said = {
            "page": (200, "<html>"),
            "older": (200, '{"services": {}}') if question == "health" else (404, '{"detail": "Not Found"}'),
        }.get(who, (404, '{"detail": "Not Found"}'))
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    do_POST = do_GET  # noqa: N815 — as http.server names it

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def foreign() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Foreign) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_who_is_no_emulator_or_another_version_is_told_apart(foreign: str) -> None:
    for who, said in (
        ("page", "is no emulator"),
        ("unknown", r"does not know GET /_emulator/health"),
        ("silent", "does not answer: RemoteDisconnected"),
        ("older", "does not know POST /_emulator/worlds: it is of version unknown, the harness of"),
    ):
        with pytest.raises(HarnessError, match=said):
            Emulator.connect(f"{foreign}/{who}").start()
    for url in ("localhost:4566", "", "/"):
        with pytest.raises(HarnessError, match="is no URL of an emulator, such as http://localhost:4566"):
            Emulator.connect(url)


def test_clients_are_used_again_unless_somebody_holds_them(emulator: Emulator, emulator_server: LocalServer) -> None:
    with Emulator(server=emulator_server) as first:
        pool = id(first.aws.sqs.meta)
        first.aws.sqs.create_queue(QueueName="first")
    with Emulator(server=emulator_server) as second:
        assert id(second.aws.sqs.meta) == pool
        assert "QueueUrls" not in second.aws.sqs.list_queues()
        held = second.aws.sqs
    with Emulator(server=emulator_server) as third:
        assert third.aws.sqs.meta is not held.meta
        third.aws.sqs.list_queues()
        with pytest.raises(EndedWorld, match="a test that has ended"):
            held.list_queues()


def test_a_client_that_boto3_has_not_is_named(aws: Aws) -> None:
    with pytest.raises(AttributeError, match="boto3 has no client 'lamda'"):
        _ = aws.lamda


def test_the_control_api_documents_all_that_other_languages_need(emulator: Emulator) -> None:
    with urllib.request.urlopen(f"{emulator.url}/_emulator/openapi.json") as answer:
        paths = json.load(answer)["paths"]
    asked = {
        "worlds": "get post", "worlds/{account}": "delete", "clock": "get post", "faults": "get put post delete",
        "attempts": "get", "executions": "get", "apis": "get", "timeline": "get", "inbox": "get delete",
    }  # fmt: skip
    for path, methods in asked.items():
        for method in methods.split():
            assert paths[f"/_emulator/{path}"][method]["description"], f"{method} {path}"
    page = urllib.request.urlopen(f"{emulator.url}/_emulator/docs").read().decode()
    assert "/_emulator/worlds/{account}" in page and "/_emulator/faults" in page


def test_every_region_of_a_world_is_told_of(emulator: Emulator) -> None:
    def aws_in(region: str) -> Aws:
        return Aws(emulator.server, emulator.account, region)

    for region in ("us-east-1", "eu-west-1"):
        create(aws_in(region), "worker", "def handler(event, context):\n    print('here')\n")
        send(aws_in(region))
        emulator.clock.advance(1)
    arns = [each["function_arn"].split(":")[3] for each in emulator.attempts("worker")]
    assert arns == ["us-east-1", "eu-west-1"]
    said = str(emulator.timeline())
    assert "attempt  eu-west-1: attempt 1 of worker: success" in said
    assert "log      worker | here" in said and "log      eu-west-1: worker | here" in said
