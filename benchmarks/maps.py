"""Time and memory of Map states: inline over 1,000 items, distributed over a JSON Lines file in S3 and from the state.

python benchmarks/maps.py [items of the distributed ones]

Memory is the resident memory of the server, its peak as the kernel has seen it: flat means that it does not grow with
the number of items, nor with the results that are exported. Stores are files, as in `emulator start`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ITEMS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
INLINE = 1_000
ROLE = "arn:aws:iam::000000000000:role/bench"
STATES = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}


def resident_mib(pid: int, which: str = "VmRSS") -> float:
    """Resident memory of a process; `VmHWM` is the most it has been."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) / 1024
    return 0.0


def distributed(kind: str, exports: bool = True, **more: Any) -> dict[str, Any]:
    """A distributed Map whose results go to S3; or one whose children have none, so that its output stays small."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    writer: dict[str, Any] = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "bench"}}
    states: dict[str, Any] = STATES
    if not exports:
        writer = {"WriterConfig": {"Transformation": "FLATTEN"}}
        states = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "Result": [], "End": True}}}
    return {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **states}, "ResultWriter": writer, "End": True,
            **more}  # fmt: skip


def measure(sfn: Any, pid: int, name: str, state: dict[str, Any], given: Any) -> None:
    """Run one Map and print what it took."""
    definition = json.dumps({"StartAt": "Map", "States": {"Map": state}})
    arn = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
    before, begun = resident_mib(pid), time.perf_counter()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from here
    execution = sfn.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    while True:
        described = sfn.describe_execution(executionArn=execution, includedData="METADATA_ONLY")
        if described["status"] != "RUNNING":
            break
        time.sleep(0.01 if time.perf_counter() - begun < 1 else 0.5)
    took = time.perf_counter() - begun
    memory = f"{before:.0f} MiB before, {resident_mib(pid, 'VmHWM'):.0f} at most, {resident_mib(pid):.0f} after"
    print(f"{name}: {described['status']} in {took:.2f} s; {memory}", flush=True)


def main() -> None:
    """Start a server and run the Maps."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "emulator", "start", "--port", "0", "--data", data]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "http://" in line)
            url = line[line.index("http://") :].split()[0]
            options: dict[str, Any] = {
                "endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x",
                "config": Config(s3={"addressing_style": "path"}),
            }  # fmt: skip
            sfn, s3 = boto3.client("stepfunctions", **options), boto3.client("s3", **options)
            s3.create_bucket(Bucket="bench")
            s3.put_object(Bucket="bench", Key="items", Body="".join(f'{{"n": {n}}}\n' for n in range(ITEMS)).encode())
            inline: dict[str, Any] = {"Type": "Map", "ItemProcessor": STATES, "End": True}
            for turn in range(3):
                measure(sfn, process.pid, f"inline-{INLINE}-{turn}", inline, list(range(INLINE)))
            reader = {
                "Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "bench", "Key": "items"},
                "ReaderConfig": {"InputType": "JSONL"},
            }  # fmt: skip
            some = min(ITEMS, 20_000)
            measure(sfn, process.pid, f"standard-state-{some}", distributed("STANDARD"), list(range(some)))
            measure(sfn, process.pid, f"standard-s3-{ITEMS}-no-export",
                    distributed("STANDARD", exports=False, ItemReader=reader), {})  # fmt: skip
            measure(sfn, process.pid, f"standard-s3-{ITEMS}", distributed("STANDARD", ItemReader=reader), {})
            batches = {"MaxItemsPerBatch": 100}
            measure(sfn, process.pid, f"batched-s3-{ITEMS}",
                    distributed("STANDARD", ItemReader=reader, ItemBatcher=batches), {})  # fmt: skip
            few = {**reader, "ReaderConfig": {"InputType": "JSONL", "MaxItems": min(ITEMS, 10_000)}}
            measure(sfn, process.pid, f"express-s3-{min(ITEMS, 10_000)}", distributed("EXPRESS", ItemReader=few), {})
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait()


if __name__ == "__main__":
    main()
