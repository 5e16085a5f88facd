"""Standard workflows over HTTP: executions per second, Map, and the cost of a transition. See README.md.

`python benchmarks/workflows.py` starts executions on 16 connections and waits until all have ended; `--json FILE`
keeps the figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench import (
    SIGNED,
    Connection,
    cpu_seconds,
    create_function,
    free_port,
    invoke,
    process,
    request,
)

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:bench"
ROLE = "arn:aws:iam::000000000000:role/bench"


def chain(*states: dict[str, Any]) -> dict[str, Any]:
    """A machine of states one after another."""
    named = {f"S{number}": {**state, "Next": f"S{number + 1}"} for number, state in enumerate(states)}
    last = named[f"S{len(states) - 1}"]
    del last["Next"]
    last["End"] = True
    return {"StartAt": "S0", "States": named}


PASS: dict[str, Any] = {"Type": "Pass"}
TASK: dict[str, Any] = {"Type": "Task", "Resource": FUNCTION}
EIGHT_PASS = chain(*[PASS] * 8)
MIXED = chain(PASS, TASK, PASS, TASK, PASS, TASK, PASS, PASS)
MAP = chain({"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}})
LOOP = {
    "StartAt": "Add",
    "States": {
        "Add": {
            "Type": "Pass",
            "Parameters": {"n.$": "States.MathAdd($.n, -1)"},
            "Next": "Again",
        },
        "Again": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThan": 0, "Next": "Add"}],
            "Default": "End",
        },
        "End": {"Type": "Succeed"},
    },
}


class Machine:
    """A machine of a running emulator."""

    def __init__(self, port: int, name: str, definition: dict[str, Any]) -> None:
        self.port = port
        body = {"name": name, "definition": json.dumps(definition), "roleArn": ROLE}
        self.arn = self.ask(Connection(port), "CreateStateMachine", body)["stateMachineArn"]

    def ask(self, connection: Connection, operation: str, body: dict[str, Any]) -> Any:
        """One call."""
        headers = (SIGNED.format(service="states"), f"X-Amz-Target: AWSStepFunctions.{operation}",
                   "Content-Type: application/x-amz-json-1.0")  # fmt: skip
        status, answer = connection.exchange(request(self.port, "POST", "/", json.dumps(body).encode(), *headers))
        assert status == 200, answer
        return json.loads(answer)

    def run_one(self, value: Any) -> float:
        """Seconds until one execution has ended."""
        connection = Connection(self.port)
        began = time.perf_counter()
        start = {"stateMachineArn": self.arn, "input": json.dumps(value)}
        execution = {"executionArn": self.ask(connection, "StartExecution", start)["executionArn"]}
        while (status := self.ask(connection, "DescribeExecution", execution)["status"]) == "RUNNING":
            time.sleep(0.002)
        assert status == "SUCCEEDED", status
        return time.perf_counter() - began

    def run_many(self, executions: int) -> float:
        """Executions per second, started on 16 connections and ended."""

        def client() -> None:
            connection = Connection(self.port)
            for _ in range(executions // 16):
                self.ask(connection, "StartExecution", {"stateMachineArn": self.arn, "input": "{}"})

        threads = [threading.Thread(target=client) for _ in range(16)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        running = {"stateMachineArn": self.arn, "statusFilter": "RUNNING", "maxResults": 1}
        connection = Connection(self.port)
        while self.ask(connection, "ListExecutions", running)["executions"]:
            time.sleep(0.005)
        return executions // 16 * 16 / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--executions", type=int, default=1600)
    parser.add_argument("--items", type=int, nargs="*", default=[1000])
    parser.add_argument("--loops", type=int, nargs="*", default=[5, 500, 4000])
    options = parser.parse_args()
    figures: dict[str, float] = {}
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "emulator", "start", "--port", str(port), "--data", data, "--quiet"]
        with process(command, port, "/_emulator/health") as (server, _):
            create_function(port)
            Connection(port).exchange(invoke(port, {}))
            for label, definition in (("eight Pass", EIGHT_PASS), ("five Pass, three Lambda", MIXED)):
                machine = Machine(port, label.replace(" ", "-").replace(",", ""), definition)
                machine.run_many(64)
                before = cpu_seconds(server.pid)
                figures[f"{label}: executions/s"] = machine.run_many(options.executions)
                used = (cpu_seconds(server.pid) - before) / options.executions * 1000
                figures[f"{label}: server CPU ms per execution"] = used
            machine = Machine(port, "map", MAP)
            machine.run_one([1])
            for items in options.items:
                figures[f"Map over {items:,} items: s"] = machine.run_one(list(range(items)))
            machine = Machine(port, "loop", LOOP)
            for loops in options.loops:
                machine.run_one({"n": 1})
                before = cpu_seconds(server.pid)
                times = max(1, 4000 // loops)
                for _ in range(times):
                    machine.run_one({"n": loops})
                # each round is a Pass and a Choice: four events
                each = (cpu_seconds(server.pid) - before) / times / loops / 2 * 1e6
                figures[f"{loops * 4:,} events: server CPU µs per transition, with start and end"] = each
    for name, value in figures.items():
        print(f"{name:70} {value:12,.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
