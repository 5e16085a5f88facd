"""Measures a fresh emulator over HTTP and prints a table. See README.md beside this file."""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HANDLER = """
import os
def handler(event, context):
    if isinstance(event, dict) and event.get("mark"):
        fd = os.open(event["mark"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, b".")
        os.close(fd)
    return event
"""
SIGNED = (
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, "
    "SignedHeaders=host, Signature=" + "0" * 64
)
PARTS = ("start", "sync", "accept", "drain", "states")
EIGHT_STATES = {
    "StartAt": "S1",
    "States": {
        **{f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(1, 8)},
        "S8": {"Type": "Succeed"},
    },
}


def free_port() -> int:
    """A port nobody listens on, below those that a connection, even one to itself, could be given meanwhile."""
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            pass


class Connection:
    """One keep-alive HTTP/1.1 connection that sends prepared bytes: as little client as possible."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send one request and return (status, body)."""
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(body) < length:
            body += self._receive()
        return int(head[9:12]), body

    def _receive(self) -> bytes:
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        return chunk


def request(port: int, method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{port}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        current = todo.pop()
        found.append(current)
        todo += children.get(current, [])
    return found


def memory_mib(pid: int) -> float:
    """Proportional set size of a process tree, so that shared pages count once."""
    total = 0
    for member in tree(pid):
        try:
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def cpu_seconds(pid: int) -> float:
    """CPU time of one process, which says more than a clock does on a machine that others use too.

    To the nanosecond where the system counts so, else to the hundredth of a second.
    """
    try:
        threads = [Path(thread, "schedstat").read_text() for thread in Path(f"/proc/{pid}/task").iterdir()]
        spent = sum(int(each.split()[0]) for each in threads)
    except OSError:
        spent = 0
    if spent:
        return spent / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def process(command: list[str], port: int, path: str) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Start a server and yield it with the seconds until its first answer."""
    began = time.perf_counter()
    server = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                Connection(port).exchange(request(port, "GET", path))
                break
            except OSError:
                if server.poll() is not None or time.perf_counter() - began > 30:
                    raise SystemExit(f"{command} did not start") from None
                time.sleep(0.005)
        yield server, time.perf_counter() - began
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def rate(port: int, message: bytes, connections: int, seconds: float, expected: int) -> tuple[float, int]:
    """Requests per second over some connections, and how many were answered as expected."""
    counts = [0] * connections
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        connection = Connection(port)
        while time.perf_counter() < end:
            status, _ = connection.exchange(message)
            counts[number] += status == expected

    threads = [threading.Thread(target=client, args=(number,)) for number in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began), sum(counts)


def latency_ms(port: int, message: bytes, times: int, expected: int) -> dict[str, float]:
    """Latency of one connection."""
    connection = Connection(port)
    samples: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        status, body = connection.exchange(message)
        samples.append((time.perf_counter() - began) * 1000)
        assert status == expected, (status, body)
    samples.sort()
    return {"p50": statistics.median(samples), "p99": samples[int(len(samples) * 0.99)]}


def invoke(port: int, payload: Any, kind: str = "RequestResponse") -> bytes:
    """An Invoke request."""
    return request(
        port,
        "POST",
        "/2015-03-31/functions/bench/invocations",
        json.dumps(payload).encode(),
        SIGNED.format(service="lambda"),
        f"X-Amz-Invocation-Type: {kind}",
    )


def create_function(port: int) -> None:
    """Create the function all parts use."""
    import boto3

    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", HANDLER)
    client = boto3.client(
        "lambda",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_function(
        FunctionName="bench",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/bench",
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=30,
    )


def drain(port: int, pid: int, events: int) -> dict[str, float]:
    """Accept events as fast as possible on 16 connections, then wait until each has run."""
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "mark"
        message = invoke(port, {"mark": str(mark)}, "Event")
        Connection(port).exchange(invoke(port, {}))
        left = [events // 16] * 16
        left[0] += events % 16

        def client(number: int) -> None:
            connection = Connection(port)
            for _ in range(left[number]):
                status, body = connection.exchange(message)
                assert status == 202, body

        threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accepted = time.perf_counter()
        most = 0
        while (mark.stat().st_size if mark.exists() else 0) < events:
            most = max(most, len(tree(pid)))
            if time.perf_counter() - accepted > 120:
                break
            time.sleep(0.02)
        done = time.perf_counter()
        return {
            "accept_seconds": accepted - began,
            "drain_seconds_after_last_accept": done - accepted,
            "total_seconds": done - began,
            "ran": mark.stat().st_size,
            "most_processes": most,
        }


def states(port: int, executions: int) -> dict[str, float]:
    """Start executions of eight states on 8 connections and wait until all have succeeded."""

    def call(connection: Connection, operation: str, body: dict[str, Any]) -> Any:
        target = f"X-Amz-Target: AWSStepFunctions.{operation}"
        kind = "Content-Type: application/x-amz-json-1.0"
        message = request(port, "POST", "/", json.dumps(body).encode(), SIGNED.format(service="states"), target, kind)
        status, answer = connection.exchange(message)
        assert status == 200, answer
        return json.loads(answer)

    first = Connection(port)
    arn = call(
        first,
        "CreateStateMachine",
        {"name": "bench", "definition": json.dumps(EIGHT_STATES), "roleArn": "arn:aws:iam::000000000000:role/bench"},
    )["stateMachineArn"]

    def client() -> None:
        connection = Connection(port)
        for _ in range(executions // 8):
            call(connection, "StartExecution", {"stateMachineArn": arn, "input": "{}"})

    threads = [threading.Thread(target=client) for _ in range(8)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started = time.perf_counter()
    query = {"stateMachineArn": arn, "statusFilter": "RUNNING", "maxResults": 1}
    while call(first, "ListExecutions", query)["executions"]:
        time.sleep(0.005)
    done = time.perf_counter()
    count = executions // 8 * 8
    return {"executions": count, "start_seconds": started - began, "executions_per_second": count / (done - began)}


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"comma-separated parts of: {', '.join(PARTS)}")
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = options.only.split(",")
    here = Path(__file__).parent
    figures: dict[str, Any] = {"cpus": os.cpu_count(), "python": sys.version.split()[0]}

    port = free_port()
    with process([sys.executable, str(here / "bare.py"), str(port)], port, "/") as (_, seconds):
        bare = request(port, "POST", "/", b"{}")
        figures["bare ASGI"] = {
            "first answer s": seconds,
            "latency ms": latency_ms(port, bare, 2000, 202),
            "per second, 16 connections": rate(port, bare, 16, options.seconds, 202)[0],
        }
    with tempfile.TemporaryDirectory() as data:
        port = free_port()
        command = [sys.executable, "-m", "emulator", "start", "--port", str(port), "--data", data]
        with process(command, port, "/2015-03-31/functions/") as (server, seconds):
            if "start" in wanted:
                time.sleep(1)
                figures["start"] = {"first answer s": seconds, "idle memory MiB": memory_mib(server.pid)}
            create_function(port)
            if "sync" in wanted:
                latency_ms(port, invoke(port, {"warm": 1}), 50, 200)
                before = cpu_seconds(server.pid)
                figures["sync invoke ms"] = latency_ms(port, invoke(port, {"a": 1}), 2000, 200)
                figures["sync invoke ms"]["server cpu"] = (cpu_seconds(server.pid) - before) / 2000 * 1000
            if "drain" in wanted:
                before = cpu_seconds(server.pid)
                figures["drain"] = drain(port, server.pid, options.events)
                used = (cpu_seconds(server.pid) - before) / options.events * 1000
                figures["drain"]["server cpu ms per event, accepted and run"] = used
            if "states" in wanted:
                figures["8-state executions"] = states(port, 400)
            if "accept" in wanted:
                before = cpu_seconds(server.pid)
                per_second, count = rate(port, invoke(port, {"a": 1}, "Event"), 16, options.seconds, 202)
                used = (cpu_seconds(server.pid) - before) / count * 1000
                figures["durable accept"] = {
                    "per second, 16 connections": per_second,
                    "accepted": count,
                    "server cpu ms per event, some of them run": used,
                }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
