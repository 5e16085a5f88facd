"""A file of orders in S3, each order handled by a function in an execution of its own, and the results back in S3."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/any"
SOURCE = """
import boto3, os

def handler(event, context):
    total = 0
    for order in event["Items"]:
        if order["price"] == "?":
            raise ValueError("no price for " + order["name"])
        total += int(order["price"])
    return {"total": total, "count": len(event["Items"])}
"""


def prepare(emulator: RunningEmulator, rows: list[str]) -> str:
    """Bucket, file, function and machine; the machine's ARN."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", SOURCE)
    emulator.client("lambda").create_function(
        FunctionName="price", Runtime="python3.12", Role=ROLE, Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
    )  # fmt: skip
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_object(Bucket="shop", Key="orders.csv", Body="\n".join(["name,price", *rows]))
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "price", "Payload.$": "$"},
        "OutputPath": "$.Payload",
        "End": True,
    }
    state = {
        "Type": "Map",
        "Label": "Orders",
        "MaxConcurrency": 2,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "Parameters": {"Bucket": "shop", "Key.$": "$.file"},
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        },
        "ItemBatcher": {"MaxItemsPerBatch": 2},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Price",
            "States": {"Price": call},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "shop", "Prefix": "totals"},
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"},
        },
        "ToleratedFailurePercentage": 50,
        "End": True,
    }
    definition = json.dumps({"StartAt": "Map", "States": {"Map": state}})
    sfn = emulator.client("stepfunctions")
    return sfn.create_state_machine(name="orders", definition=definition, roleArn=ROLE)["stateMachineArn"]


def result(emulator: RunningEmulator, execution: str) -> tuple[list[Any], list[Any]]:
    """What succeeded and what failed, as the exported files have it."""
    described = emulator.client("stepfunctions").describe_execution(executionArn=execution)
    assert described["status"] == "SUCCEEDED", described.get("cause")
    details = json.loads(described["output"])["ResultWriterDetails"]
    s3 = emulator.client("s3")

    def read(key: str) -> Any:
        return json.loads(s3.get_object(Bucket=details["Bucket"], Key=key)["Body"].read())

    files = read(details["Key"])["ResultFiles"]
    good, bad = ([item for file in files[name] for item in read(file["Key"])] for name in ("SUCCEEDED", "FAILED"))
    return good, bad


def test_every_row_of_a_file_reaches_the_function_and_the_results_are_in_s3(emulator: RunningEmulator) -> None:
    arn = prepare(emulator, ["tea,3", "coffee,4", "milk,1", "sugar,2", "salt,?"])
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input='{"file":"orders.csv"}')["executionArn"]
    emulator.settle()
    good, bad = result(emulator, execution)
    assert good == [{"total": 7, "count": 2}, {"total": 3, "count": 2}]
    [failed] = bad
    assert (failed["Status"], failed["Error"]) == ("FAILED", "ValueError")
    assert json.loads(failed["Input"]) == {"Items": [{"name": "salt", "price": "?"}]}
