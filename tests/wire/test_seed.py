"""With a seed, the same requests in the same order give the same ids, those of requests included."""

from __future__ import annotations

from pathlib import Path

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.lambda_support import create, package

ECHO = package("def handler(event, context):\n    return context.aws_request_id\n")


def ids_with(seed: int) -> list[str]:
    with RunningEmulator(Settings(port=0, data=None, frozen=True, seed=seed, start_at=1_800_000_000.0)) as emulator:
        client = emulator.client("lambda")
        revision = create(client, Code={"ZipFile": ECHO})["RevisionId"]
        answer = client.invoke(FunctionName="f")
        sent = answer["ResponseMetadata"]
        accepted = client.invoke(FunctionName="f", InvocationType="Event")["ResponseMetadata"]
        return [
            revision,
            sent["RequestId"],
            answer["Payload"].read().decode().strip('"'),
            sent["HTTPHeaders"]["x-amzn-trace-id"],
            accepted["RequestId"],
        ]


def test_a_seed_gives_the_same_request_ids_and_traces_and_another_seed_others() -> None:
    first = ids_with(7)
    assert ids_with(7) == first
    assert set(ids_with(8)).isdisjoint(first)
    revision, request, seen, _, accepted = first
    assert request == seen
    assert len({revision, request, accepted}) == 3


def starts_on(data: Path) -> list[list[str]]:
    """Ids that two starts on the same data give."""
    found: list[list[str]] = []
    for name in ("one", "two"):
        with RunningEmulator(Settings(port=0, data=data, frozen=True, seed=7, start_at=1_800_000_000.0)) as emulator:
            made = create(emulator.client("lambda"), name)
            found.append([made["RevisionId"], made["ResponseMetadata"]["RequestId"]])
    return found


def test_a_second_start_on_the_same_data_repeats_no_id_of_the_first(tmp_path: Path) -> None:
    first, second = starts_on(tmp_path / "a")
    assert set(first).isdisjoint(second)
    assert starts_on(tmp_path / "b") == [first, second]
