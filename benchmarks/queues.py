"""SQS over HTTP: sends and receives per second, durable, with few and with many messages waiting. See README.md.

`python benchmarks/queues.py` fills a queue with 100 and with 100,000 messages and measures both; `--json FILE` keeps
the figures. 16 connections send, then 16 receive and delete what they got, one message at a time or ten; `--fifo`
measures FIFO queues whose messages belong to a thousand groups.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from bench import SIGNED, Connection, free_port, memory_mib, process, request

ACCOUNT = "000000000000"
BODY = "x" * 100
GROUPS = 1000
USERS = 16


class Queue:
    """A queue of a running emulator, one connection for each user."""

    def __init__(self, port: int, name: str, fifo: bool) -> None:
        self.port = port
        self.fifo = fifo
        self.numbers = count()
        name = f"{name}.fifo" if fifo else name
        attributes = {"FifoQueue": "true"} if fifo else {}
        self.url = f"http://localhost:{port}/{ACCOUNT}/{name}"
        self.ask(Connection(port), "CreateQueue", {"QueueName": name, "Attributes": attributes})

    def ask(self, connection: Connection, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """One call."""
        headers = (SIGNED.format(service="sqs"), f"X-Amz-Target: AmazonSQS.{operation}",
                   "Content-Type: application/x-amz-json-1.0")  # fmt: skip
        status, answer = connection.exchange(request(self.port, "POST", "/", json.dumps(body).encode(), *headers))
        assert status == 200, answer
        return json.loads(answer) if answer else {}

    def message(self) -> dict[str, str]:
        """What a message says."""
        if not self.fifo:
            return {"MessageBody": BODY}
        number = next(self.numbers)
        return {"MessageBody": BODY, "MessageGroupId": f"g{number % GROUPS}", "MessageDeduplicationId": str(number)}

    def send(self, connection: Connection) -> int:
        """One message."""
        self.ask(connection, "SendMessage", {"QueueUrl": self.url, **self.message()})
        return 1

    def send_ten(self, connection: Connection) -> int:
        """Ten messages in a batch."""
        entries = [{"Id": str(index), **self.message()} for index in range(10)]
        self.ask(connection, "SendMessageBatch", {"QueueUrl": self.url, "Entries": entries})
        return 10

    def receive(self, connection: Connection, limit: int) -> int:
        """Receive up to `limit` messages and delete them."""
        wanted = {"QueueUrl": self.url, "MaxNumberOfMessages": limit}
        found = self.ask(connection, "ReceiveMessage", wanted).get("Messages", [])
        if limit == 1:
            for message in found:
                handle = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
                self.ask(connection, "DeleteMessage", handle)
        elif found:
            entries = [{"Id": str(i), "ReceiptHandle": item["ReceiptHandle"]} for i, item in enumerate(found)]
            self.ask(connection, "DeleteMessageBatch", {"QueueUrl": self.url, "Entries": entries})
        return len(found)


User = Callable[[Connection], int]


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used: comparable even where other work shares the machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(queue: Queue, users: list[User], seconds: float) -> list[float]:
    """Messages per second of each user, all at work at the same time."""
    done = [0] * len(users)
    ends_at = time.perf_counter() + seconds

    def work(index: int) -> None:
        connection = Connection(queue.port)
        while time.perf_counter() < ends_at:
            done[index] += users[index](connection)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(users))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [number / seconds for number in done]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--waiting", type=int, nargs="*", default=[100, 100_000])
    parser.add_argument("--fifo", action="store_true")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "emulator", "start", "--port", str(port), "--data", data]
        with process(command, port, "/_emulator/health") as (server, _):
            for waiting in options.waiting:
                queue = Queue(port, f"bench-{waiting}", options.fifo)
                connection = Connection(port)
                for _ in range(waiting // 10):
                    queue.send_ten(connection)
                for way, send, limit in (("one at a time", queue.send, 1), ("batches of ten", queue.send_ten, 10)):
                    receive: User = partial(queue.receive, limit=limit)
                    for what, user, calls in (("sent", send, 1), ("received and deleted", receive, 2)):
                        label = f"{waiting:,} waiting, {way}: {what}"
                        began = cpu_seconds(server.pid)
                        done = sum(rate(queue, [user] * USERS, options.seconds))
                        busy = cpu_seconds(server.pid) - began
                        figures[f"{label}/s"] = done
                        figures[f"{label}: server CPU µs per call"] = (
                            busy / options.seconds / done * limit / calls * 1e6
                        )
                figures[f"{waiting:,} waiting: MiB"] = memory_mib(server.pid)
    for name, value in figures.items():
        print(f"{name:60} {value:10,.0f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
