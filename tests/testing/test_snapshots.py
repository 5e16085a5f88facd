"""Worlds saved to a file, restored, and branched."""

from __future__ import annotations

import json
import pickle
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner

from emulator import snapshots
from emulator.cli import app
from emulator.faults import Fault, FaultPlan
from emulator.settings import Settings
from emulator.testing import Emulator, RunningEmulator
from emulator.testing.aws import Aws
from emulator.testing.clock import Clock
from emulator.testing.servers import HarnessError, LocalServer
from tests.testing.functions import create, send

ECHO = """
import boto3, os
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=event["text"])
"""


def application(aws: Aws) -> str:
    """A function that puts its event into a queue, whose address it has from a variable."""
    queue = aws.sqs.create_queue(QueueName="effects")["QueueUrl"]
    create(aws, "worker", ECHO, Environment={"Variables": {"QUEUE": queue}})
    return queue


def bodies(aws: Aws) -> list[str]:
    queue = aws.sqs.get_queue_url(QueueName="effects")["QueueUrl"]
    found = aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [each["Body"] for each in found.get("Messages", [])]


def test_a_world_has_two_futures(aws: Aws, emulator: Emulator, clock: Clock) -> None:
    application(aws)
    emulator.faults.function("worker", "error")
    send(aws, "worker", text="a")
    clock.advance(1)  # the first attempt has failed, the second is due in a minute
    before = clock.now()
    with emulator.branch(FaultPlan((Fault("function", "worker", "error", times=None),))) as other:
        other.settle()
        assert [each["outcome"] for each in other.attempts("worker")] == ["function_error"] * 3
        assert other.clock.now() > before + 178
        assert bodies(other.aws) == []
    assert clock.now() == before
    emulator.settle()
    assert [each["outcome"] for each in emulator.attempts("worker")] == ["function_error", "success"]
    assert bodies(aws) == ["a"]


def test_what_a_branch_does_with_delegated_services_is_undone_with_it(aws: Aws, emulator: Emulator) -> None:
    table = {"TableName": "t", "BillingMode": "PAY_PER_REQUEST"}
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    aws.dynamodb.create_table(
        **table, KeySchema=keys, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}]
    )
    aws.dynamodb.put_item(TableName="t", Item={"id": {"S": "before"}})
    with emulator.branch() as other:
        other.aws.dynamodb.put_item(TableName="t", Item={"id": {"S": "other"}})
        assert other.aws.dynamodb.scan(TableName="t")["Count"] == 2
    assert aws.dynamodb.scan(TableName="t")["Items"] == [{"id": {"S": "before"}}]


def test_a_world_goes_on_from_a_file_with_what_was_on_its_way(aws: Aws, emulator: Emulator, tmp_path: Path) -> None:
    application(aws)
    emulator.clock.auto(False)
    aws.lambda_.put_function_event_invoke_config(FunctionName="worker", MaximumRetryAttempts=1)
    emulator.faults.function("worker", "error")
    send(aws, "worker", text="late")
    emulator.clock.advance(1)
    emulator.settings(async_first_retry_delay_seconds=7)
    now = emulator.clock.now()
    emulator.snapshot(tmp_path / "world.snapshot")
    with Emulator(server=emulator.server) as neighbour:
        neighbour.aws.sqs.create_queue(QueueName="not-of-this-world")
        emulator.snapshot(tmp_path / "again.snapshot")
    for name in ("world.snapshot", "again.snapshot"):
        with Emulator.restore(tmp_path / name) as restored:
            assert (restored.account, restored.clock.now()) == (emulator.account, now)
            assert restored.settings()["async_first_retry_delay_seconds"]["value"] == 7
            restored.settle()
            assert bodies(restored.aws) == ["late"]
            assert len(restored.server.ask("GET", "worlds")["worlds"]) == 1


def test_a_snapshot_is_saved_and_restored_by_command(tmp_path: Path) -> None:
    file, run = tmp_path / "all.snapshot", CliRunner().invoke
    with RunningEmulator() as first:
        first.client("sqs").create_queue(QueueName="orders")
        first.client("s3").create_bucket(Bucket="reports-of-the-year")
        first.advance(3600)
        saved_at = first.now()
        port = first.url.rpartition(":")[2]
        saved = run(app, ["snapshot", "save", str(file), "--port", port])
        assert (saved.exit_code, "bytes" in saved.output) == (0, True)
        first.client("s3").delete_bucket(Bucket="reports-of-the-year")
    for data in (None, tmp_path / "data"):
        with RunningEmulator(Settings(port=0, data=data, frozen=True, start_at=saved_at - 60)) as second:
            second.client("sqs").create_queue(QueueName="others")
            port = second.url.rpartition(":")[2]
            restored = run(app, ["snapshot", "restore", str(file), "--port", port])
            assert restored.output.startswith("goes on from the snapshot that version")
            assert second.now() == saved_at
            [queue] = second.client("sqs").list_queues()["QueueUrls"]
            assert queue.startswith((second.url.replace("127.0.0.1", "localhost"), second.url))
            assert [each["Name"] for each in second.client("s3").list_buckets()["Buckets"]] == ["reports-of-the-year"]
            refused = run(app, ["snapshot", "restore", __file__, "--port", port])
            assert (refused.exit_code, "that is no snapshot of an emulator, or not a whole one." in refused.output) == (
                1,
                True,
            )
            assert second.client("sqs").list_queues()["QueueUrls"] == [queue]
    with RunningEmulator(Settings(port=0, data=tmp_path / "data", frozen=True)) as again:
        assert len(again.client("sqs").list_queues()["QueueUrls"]) == 1
    missing = run(app, ["snapshot", "save", str(file), "--port", "1"])
    assert (missing.exit_code, "No emulator answers" in missing.output) == (1, True)


def test_keys_parameters_and_user_pools_are_in_it_too(aws: Aws, emulator: Emulator) -> None:
    secret, signing = (
        aws.kms.create_key(**of)["KeyMetadata"]["KeyId"]
        for of in ({}, {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})
    )
    sealed = aws.kms.encrypt(KeyId=secret, Plaintext=b"code")["CiphertextBlob"]
    signed = {"KeyId": signing, "Message": b"text", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = aws.kms.sign(**signed)["Signature"]
    aws.ssm.put_parameter(Name="/limit", Value="7", Type="String", Tags=[{"Key": "of", "Value": "reports"}])
    cognito = aws.client("cognito-idp")
    cognito.create_user_pool(PoolName="readers")
    with emulator.branch() as other:
        assert other.aws.kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"code"
        assert other.aws.kms.verify(**signed, Signature=signature)["SignatureValid"]
        assert other.aws.ssm.get_parameter(Name="/limit")["Parameter"]["Value"] == "7"
        tags = other.aws.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/limit")["TagList"]
        assert tags == [{"Key": "of", "Value": "reports"}]
        other.aws.ssm.put_parameter(Name="/other", Value="8", Type="String", Tags=[{"Key": "of", "Value": "other"}])
        other.snapshot()  # of what was restored, too
    assert aws.ssm.describe_parameters()["Parameters"][0]["Name"] == "/limit"
    assert len(aws.ssm.describe_parameters()["Parameters"]) == 1
    assert [pool["Name"] for pool in cognito.list_user_pools(MaxResults=5)["UserPools"]] == ["readers"]


def test_what_cannot_be_written_is_refused_by_name(aws: Aws, emulator: Emulator) -> None:
    from moto.kms.models import kms_backends

    key = aws.kms.create_key()["KeyMetadata"]["KeyId"]
    cast(Any, kms_backends)[emulator.account]["us-east-1"].keys[key].description = lambda: "of a later version"
    with pytest.raises(HarnessError, match="the state of kms cannot be written to a file"):
        emulator.snapshot()


def test_a_file_that_is_not_a_whole_snapshot_changes_nothing() -> None:
    with RunningEmulator() as running:
        running.client("sqs").create_queue(QueueName="orders")
        running.client("s3").create_bucket(Bucket="reports")
        running.client("sqs").send_message(
            QueueUrl=running.client("sqs").list_queues()["QueueUrls"][0], MessageBody="a"
        )
        content = running.call(lambda: snapshots.save(running.emulator))
        about = json.loads(zipfile.ZipFile(BytesIO(content)).read("snapshot.json"))
        store = zipfile.ZipFile(BytesIO(content)).read("store.db")
        middle = content.index(b"store.db") + 2000
        torn = bytearray(store)
        torn[4096 * 3 : 4096 * 40] = b"\xff" * 4096 * 37
        running.client("sqs").create_queue(QueueName="since-then")
        for wrong, said in (
            (b"", "no snapshot"),
            (content[: len(content) // 2], "no snapshot"),
            (content[:middle] + b"????" + content[middle + 4 :], "not a whole one"),  # its checksum is another
            (changed(content, "store.db", bytes(torn)), "the snapshot's store cannot be read"),
            (changed(content, "store.db", store[: len(store) // 2]), "the snapshot's store cannot be read"),
            (changed(content, "store.db", b""), "the snapshot's store cannot be read"),
            (changed(content, "library.pickle", b"\x80\x04K\x01."), "delegated services cannot be restored"),
            (changed(content, "library.pickle", pickle.dumps({"s3": pickle.dumps({"1": {"r": 1}})})), "no state"),
            (changed(content, "library.pickle", pickle.dumps({"os": pickle.dumps({})})), "No module named 'moto.os'"),
            *(
                (changed(content, "snapshot.json", json.dumps({**about, **other}).encode()), said)
                for other, said in (
                    ({"settings": {"no_such_setting": 1}}, "settings cannot be restored: unknown setting"),
                    ({"settings": {"account_concurrency": "many"}}, "account_concurrency must be a number"),
                    ({"account": "700000000999"}, "which is not in it"),
                    ({"now": "yesterday"}, "no snapshot"),
                    ({"base_url": ""}, "no snapshot"),
                    ({"unheard": "of"}, "no snapshot"),
                )
            ),
        ):
            answer = httpx.put(f"{running.url}/_emulator/snapshot", content=wrong)
            assert (answer.status_code, said in answer.json()["message"]) == (400, True), (said, answer.text)
            assert len(running.client("sqs").list_queues()["QueueUrls"]) == 2
            assert [each["Name"] for each in running.client("s3").list_buckets()["Buckets"]] == ["reports"]
        assert httpx.put(f"{running.url}/_emulator/snapshot", content=content).status_code == 200
        assert len(running.client("sqs").list_queues()["QueueUrls"]) == 1


def test_only_snapshots_of_this_emulator_are_read(emulator_server: LocalServer, emulator: Emulator) -> None:
    content = emulator.snapshot()
    about = json.loads(zipfile.ZipFile(BytesIO(content)).read("snapshot.json"))
    harmful = pickle.dumps({"s3": pickle.dumps(print)})
    for wrong, said in (
        (b"nothing", "no snapshot"),
        (content[:-30], "no snapshot"),
        (changed(content, "snapshot.json", json.dumps({**about, "format": 99}).encode()), "format 99"),
        (changed(content, "snapshot.json", b"[]"), "no snapshot"),
        (changed(content, "store.db", b"SQLite format 3\x00"), "the snapshot's store cannot be read"),
        (changed(content, "library.pickle", harmful), "it holds builtins.print"),
    ):
        with pytest.raises(HarnessError, match=said):
            Emulator.restore(wrong).start()


def changed(content: bytes, name: str, new: bytes) -> bytes:
    """A snapshot of which one part is another."""
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as before, zipfile.ZipFile(file, "w") as after:
        for each in before.namelist():
            after.writestr(each, new if each == name else before.read(each))
    return file.getvalue()
