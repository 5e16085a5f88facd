"""REST APIs over HTTP: what the gateway adds to an invocation, and how fast a route accepts events. See README.md.

`python benchmarks/gateway.py` measures with one resource and, in the same server, with many resources and many APIs
(`--resources`, `--apis`), which should change nothing; `--json FILE` keeps the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import Connection, cpu_seconds, create_function, free_port, invoke, latency_ms, process, rate, request

TEMPLATE = '{"body": $input.json("$"), "path": "$context.resourcePath", "id": "$context.requestId"}'
BODY = b'{"key": "value"}'
LAMBDA = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:bench"
ROUNDS = 10


def document(resources: int) -> bytes:
    """OpenAPI of an API with a route that waits for the function, one that does not, and other resources."""

    def method(**more: Any) -> dict[str, Any]:
        integration = {
            "type": "aws",
            "httpMethod": "POST",
            "uri": LAMBDA.format(FUNCTION),
            "requestTemplates": {"application/json": TEMPLATE},
            "responses": {"default": {"statusCode": "200"}},
            **more,
        }
        return {"post": {"responses": {"200": {"description": "."}}, "x-amazon-apigateway-integration": integration}}

    event = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    paths = {"/wait": method(), "/event": method(requestParameters=event)}
    paths |= {f"/other{number}": method() for number in range(resources)}
    return json.dumps({"openapi": "3.0.1", "info": {"title": "bench", "version": "1"}, "paths": paths}).encode()


def deploy(client: Any, resources: int = 0) -> str:
    """Import, deploy and name an API."""
    api = client.import_rest_api(body=document(resources))["id"]
    client.create_deployment(restApiId=api, stageName="s")
    return api


def call(port: int, api: str, route: str) -> bytes:
    """The bytes of one request to a route."""
    headers = ("Content-Type: application/json",)
    message = request(port, "POST", f"/s/{route}", BODY, *headers)
    return message.replace(f"Host: localhost:{port}".encode(), f"Host: {api}.execute-api.localhost:{port}".encode())


def cpu_ms(port: int, pid: int, messages: list[bytes], times: int) -> list[float]:
    """CPU time of the server for one request of each kind, on one connection: medians of rounds that take turns.

    A machine that others use too is not the same from second to second: only what is measured in turns can be compared.
    """
    rounds: list[list[float]] = [[] for _ in messages]
    for _ in range(ROUNDS + 1):
        for message, found in zip(messages, rounds, strict=True):
            before = cpu_seconds(pid)
            latency_ms(port, message, times // ROUNDS, 200)
            found.append((cpu_seconds(pid) - before) / (times // ROUNDS) * 1000)
    return [statistics.median(found[1:]) for found in rounds]


def drained(port: int) -> None:
    """Return once every accepted event has run: they would be counted with what is measured next."""
    connection = Connection(port)
    while json.loads(connection.exchange(request(port, "GET", "/_emulator/queue?limit=1"))[1])["jobs"]:
        time.sleep(0.1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--times", type=int, default=2000)
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--apis", type=int, default=100)
    options = parser.parse_args()
    import boto3

    figures: dict[str, float] = {}
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "emulator", "start", "--port", str(port), "--data", data, "--quiet"]
        with process(command, port, "/_emulator/health") as (server, _):
            create_function(port)
            Connection(port).exchange(invoke(port, {}))
            client = boto3.client(
                "apigateway",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )

            def measure(label: str, api: str) -> None:
                messages = [invoke(port, {"key": "value"}), call(port, api, "wait")]
                direct, through = cpu_ms(port, server.pid, messages, options.times)
                figures[f"{label}: Invoke, server CPU ms"] = direct
                figures[f"{label}: through the gateway, server CPU ms"] = through
                figures[f"{label}: added by the gateway, ms"] = through - direct
                before = cpu_seconds(server.pid)
                per_second, accepted = rate(port, call(port, api, "event"), 16, options.seconds, 200)
                figures[f"{label}: events accepted per second, 16 connections"] = per_second
                used = (cpu_seconds(server.pid) - before) / max(accepted, 1) * 1000
                figures[f"{label}: server CPU ms per event, accepted and partly run"] = used
                drained(port)

            quotas = json.dumps({"api_resources": options.resources + 3, "edge_apis": options.apis + 2}).encode()
            Connection(port).exchange(
                request(port, "PUT", "/_emulator/settings", quotas, "Content-Type: application/json")
            )
            measure("one resource", deploy(client))
            large = deploy(client, options.resources)
            for _ in range(options.apis):
                deploy(client)
            measure(f"{options.resources:,} resources, {options.apis:,} APIs", large)
    for name, value in figures.items():
        print(f"{name:82} {value:10,.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
