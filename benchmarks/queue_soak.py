"""A soak of SQS: clients send and poll a standard and a FIFO queue while the server is killed with -9.

Senders repeat what was not answered; pollers leave a tenth of what they receive to come again. In the end every message
was received, in FIFO groups in the order of sending and without repetitions that no crash explains, and the queues are
empty. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from bench import SIGNED, Connection, memory_mib, request
from soak import Soak

PLAIN, LINE = "work", "line.fifo"
SENDERS, POLLERS = 4, 4
HIDDEN_SECONDS = 1
LONGEST_RUN_SECONDS = 600


class QueueSoak(Soak):
    """One run."""

    def __init__(self, data: Path, seed: int = 1) -> None:
        super().__init__(data, seed)
        self.seen: dict[str, list[int]] = {PLAIN: [], LINE: []}
        """Numbers in the order of receipt, by queue."""
        self.failures = 0
        self._ended = threading.Event()
        self._most_memory = 0.0

    def ask(self, connection: Connection, operation: str, **body: Any) -> dict[str, Any]:
        """One call of SQS. Raises OSError without an answer."""
        headers = (SIGNED.format(service="sqs"), f"X-Amz-Target: AmazonSQS.{operation}",
                   "Content-Type: application/x-amz-json-1.0")  # fmt: skip
        status, answer = connection.exchange(request(self.port, "POST", "/", json.dumps(body).encode(), *headers))
        assert status == 200, answer
        return json.loads(answer) if answer else {}

    def url(self, queue: str) -> str:
        """The queue's URL."""
        return f"http://127.0.0.1:{self.port}/000000000000/{queue}"

    def insist(self, work: Callable[[Connection], Any]) -> Any:
        """Do something on a connection until there is an answer."""
        until = time.monotonic() + LONGEST_RUN_SECONDS
        while True:
            try:
                connection = Connection(self.port)
                with closing(connection.socket):
                    return work(connection)
            except OSError:
                assert time.monotonic() < until, "no answer for ten minutes"
                with self._lock:
                    self.failures += 1
                time.sleep(0.02)

    def make_queues(self) -> None:
        """Create both queues."""
        for name, more in ((PLAIN, {}), (LINE, {"FifoQueue": "true"})):
            attributes = {"VisibilityTimeout": str(HIDDEN_SECONDS), **more}
            create = {"QueueName": name, "Attributes": attributes}
            self.insist(lambda connection, create=create: self.ask(connection, "CreateQueue", **create))

    def send_all(self, sender: int, numbers: range) -> None:
        """Send numbers, one after another, into both queues."""
        for number in numbers:
            line = {"MessageGroupId": f"g{sender}", "MessageDeduplicationId": str(number)}
            for queue, more in ((LINE, line), (PLAIN, {})):
                message = {"QueueUrl": self.url(queue), "MessageBody": f"{sender} {number}", **more}
                self.insist(lambda connection, message=message: self.ask(connection, "SendMessage", **message))

    def poll(self, queue: str, seed: int) -> None:
        """Receive and delete until all is over."""
        dice = random.Random(seed)
        url = self.url(queue)

        def some(connection: Connection) -> None:
            wanted = {"QueueUrl": url, "MaxNumberOfMessages": dice.randint(1, 10), "WaitTimeSeconds": 1}
            found = self.ask(connection, "ReceiveMessage", **wanted).get("Messages", [])
            if not found:
                return
            with self._lock:
                self.seen[queue] += [int(each["Body"].split()[1]) for each in found]
            kept = len(found) if dice.random() > 0.1 else dice.randint(0, len(found) - 1)
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(found[:kept])]
            if entries:
                self.ask(connection, "DeleteMessageBatch", QueueUrl=url, Entries=entries)

        while not self._ended.is_set():
            self.insist(some)

    def left(self, queue: str) -> int:
        """How many messages a queue holds in whatever state."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]

        def count(connection: Connection) -> int:
            answer = self.ask(connection, "GetQueueAttributes", QueueUrl=self.url(queue), AttributeNames=names)
            return sum(int(text) for text in answer["Attributes"].values())

        return self.insist(count)

    def run(self, messages: int, kills: int) -> dict[str, Any]:
        """Send, poll and kill, wait for the queues to be empty, and account for every message."""
        began = time.monotonic()
        share = messages // SENDERS
        clients = [
            threading.Thread(target=self.send_all, args=(number, range(number * share, (number + 1) * share)))
            for number in range(SENDERS)
        ]
        pollers = [
            threading.Thread(target=self.poll, args=((PLAIN, LINE)[number % 2], number)) for number in range(POLLERS)
        ]
        try:
            for life in range(kills + 1):
                with self.server() as process:
                    if life == 0:
                        self.make_queues()
                        for thread in (*clients, *pollers):
                            thread.start()
                    enough = (life + 1) * messages // (kills + 1)
                    while len(set(self.seen[LINE])) < enough - (life < kills) * SENDERS:
                        self._measure(process.pid)
                        assert time.monotonic() - began < LONGEST_RUN_SECONDS, "it takes too long"
                        time.sleep(0.05)
                    if life < kills:
                        process.send_signal(signal.SIGKILL)
                        continue
                    for thread in clients:
                        thread.join()
                    while self.left(PLAIN) + self.left(LINE):
                        assert time.monotonic() - began < LONGEST_RUN_SECONDS, "it takes too long"
                        time.sleep(0.05)
                    self._ended.set()
                    for thread in pollers:
                        thread.join()
        finally:
            self._ended.set()
        return {**self.account(share * SENDERS, share), "seconds": round(time.monotonic() - began, 1)}

    def account(self, messages: int, share: int) -> dict[str, Any]:
        """What became of every message; raises AssertionError if one is lost or overtaken."""
        for queue, seen in self.seen.items():
            lost = set(range(messages)) - set(seen)
            assert not lost, f"{len(lost)} messages of {queue} were lost, {sorted(lost)[:3]}"
        first: dict[int, list[int]] = {sender: [] for sender in range(SENDERS)}
        for number in dict.fromkeys(self.seen[LINE]):
            first[number // share].append(number)
        for sender, numbers in first.items():
            assert numbers == sorted(numbers), f"messages of group g{sender} overtook each other"
        repeated = {queue: Counter(seen).total() - messages for queue, seen in self.seen.items()}
        return {
            "messages": messages,
            "received again": repeated,
            "calls without an answer": self.failures,
            "most memory, MiB": round(self._most_memory),
        }

    def _measure(self, pid: int) -> None:
        try:
            self._most_memory = max(self._most_memory, memory_mib(pid))
        except OSError:
            pass


def main() -> None:
    """Run as asked and print the account."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        print(json.dumps(QueueSoak(Path(data)).run(options.messages, options.kills), indent=2))


if __name__ == "__main__":
    main()
