"""A soak of the event queue: failures, throttles and kill -9 of the server and of functions; every event accounted for.

Starts the emulator from this checkout on a fresh data directory, sends events to two functions (one fails a fifth of
them, the other has two places to run in), kills the server between sends and functions all the time, and in the end
reads what the destinations and the dead-letter queue were told. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from bench import SIGNED, Connection, free_port, request, tree

ROLE = "arn:aws:iam::000000000000:role/soak"
HANDLER = """
import os, signal
def handler(event, context):
    n = event["n"]
    if n % 5 == 0:
        raise ValueError(f"{n} is a multiple of five")
    if n % 101 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return n
"""
FUNCTIONS = ("wide", "narrow")
QUEUES = ("done", "failed", "dead")
CONNECTIONS = 8
SETTINGS = {
    "async_first_retry_delay_seconds": 1,
    "async_second_retry_delay_seconds": 1,
    "throttle_backoff_first_seconds": 0.1,
    "throttle_backoff_max_seconds": 1,
}


class Soak:
    """One run."""

    def __init__(self, data: Path, seed: int = 1) -> None:
        self.data = data
        self.port = free_port()
        self.accepted: dict[str, int] = {}
        """Request id → number of each event that was answered with 202."""
        self.unanswered = 0
        self.killed_functions = 0
        self._clients: list[Any] = []
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    @contextmanager
    def server(self) -> Iterator[subprocess.Popen[bytes]]:
        """The emulator on the data directory; killed with -9 at the end."""
        command = [sys.executable, "-m", "emulator", "start", "--port", str(self.port), "--data", str(self.data)]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, start_new_session=True, stdout=quiet, stderr=quiet)
        try:
            until = time.monotonic() + 600
            while True:
                try:
                    self.control("PUT", "settings", SETTINGS)
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise SystemExit("the emulator did not start") from None
                    time.sleep(0.02)
            yield process
        finally:
            for client in self._clients:
                client.close()
            self._clients.clear()
            process.send_signal(signal.SIGKILL)
            process.wait()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the emulator's control plane."""
        sent = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/_emulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(sent, timeout=1800) as answer:
            return json.load(answer)

    def client(self, service: str) -> Any:
        """A boto3 client."""
        import boto3

        url = f"http://127.0.0.1:{self.port}"
        made = boto3.client(
            service,
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self._clients.append(made)
        return made

    def prepare(self) -> None:
        """Create the functions, and the queues that hear how each event ended."""
        sqs, functions = self.client("sqs"), self.client("lambda")
        arns = {}
        for name in QUEUES:
            sqs.create_queue(QueueName=name)
            arns[name] = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app.py", HANDLER)
        for name in FUNCTIONS:
            functions.create_function(
                FunctionName=name,
                Runtime="python3.11",
                Role=ROLE,
                Handler="app.handler",
                Code={"ZipFile": package.getvalue()},
                DeadLetterConfig={"TargetArn": arns["dead"]},
            )
            functions.put_function_event_invoke_config(
                FunctionName=name,
                MaximumRetryAttempts=1,
                DestinationConfig={
                    "OnSuccess": {"Destination": arns["done"]},
                    "OnFailure": {"Destination": arns["failed"]},
                },
            )
        functions.put_function_concurrency(FunctionName="narrow", ReservedConcurrentExecutions=2)

    def send(self, numbers: range, victim: subprocess.Popen[bytes] | None = None) -> None:
        """Send events on several connections, and kill the server (`victim`) when nearly all have been accepted.

        One that gets no answer is not sent again, but may have been accepted.
        """
        kill_at = len(self.accepted) + len(numbers) * 9 // 10

        def client(mine: list[int]) -> None:
            try:
                connection = Connection(self.port)
            except OSError:
                return
            with closing(connection.socket):
                for number in mine:
                    try:
                        request_id = accepted_id(connection, self.port, number)
                    except OSError:
                        with self._lock:
                            self.unanswered += 1
                        return
                    with self._lock:
                        self.accepted[request_id] = number
                        if victim is not None and len(self.accepted) == kill_at:
                            victim.send_signal(signal.SIGKILL)

        shares = [list(numbers)[start::CONNECTIONS] for start in range(CONNECTIONS)]
        threads = [threading.Thread(target=client, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @contextmanager
    def killing(self, process: subprocess.Popen[bytes], every_seconds: float = 0.2) -> Iterator[None]:
        """Kill a process of some function every now and then."""
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(every_seconds):
                starters = [process.pid, *children(process.pid)]
                victims = [pid for pid in tree(process.pid) if pid not in starters]
                if victims:
                    try:
                        os.kill(self._random.choice(victims), signal.SIGKILL)
                        self.killed_functions += 1
                    except OSError:
                        pass

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def told(self, queue: str) -> Iterator[dict[str, Any]]:
        """Every message of a queue, taken out."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        while True:
            found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            messages = found.get("Messages", [])
            if not messages:
                return
            yield from messages
            handles = [{"Id": str(n), "ReceiptHandle": item["ReceiptHandle"]} for n, item in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=url, Entries=handles)

    def run(self, events: int, kills: int) -> dict[str, Any]:
        """Send, kill, drain, and account for every event."""
        began = time.monotonic()
        bounds = [events * part // (kills + 1) for part in range(kills + 2)]
        with self.server():
            self.prepare()
        for part in range(kills):
            with self.server() as process, self.killing(process):
                self.send(range(bounds[part], bounds[part + 1]), process)
        with self.server() as process:
            with self.killing(process):
                self.send(range(bounds[kills], bounds[kills + 1]))
                waited = time.monotonic()
                while self.control("GET", "queue?limit=1")["total"] > events // 10:
                    if time.monotonic() - waited > 600:
                        break
                    time.sleep(0.2)
            self.control("POST", "clock", {"action": "settle"})
            return {**self.account(), "seconds": round(time.monotonic() - began, 1), "server kills": kills + 1}

    def account(self) -> dict[str, Any]:
        """What became of every event; raises AssertionError if one is lost, told twice, or nobody's."""
        done = Counter[str]()
        failed = Counter[str]()
        conditions = Counter[str]()
        for queue, ended in (("done", done), ("failed", failed)):
            for message in self.told(queue):
                context = json.loads(message["Body"])["requestContext"]
                ended[context["requestId"]] += 1
                conditions[context["condition"]] += 1
        dead = Counter(message["MessageAttributes"]["RequestID"]["StringValue"] for message in self.told("dead"))
        ended = done + failed
        twice = [request_id for request_id, times in (ended + Counter()).items() if times != 1]
        lost = [request_id for request_id in self.accepted if request_id not in ended]
        unknown = [request_id for request_id in ended if request_id not in self.accepted]
        left = self.control("GET", "queue?limit=1")["total"]
        assert not lost, f"{len(lost)} accepted events were lost, {lost[:3]}"
        assert not twice, f"{len(twice)} events ended twice, {twice[:3]}"
        assert dead == failed, "dead letters and failure records name the same events"
        assert len(unknown) <= self.unanswered, "only events without an answer can be unknown"
        assert left == 0, f"{left} jobs are left"
        return {
            "accepted": len(self.accepted),
            "without an answer": self.unanswered,
            "accepted without an answer": len(unknown),
            "ended": dict(conditions),
            "dead letters": dead.total(),
            "functions killed": self.killed_functions,
        }


def children(pid: int) -> list[int]:
    """The processes that a process has started itself: for the server, those that start functions."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(number) for number in text.split()]


def accepted_id(connection: Connection, port: int, number: int) -> str:
    """Send one event and return its request id. Raises OSError without an answer."""
    function = FUNCTIONS[number % 2]
    message = request(
        port,
        "POST",
        f"/2015-03-31/functions/{function}/invocations",
        json.dumps({"n": number}).encode(),
        SIGNED.format(service="lambda"),
        "X-Amz-Invocation-Type: Event",
    )
    connection.socket.sendall(message)
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        data += piece
    assert data.startswith(b"HTTP/1.1 202"), data[:300]
    [found] = [line for line in data.split(b"\r\n") if line.lower().startswith(b"x-amzn-requestid:")]
    return found.split(b":")[1].strip().decode()


def main() -> None:
    """Run as asked and print the account."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=4, help="kill -9 of the server while events wait")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        print(json.dumps(Soak(Path(data)).run(options.events, options.kills), indent=2))


if __name__ == "__main__":
    main()
