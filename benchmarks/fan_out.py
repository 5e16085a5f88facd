"""SNS and EventBridge over HTTP, durable: one Publish to many queues, one PutEvents against many rules. See README.md.

`python benchmarks/fan_out.py` prints medians of the answer's time – the subscribers have the message by then – and the
server's CPU time, which can be compared where other work shares the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import SIGNED, Connection, create_function, free_port, process, request
from queues import ACCOUNT, Queue, cpu_seconds

REGION = "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:bench"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"


class Client:
    """One connection to a running emulator."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection = Connection(port)

    def sns(self, action: str, **fields: str) -> None:
        """One call of SNS."""
        body = urlencode({"Action": action, "Version": "2010-03-31", **fields}).encode()
        self._ask(body, SIGNED.format(service="sns"), "Content-Type: application/x-www-form-urlencoded")

    def events(self, operation: str, body: dict[str, Any]) -> None:
        """One call of EventBridge."""
        headers = (f"X-Amz-Target: AWSEvents.{operation}", "Content-Type: application/x-amz-json-1.1")
        self._ask(json.dumps(body).encode(), SIGNED.format(service="events"), *headers)

    def _ask(self, body: bytes, *headers: str) -> None:
        status, answer = self.connection.exchange(request(self.port, "POST", "/", body, *headers))
        assert status == 200, answer


def measure(pid: int, call: Callable[[], None], times: int) -> tuple[float, float]:
    """(median milliseconds, server CPU milliseconds) of a call."""
    took: list[float] = []
    before = cpu_seconds(pid)
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e3, (cpu_seconds(pid) - before) / times * 1e3


def publish(client: Client, pid: int, topic: str, whom: str, times: int, figures: dict[str, float]) -> None:
    """Measure a Publish to so many subscribers."""
    found = measure(pid, lambda: client.sns("Publish", TopicArn=topic, Message="m" * 200), times)
    figures[f"Publish to {whom}: ms"], figures[f"Publish to {whom}: server CPU ms"] = found


def aliases(port: int, number: int) -> list[str]:
    """ARNs of so many aliases of the function `bench`, of which none runs: what is measured is that they are told."""
    import boto3

    url, keys = f"http://127.0.0.1:{port}", {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    functions = boto3.client("lambda", endpoint_url=url, region_name=REGION, **keys)
    functions.put_function_concurrency(FunctionName="bench", ReservedConcurrentExecutions=0)
    version = functions.publish_version(FunctionName="bench")["Version"]
    made = (functions.create_alias(FunctionName="bench", Name=f"a{each}", FunctionVersion=version)
            for each in range(number))  # fmt: skip
    return [alias["AliasArn"] for alias in made]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--times", type=int, default=100)
    options = parser.parse_args()
    figures: dict[str, float] = {}
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "emulator", "start", "--port", str(port), "--data", data]
        with process(command, port, "/_emulator/health") as (server, _):
            client = Client(port)
            client.sns("CreateTopic", Name="bench")
            for number in range(101):
                if number in (0, 1, 10, 50, 100):
                    publish(client, server.pid, TOPIC, f"{number} queues", options.times, figures)
                if number < 100:
                    Queue(port, f"fan-{number}", False)
                    client.sns("Subscribe", TopicArn=TOPIC, Protocol="sqs", Endpoint=f"{QUEUE}fan-{number}")
            create_function(port)
            client.sns("CreateTopic", Name="bench-lambda")
            for number, alias in enumerate([*aliases(port, 100), ""]):
                if number in (1, 10, 50, 100):
                    publish(client, server.pid, f"{TOPIC}-lambda", f"{number} functions", 10, figures)
                if alias:
                    client.sns("Subscribe", TopicArn=f"{TOPIC}-lambda", Protocol="lambda", Endpoint=alias)
            for number in range(100):
                pattern = json.dumps({"source": ["bench"], "detail": {"n": [{"numeric": ["=", number]}]}})
                client.events("PutRule", {"Name": f"rule-{number}", "EventPattern": pattern})
                target = {"Id": "1", "Arn": f"{QUEUE}fan-{number}"}
                client.events("PutTargets", {"Rule": f"rule-{number}", "Targets": [target]})
            entry = {"Source": "bench", "DetailType": "d", "Detail": '{"n": 50}'}
            label = "PutEvents of 10, one of 100 rules matches"
            put = measure(server.pid, lambda: client.events("PutEvents", {"Entries": [entry] * 10}), options.times)
            figures[f"{label}: ms"], figures[f"{label}: server CPU ms"] = put
    for name, value in figures.items():
        print(f"{name:60} {value:10,.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
