"""What the test harness costs: the first world of a process, each further one, and six hours of back-off.

    python benchmarks/harness.py

Wall clock and CPU time of this process. Nothing is asserted.
"""

from __future__ import annotations

import io
import statistics
import time
import zipfile
from collections.abc import Callable

ROUNDS = 40
ROLE = "arn:aws:iam::{}:role/bench"


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of wall clock and of CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def show(name: str, times: list[tuple[float, float]]) -> None:
    """One line: medians."""
    wall, cpu = (statistics.median(each[index] for each in times) for index in (0, 1))
    print(f"{name:<52} {wall:8.1f} ms   {cpu:8.1f} ms CPU")


def main() -> None:
    """Measure."""
    from emulator.testing import Emulator

    first = Emulator()

    def begin() -> None:
        first.start()
        first.aws.sqs.list_queues()

    show("first test: imports, server, world, client, call", [measured(begin)])
    server = first.server

    def use(world: Emulator) -> None:
        """As a test does, whose names are gone when its world ends."""
        assert all((world.aws.sqs, world.aws.lambda_, world.aws.stepfunctions, world.aws.ses))

    def further() -> None:
        server.ask("POST", "clock", {"action": "freeze"})
        server.ask("POST", "clock", {"action": "auto"})
        with Emulator(server=server) as world:
            use(world)

    further()
    show("each further test: world and four clients", [measured(further) for _ in range(ROUNDS)])

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", "def handler(event, context): pass\n")
    first.aws.lambda_.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Role=ROLE.format(first.account),
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    first.faults.function("f", "throttle", times=None)
    first.aws.lambda_.invoke(FunctionName="f", InvocationType="Event")
    show("six hours of throttled back-off", [measured(first.settle)])
    first.stop()


if __name__ == "__main__":
    main()
