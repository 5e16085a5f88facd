"""With a seed, the same requests in the same order give the same ids, those of requests included."""

from __future__ import annotations

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
