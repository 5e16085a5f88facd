"""A file of orders in S3, each order handled by a function in an execution of its own, and the results back in S3."""

from __future__ import annotations

import json

from tests.stories.telling import begin, describe, function, machine

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


def prepare(aws, rows):
    """Bucket, file, function and machine; the machine's ARN."""
    function(aws, "price", SOURCE, Timeout=3)
    aws.s3.create_bucket(Bucket="shop")
    aws.s3.put_object(Bucket="shop", Key="orders.csv", Body="\n".join(["name,price", *rows]))
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
    return machine(aws, {"StartAt": "Map", "States": {"Map": state}}, name="orders")


def result(aws, execution):
    """What succeeded and what failed, as the exported files have it."""
    described = describe(aws, execution)
    assert described["status"] == "SUCCEEDED", described.get("cause")
    details = json.loads(described["output"])["ResultWriterDetails"]

    def read(key):
        return json.loads(aws.s3.get_object(Bucket=details["Bucket"], Key=key)["Body"].read())

    files = read(details["Key"])["ResultFiles"]
    good, bad = ([item for file in files[name] for item in read(file["Key"])] for name in ("SUCCEEDED", "FAILED"))
    return good, bad


def test_every_row_of_a_file_reaches_the_function_and_the_results_are_in_s3(aws, emulator):
    arn = prepare(aws, ["tea,3", "coffee,4", "milk,1", "sugar,2", "salt,?"])
    execution = begin(aws, arn, {"file": "orders.csv"})
    emulator.settle()
    good, bad = result(aws, execution)
    assert good == [{"total": 7, "count": 2}, {"total": 3, "count": 2}]
    [failed] = bad
    assert (failed["Status"], failed["Error"]) == ("FAILED", "ValueError")
    assert json.loads(failed["Input"]) == {"Items": [{"name": "salt", "price": "?"}]}
