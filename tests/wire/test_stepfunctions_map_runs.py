"""Distributed Maps and map runs through boto3, against what AWS recorded [R:scenarios, sfn_api_map_run]."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.stepfunctions_maps import (
    ARN,
    BUCKET,
    PASS,
    children,
    create,
    distributed,
    failure,
    get,
    history,
    map_run,
    output,
    put,
    reader,
    run,
    short,
)

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
FAIL = {"Only": {"Type": "Fail", "Error": "No", "Cause": "never"}}
FAIL_ODD = {
    "Choose": {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericGreaterThan": 1, "Next": "Bad"}],
        "Default": "Good",
    },
    "Bad": {"Type": "Fail", "Error": "Bad"},
    "Good": {"Type": "Succeed"},
}
EXCEEDED = ("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")
WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": BUCKET, "Prefix": "mapJobs"}}


def test_the_history_of_a_map_run(emulator: RunningEmulator) -> None:
    ended = run(emulator, distributed(Label="TestMap"), ["Hello", "World"])
    assert ended["output"] == '["Hello","World"]'
    events = history(emulator, ended["executionArn"])
    assert short(events) == [
        (1, 0, "ExecutionStarted"), (2, 0, "MapStateEntered"), (3, 2, "MapStateStarted"), (4, 3, "MapRunStarted"),
        (5, 4, "MapRunSucceeded"), (6, 5, "MapStateSucceeded"), (7, 4, "MapStateExited"), (8, 7, "ExecutionSucceeded"),
    ]  # fmt: skip
    assert events[2]["mapStateStartedEventDetails"] == {"length": 2}
    arn = events[3]["mapRunStartedEventDetails"]["mapRunArn"]
    assert re.fullmatch(f"{ARN}:mapRun:m/TestMap:{UUID}", arn)


def test_a_map_run_is_listed_and_described(emulator: RunningEmulator) -> None:
    ended = run(emulator, distributed(MaxConcurrency=1), [1, 2])
    sfn = emulator.client("stepfunctions")
    [listed] = sfn.list_map_runs(executionArn=ended["executionArn"])["mapRuns"]
    described = sfn.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert re.fullmatch(f"{ARN}:mapRun:m/{UUID}:{UUID}", listed["mapRunArn"])
    assert listed["stateMachineArn"] == listed["mapRunArn"].rsplit(":", 1)[0].replace(":mapRun:", ":stateMachine:")
    assert set(listed) == {"executionArn", "mapRunArn", "startDate", "stateMachineArn", "stopDate"}
    del described["ResponseMetadata"]
    counts = dict.fromkeys(("aborted", "failed", "pending", "running", "timedOut"), 0)
    counts |= {"succeeded": 2, "total": 2, "resultsWritten": 2, "failuresNotRedrivable": 0, "pendingRedrive": 0}
    assert described == {
        "mapRunArn": listed["mapRunArn"], "executionArn": ended["executionArn"], "status": "SUCCEEDED",
        "startDate": listed["startDate"], "stopDate": listed["stopDate"], "maxConcurrency": 1,
        "toleratedFailureCount": 0, "toleratedFailurePercentage": 0.0, "redriveCount": 0,
        "itemCounts": counts, "executionCounts": counts,
    }  # fmt: skip


def test_children_are_executions(emulator: RunningEmulator) -> None:
    ended = run(emulator, distributed(Label="L"), [7, 8])
    arn = map_run(emulator, ended["executionArn"])["mapRunArn"]
    sfn = emulator.client("stepfunctions")
    listed = children(emulator, arn)
    assert [(child["status"], child["itemCount"], child["mapRunArn"]) for child in listed] == [
        ("SUCCEEDED", 1, arn)
    ] * 2
    child = listed[0]["executionArn"]
    assert re.fullmatch(f"{ARN}:execution:m/L:{UUID}", child)
    described = sfn.describe_execution(executionArn=child)
    assert (described["input"], described["output"], described["mapRunArn"]) == ("7", "7", arn)
    assert described["stateMachineArn"] == f"{ARN}:stateMachine:m/L"
    types = [event["type"] for event in history(emulator, child)]
    assert types == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    machine = sfn.describe_state_machine_for_execution(executionArn=child)
    assert (machine["label"], machine["mapRunArn"], machine["name"]) == ("L", arn, "m/L")
    assert json.loads(machine["definition"])["States"] == PASS
    assert sfn.list_executions(stateMachineArn=f"{ARN}:stateMachine:m")["executions"][0]["name"] == ended["name"]


def test_express_children_have_no_history_but_can_be_described(emulator: RunningEmulator) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 2, "Next": "Only"}, **PASS}
    ended = run(emulator, distributed(states, "EXPRESS", Label="L"), [7, 8])
    assert ended["output"] == "[7,8]"
    arn = map_run(emulator, ended["executionArn"])["mapRunArn"]
    [child, _] = children(emulator, arn)
    assert re.fullmatch(f"{ARN}:express:m/L:{UUID}:{UUID}", child["executionArn"])
    sfn = emulator.client("stepfunctions")
    assert sfn.describe_execution(executionArn=child["executionArn"])["output"] == "7"
    with pytest.raises(ClientError, match="Resource type not valid in this context: express"):
        sfn.get_execution_history(executionArn=child["executionArn"])


# ── readers ─────────────────────────────────────────────────────────────────────────────────────


def test_rows_of_a_csv_file_are_objects(emulator: RunningEmulator) -> None:
    put(emulator, "Col1,Col2,Col3\nValue1,Value2,Value3\n,,\ntrue,1,'HelloWorld'\nNull,None,\n   ,\n")
    ended = run(emulator, distributed(ItemReader=reader("CSV", CSVHeaderLocation="FIRST_ROW")))
    assert json.loads(ended["output"]) == [
        {"Col1": "Value1", "Col2": "Value2", "Col3": "Value3"},
        {"Col1": "", "Col2": "", "Col3": ""},
        {"Col1": "true", "Col2": "1", "Col3": "'HelloWorld'"},
        {"Col1": "Null", "Col2": "None", "Col3": ""},
        {"Col1": "   ", "Col2": "", "Col3": ""},
    ]
    assert history(emulator, ended["executionArn"])[2]["mapStateStartedEventDetails"] == {"length": 0}


def test_headers_may_be_given_and_fields_without_one_are_left_out(emulator: RunningEmulator) -> None:
    put(emulator, "Value1,Value2\nValue4,Value5\n")
    given = reader("CSV", CSVHeaderLocation="GIVEN", CSVHeaders=["H1"])
    assert output(emulator, distributed(ItemReader=given)) == [{"H1": "Value1"}, {"H1": "Value4"}]


def test_columns_come_in_the_order_of_aws(emulator: RunningEmulator) -> None:
    put(emulator, "0,True,{}\nValue4,Value5,Value6\n")
    ended = run(emulator, distributed(ItemReader=reader("CSV", CSVHeaderLocation="FIRST_ROW")))
    assert ended["output"] == '[{"0":"Value4","{}":"Value6","True":"Value5"}]'


def test_duplicate_headers_fail_the_map_run(emulator: RunningEmulator) -> None:
    put(emulator, "Value1,Value2\n")
    given = reader("CSV", CSVHeaderLocation="GIVEN", CSVHeaders=["H1", "H1"])
    ended = run(emulator, distributed(ItemReader=given))
    cause = "CSV headers cannot contain duplicates."
    assert (ended["error"], ended["cause"]) == ("States.ItemReaderFailed", cause)
    events = history(emulator, ended["executionArn"])
    assert short(events)[3:] == [
        (4, 3, "MapRunStarted"), (5, 4, "MapRunFailed"), (6, 5, "MapStateFailed"), (7, 6, "ExecutionFailed"),
    ]  # fmt: skip
    assert events[4]["mapRunFailedEventDetails"] == {"error": "States.ItemReaderFailed", "cause": cause}


@pytest.mark.parametrize(("name", "character"), [("PIPE", "|"), ("SEMICOLON", ";"), ("SPACE", " "), ("TAB", "\t")])
def test_delimiters(emulator: RunningEmulator, name: str, character: str) -> None:
    put(emulator, f'A{character}B\n1{character}"x\ny"\n')
    given = reader("CSV", CSVHeaderLocation="FIRST_ROW", CSVDelimiter=name)
    assert output(emulator, distributed(ItemReader=given)) == [{"A": "1", "B": "x\ny"}]


def test_json_lines(emulator: RunningEmulator) -> None:
    put(emulator, '{"a": 1}\n\n[2]\n"é"')
    assert output(emulator, distributed(ItemReader=reader("JSONL"))) == [{"a": 1}, [2], "é"]


def test_json_arrays_and_pointers_into_objects(emulator: RunningEmulator) -> None:
    put(emulator, '{"skip": {"to": [0]}, "a/b": {"list": [1, {"x": 2}, 3]}}')
    assert output(emulator, distributed(ItemReader=reader("JSON", ItemsPointer="/a~1b/list"))) == [1, {"x": 2}, 3]


def test_what_is_no_array_fails_the_map_run(emulator: RunningEmulator) -> None:
    put(emulator, '{"a": 1}')
    expected = ("States.ItemReaderFailed", "Attempting to map over non-iterable node.")
    assert failure(emulator, distributed(ItemReader=reader("JSON"))) == expected


@pytest.mark.parametrize(
    ("kind", "body"),
    [("JSON", "[1, oops]"), ("JSON", "[1, 2"), ("JSON", ""), ("JSON", "[1 2]"), ("JSONL", "{"), ("JSON", b"[\xff]"),
     ("JSON", "[" * 100_000), ("MANIFEST", "{}"), ("MANIFEST", "nonsense")],
)  # fmt: skip
def test_what_cannot_be_read_fails_the_map_run(emulator: RunningEmulator, kind: str, body: str | bytes) -> None:
    put(emulator, body)
    assert failure(emulator, distributed(ItemReader=reader(kind)))[0] == "States.ItemReaderFailed"


def test_a_missing_bucket_or_object_fails_the_map_run(emulator: RunningEmulator) -> None:
    error, cause = failure(emulator, distributed(ItemReader=reader("JSON")))
    assert (error, "NoSuchBucket" in cause) == ("States.ItemReaderFailed", True)
    put(emulator, "[]", "other")
    error, cause = failure(emulator, distributed(ItemReader=reader("JSON")), name="n")
    assert (error, "NoSuchKey" in cause) == ("States.ItemReaderFailed", True)


def test_a_failed_reader_can_be_caught(emulator: RunningEmulator) -> None:
    catch = [{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "Caught"}]
    state = distributed(ItemReader=reader("JSON"), Catch=catch)
    arn = emulator.client("stepfunctions").create_state_machine(
        name="m", roleArn="arn:aws:iam::000000000000:role/r",
        definition=json.dumps({"StartAt": "Map", "States": {"Map": state, "Caught": {"Type": "Succeed"}}}),
    )["stateMachineArn"]  # fmt: skip
    execution = emulator.client("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"]
    emulator.settle()
    assert emulator.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "SUCCEEDED"


def test_listings(emulator: RunningEmulator) -> None:
    for name in ("a/1", "a/2", "b/1"):
        put(emulator, "Hello World!", name)
    listing = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": BUCKET, "Prefix": "a/"}}
    found = output(emulator, distributed(ItemReader=listing))
    assert [list(item) for item in found] == [["Etag", "LastModified", "Key", "Size", "StorageClass"]] * 2
    assert [(item["Key"], item["Size"], item["StorageClass"]) for item in found] == [
        ("a/1", 12, "STANDARD"),
        ("a/2", 12, "STANDARD"),
    ]


def test_inventories(emulator: RunningEmulator) -> None:
    import gzip

    manifest = {
        "sourceBucket": "source", "destinationBucket": f"arn:aws:s3:::{BUCKET}", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size", "files": [{"key": "data/1.csv.gz"}, {"key": "data/2.csv.gz"}],
    }  # fmt: skip
    put(emulator, json.dumps(manifest))
    put(emulator, gzip.compress(b'"source","one","1"\n"source","two","2"\n'), "data/1.csv.gz")
    put(emulator, gzip.compress(b'"source","three","3"\n'), "data/2.csv.gz")
    found = output(emulator, distributed(ItemReader=reader("MANIFEST")))
    assert [(item["Bucket"], item["Key"], item["Size"]) for item in found] == [
        ("source", "one", "1"), ("source", "two", "2"), ("source", "three", "3"),
    ]  # fmt: skip


@pytest.mark.parametrize(("most", "expected"), [(0, 4), (2, 2), (100_000_000, 4), (100_000_001, 4)])
def test_max_items_by_path(emulator: RunningEmulator, most: int, expected: int) -> None:
    put(emulator, "A\n1\n2\n3\n4\n")
    given = reader("CSV", CSVHeaderLocation="FIRST_ROW", MaxItemsPath="$.MaxItems")
    assert len(output(emulator, distributed(ItemReader=given), {"MaxItems": most})) == expected


def test_a_negative_max_items_fails_the_map_run(emulator: RunningEmulator) -> None:
    given = reader("CSV", CSVHeaderLocation="FIRST_ROW", MaxItemsPath="$.MaxItems")
    ended = run(emulator, distributed(ItemReader=given), {"MaxItems": -1})
    assert (ended["error"], ended["cause"]) == ("States.ItemReaderFailed", "field MaxItems must be positive")
    assert short(history(emulator, ended["executionArn"]))[2:] == [
        (3, 2, "MapStateStarted"), (4, 3, "MapRunStarted"), (5, 4, "MapRunFailed"), (6, 5, "MapStateFailed"),
        (7, 6, "ExecutionFailed"),
    ]  # fmt: skip
    assert map_run(emulator, ended["executionArn"])["status"] == "FAILED"


def test_a_fractional_max_items_fails_the_state(emulator: RunningEmulator) -> None:
    given = reader("CSV", CSVHeaderLocation="FIRST_ROW", MaxItemsPath="$.MaxItems")
    ended = run(emulator, distributed(ItemReader=given), {"MaxItems": 1.5})
    assert ended["cause"] == (
        "An error occurred while executing the state 'Map' (entered at the event id #2). The MaxItemsPath field refers "
        'to value "1.5" which is not a valid integer: $.MaxItems'
    )
    assert short(history(emulator, ended["executionArn"]))[2:] == [(3, 2, "MapStateStarted"), (4, 3, "ExecutionFailed")]


def test_items_of_more_than_one_piece(emulator: RunningEmulator) -> None:
    rows = [{"number": n, "text": "é" * 300} for n in range(1500)]
    put(emulator, json.dumps(rows, ensure_ascii=False))
    batch = {"MaxItemsPerBatch": 1000}
    count = {"Only": {"Type": "Pass", "Parameters": {"n.$": "States.ArrayLength($.Items)"}, "End": True}}
    found = output(emulator, distributed(count, ItemReader=reader("JSON"), ItemBatcher=batch))
    assert sum(item["n"] for item in found) == 1500


# ── selector, batches, tolerance, results ───────────────────────────────────────────────────────


def test_an_item_selector_sees_state_item_and_source(emulator: RunningEmulator) -> None:
    selector = {"index.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value", "all.$": "$.all", "literal": "$x",
                "source.$": "$$.Map.Item.Source"}  # fmt: skip
    state = distributed(ItemsPath="$.items", ItemSelector=selector)
    assert output(emulator, state, {"items": ["a"], "all": 1}) == [
        {"index": 0, "value": "a", "all": 1, "literal": "$x", "source": "STATE_DATA"}
    ]
    put(emulator, "[5]")
    state = distributed(ItemReader=reader("JSON"), ItemSelector={"from.$": "$$.Map.Item.Source"})
    assert output(emulator, state, name="n") == [{"from": f"s3://{BUCKET}/file"}]


def test_a_selector_that_fails_fails_the_map_run(emulator: RunningEmulator) -> None:
    error, cause = failure(emulator, distributed(ItemSelector={"x.$": "$$.Map.Item.Value.missing"}), [{"a": 1}])
    assert error == "States.Runtime"
    assert "The JSONPath '$$.Map.Item.Value.missing' specified for the field 'x.$' could not be found" in cause


def test_batches_by_number_with_an_input(emulator: RunningEmulator) -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"fact.$": "$.fact"}}
    ended = run(emulator, distributed(ItemsPath="$.items", ItemBatcher=batcher), {"fact": "x", "items": [1, 2, 3]})
    expected = '[{"BatchInput":{"fact":"x"},"Items":[1,2]},{"BatchInput":{"fact":"x"},"Items":[3]}]'
    assert ended["output"] == expected
    described = map_run(emulator, ended["executionArn"])
    assert (described["itemCounts"]["total"], described["executionCounts"]["total"]) == (3, 2)
    assert [child["itemCount"] for child in children(emulator, described["mapRunArn"])] == [2, 1]


def test_batches_by_bytes(emulator: RunningEmulator) -> None:
    batcher = {"MaxInputBytesPerBatchPath": "$.bytes"}
    found = output(
        emulator, distributed(ItemsPath="$.items", ItemBatcher=batcher), {"bytes": 30, "items": ["x" * 8] * 4}
    )
    assert [len(batch["Items"]) for batch in found] == [1, 1, 1, 1]
    batcher = {"MaxInputBytesPerBatch": 33}
    state = distributed(ItemsPath="$.items", ItemBatcher=batcher)
    assert [len(batch["Items"]) for batch in output(emulator, state, {"items": ["x" * 8] * 4}, name="n")] == [2, 2]


def test_one_failure_is_too_much_without_tolerance(emulator: RunningEmulator) -> None:
    ended = run(emulator, distributed(FAIL_ODD, MaxConcurrency=1), [1, 2, 3, 4])
    assert (ended["error"], ended["cause"]) == EXCEEDED
    counts = map_run(emulator, ended["executionArn"])["itemCounts"]
    assert (counts["succeeded"], counts["failed"], counts["pending"], counts["total"]) == (1, 1, 2, 4)


@pytest.mark.parametrize(
    ("tolerated", "survives"),
    [({"ToleratedFailureCount": 2}, True), ({"ToleratedFailureCount": 1}, False),
     ({"ToleratedFailurePercentage": 50}, True), ({"ToleratedFailurePercentage": 49.9}, False),
     ({"ToleratedFailureCountPath": "$[1]"}, True), ({"ToleratedFailurePercentagePath": "$[3]"}, False)],
)  # fmt: skip
def test_tolerated_failures(emulator: RunningEmulator, tolerated: dict[str, Any], survives: bool) -> None:
    ended = run(emulator, distributed(FAIL_ODD, **tolerated), [0, 2, 1, 4])
    if not survives:
        assert (ended["error"], ended["cause"]) == EXCEEDED
        return
    found = json.loads(ended["output"])
    assert (found[0], found[2]) == (0, 1)
    assert [found[n]["Status"] for n in (1, 3)] == ["FAILED", "FAILED"]
    assert (found[1]["Error"], found[1]["Input"]) == ("Bad", "2")
    counts = map_run(emulator, ended["executionArn"])["executionCounts"]
    assert (counts["succeeded"], counts["failed"]) == (2, 2)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("ToleratedFailureCount", {}, 'The {f}Path field refers to value "{{}}" which is not a valid integer: $.{f}'),
        ("ToleratedFailureCount", "NoNumber", 'The {f}Path field refers to value "NoNumber" which is not a valid '
         "integer: $.{f}"),
        ("ToleratedFailureCount", -1, "{f} cannot be negative."),
        ("ToleratedFailurePercentage", {}, 'The {f}Path field refers to value "{{}}" which is not a valid '
         "float: $.{f}"),
        ("ToleratedFailurePercentage", -1.1, "{f} must be between 0 and 100."),
        ("ToleratedFailurePercentage", 100.1, "{f} must be between 0 and 100."),
    ],
)  # fmt: skip
def test_tolerance_that_is_none_fails_the_state(emulator: RunningEmulator, field: str, value: Any, text: str) -> None:
    state = distributed(ItemsPath="$.Items", **{f"{field}Path": f"$.{field}"})
    ended = run(emulator, state, {"Items": [0], field: value})
    located = "An error occurred while executing the state 'Map' (entered at the event id #2). "
    assert (ended["error"], ended["cause"]) == ("States.Runtime", located + text.format(f=field))
    assert short(history(emulator, ended["executionArn"]))[2:] == [(3, 2, "MapStateStarted"), (4, 3, "ExecutionFailed")]


def test_results_in_s3(emulator: RunningEmulator) -> None:
    put(emulator, "", "other")
    state = distributed(FAIL_ODD, ResultWriter=WRITER, Label="TestMap", ToleratedFailureCount=1)
    ended = run(emulator, state, [1, 2])
    found = json.loads(ended["output"])
    run_id = found["MapRunArn"].rsplit(":", 1)[1]
    folder = f"mapJobs/{run_id}"
    assert found["ResultWriterDetails"] == {"Bucket": BUCKET, "Key": f"{folder}/manifest.json"}
    manifest = get(emulator, f"{folder}/manifest.json")
    sizes = {name: files[0]["Size"] for name, files in manifest["ResultFiles"].items() if files}
    assert manifest == {
        "DestinationBucket": BUCKET, "MapRunArn": found["MapRunArn"],
        "ResultFiles": {"FAILED": [{"Key": f"{folder}/FAILED_0.json", "Size": sizes["FAILED"]}], "PENDING": [],
                        "SUCCEEDED": [{"Key": f"{folder}/SUCCEEDED_0.json", "Size": sizes["SUCCEEDED"]}]},
    }  # fmt: skip
    [good] = get(emulator, f"{folder}/SUCCEEDED_0.json")
    assert list(good) == [
        "ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveStatus",
        "RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate",
    ]  # fmt: skip
    assert (good["Input"], good["Output"], good["Status"]) == ("1", "1", "SUCCEEDED")
    [bad] = get(emulator, f"{folder}/FAILED_0.json")
    assert (bad["Input"], bad["Error"], bad["Status"], "Output" in bad) == ("2", "Bad", "FAILED", False)


def test_results_are_written_before_a_map_run_fails(emulator: RunningEmulator) -> None:
    put(emulator, "", "other")
    ended = run(emulator, distributed(FAIL, ResultWriter=WRITER), [1])
    assert (ended["error"], ended["cause"]) == EXCEEDED
    run_id = map_run(emulator, ended["executionArn"])["mapRunArn"].rsplit(":", 1)[1]
    assert get(emulator, f"mapJobs/{run_id}/FAILED_0.json")[0]["Cause"] == "never"


def test_items_that_were_never_begun_are_in_a_file_of_their_own(emulator: RunningEmulator) -> None:
    put(emulator, "", "other")
    state = distributed(FAIL, ResultWriter=WRITER, MaxConcurrency=1, ItemSelector={"n.$": "$$.Map.Item.Value"})
    run_id = map_run(emulator, run(emulator, state, [1, 2, 3])["executionArn"])["mapRunArn"].rsplit(":", 1)[1]
    waiting = get(emulator, f"mapJobs/{run_id}/PENDING_0.json")
    assert [(item["Input"], item["Status"]) for item in waiting] == [('{"n":2}', "PENDING"), ('{"n":3}', "PENDING")]
    files = get(emulator, f"mapJobs/{run_id}/manifest.json")["ResultFiles"]
    assert [file["Key"] for file in files["PENDING"]] == [f"mapJobs/{run_id}/PENDING_0.json"]

    batches = {**state, "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": "b"}}
    ended = run(emulator, batches, list(range(5)), name="batches")
    run_id = map_run(emulator, ended["executionArn"])["mapRunArn"].rsplit(":", 1)[1]
    waiting = get(emulator, f"mapJobs/{run_id}/PENDING_0.json")
    assert [json.loads(item["Input"])["Items"] for item in waiting] == [[{"n": 2}, {"n": 3}], [{"n": 4}]]


@pytest.mark.parametrize(
    ("transformation", "kind", "name", "expected"),
    [("COMPACT", "JSON", "json", "[[1,2],3]"), ("FLATTEN", "JSON", "json", "[1,2,3]"),
     ("FLATTEN", "JSONL", "jsonl", "1\n2\n3\n")],
)  # fmt: skip
def test_transformed_results(
    emulator: RunningEmulator, transformation: str, kind: str, name: str, expected: str
) -> None:
    put(emulator, "", "other")
    config = {"WriterConfig": {"Transformation": transformation, "OutputType": kind}}
    ended = run(emulator, distributed(ResultWriter={**WRITER, **config}), [[1, 2], 3])
    key = json.loads(ended["output"])["ResultWriterDetails"]["Key"].replace("manifest.json", f"SUCCEEDED_0.{name}")
    assert emulator.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() == expected
    assert output(emulator, distributed(ResultWriter={"WriterConfig": {"Transformation": "FLATTEN"}}), [[1], 2],
                  name="n") == [1, 2]  # fmt: skip


def test_a_writer_without_a_bucket_fails_before_anything_is_done(emulator: RunningEmulator) -> None:
    ended = run(emulator, distributed(ResultWriter=WRITER), [1])
    assert ended["error"] == "States.ResultWriterFailed"
    assert ended["cause"].startswith("Failed to write a test manifest into the specified output bucket. s3 error: [")
    assert map_run(emulator, ended["executionArn"])["executionCounts"]["total"] == 0


def test_results_too_long_for_a_state_fail_it(emulator: RunningEmulator) -> None:
    grow = {"Only": {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "End": True}}
    error, cause = failure(emulator, distributed(grow), ["x" * 20_000] * 8)
    assert error == "States.DataLimitExceeded"
    assert "The state/task 'Map' returned a result with a size exceeding" in cause


def test_jsonata(emulator: RunningEmulator) -> None:
    put(emulator, "[1, 2, 3]")
    source = {
        "Resource": "arn:aws:states:::s3:getObject",
        "Arguments": {"Bucket": "{% $states.input.Bucket %}", "Key": "file"},
        "ReaderConfig": {"InputType": "JSON", "MaxItems": "{% 1 + 1 %}"},
    }
    batcher = {"MaxItemsPerBatch": "{% 5 %}", "BatchInput": {"name": "{% $states.context.State.Name %}"}}
    state = distributed(ItemReader=source, ItemBatcher=batcher, ToleratedFailurePercentage="{% 10 %}",
                        ItemSelector={"v": "{% $states.context.Map.Item.Value %}"})  # fmt: skip
    found = output(emulator, state, {"Bucket": BUCKET}, QueryLanguage="JSONata")
    assert found == [{"BatchInput": {"name": "Map"}, "Items": [{"v": 1}, {"v": 2}]}]


def test_maps_in_children_are_map_runs_of_theirs(emulator: RunningEmulator) -> None:
    inner = distributed({"Deep": {"Type": "Succeed"}}, ItemsPath="$.sub", ResultPath="$.result", MaxConcurrency=1)
    state = distributed({"Inner": inner}, ItemsPath="$.values", MaxConcurrency=1)
    found = output(emulator, state, {"values": [{"sub": [1, 2]}]})
    assert found == [{"sub": [1, 2], "result": [1, 2]}]


def test_an_empty_array_is_a_map_run_without_children(emulator: RunningEmulator) -> None:
    assert output(emulator, distributed(), []) == []


# ── stopping, limits, redrive ───────────────────────────────────────────────────────────────────

WAIT = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_stopping_the_parent_stops_the_children(emulator: RunningEmulator, kind: str) -> None:
    arn = create(emulator, distributed(WAIT, kind, MaxConcurrency=2))
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input="[1,2,3]")["executionArn"]
    emulator.advance(1)
    running = map_run(emulator, execution)
    assert (running["status"], running["itemCounts"]["running"], running["itemCounts"]["pending"]) == ("RUNNING", 2, 1)
    sfn.stop_execution(executionArn=execution)
    emulator.settle()
    stopped = map_run(emulator, execution)
    assert (stopped["status"], stopped["executionCounts"]["aborted"]) == ("ABORTED", 2)
    assert [child["status"] for child in children(emulator, stopped["mapRunArn"])] == ["ABORTED", "ABORTED"]
    assert emulator.control("GET", "queue")["total"] == 0


def test_concurrency_can_be_changed_while_it_runs(emulator: RunningEmulator) -> None:
    arn = create(emulator, distributed(WAIT, MaxConcurrency=1))
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input="[1,2,3]")["executionArn"]
    emulator.advance(1)
    mine = map_run(emulator, execution)["mapRunArn"]
    sfn.update_map_run(mapRunArn=mine, maxConcurrency=3, toleratedFailureCount=1, toleratedFailurePercentage=2.5)
    emulator.advance(1)
    described = map_run(emulator, execution)
    assert described["executionCounts"]["running"] == 3
    names = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
    assert [described[name] for name in names] == [3, 1, 2.5]
    emulator.advance(60)
    assert sfn.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="SUCCEEDED and cannot be updated"):
        sfn.update_map_run(mapRunArn=mine, maxConcurrency=1)


def test_what_is_no_map_run_is_refused(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    missing = f"{ARN}:mapRun:m/l:6dbfba93-bcff-410b-9b5c-abf41ae9eddb"
    with pytest.raises(sfn.exceptions.ResourceNotFound):
        sfn.describe_map_run(mapRunArn=missing)
    with pytest.raises(sfn.exceptions.InvalidArn):
        sfn.describe_map_run(mapRunArn="nonsense")
    with pytest.raises(sfn.exceptions.ResourceNotFound):
        sfn.list_executions(mapRunArn=missing)
    with pytest.raises(sfn.exceptions.ExecutionDoesNotExist):
        sfn.list_map_runs(executionArn=f"{ARN}:execution:m:x")


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_redrive_repeats_only_the_children_that_failed(emulator: RunningEmulator, kind: str) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="good")["QueueUrl"]
    send = {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True, "ResultPath": None,
        "Parameters": {"QueueUrl.$": "$", "MessageBody": "x"},
    }  # fmt: skip
    late = queue.replace("good", "late")
    arn = create(emulator, distributed({"Send": send}, kind, MaxConcurrency=1))
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input=json.dumps([queue, late, queue]))["executionArn"]
    emulator.settle()
    failed = map_run(emulator, execution)
    assert (failed["status"], failed["itemCounts"]["failed"], failed["itemCounts"]["pending"]) == ("FAILED", 1, 1)
    [_, bad] = children(emulator, failed["mapRunArn"])
    assert sfn.describe_execution(executionArn=bad["executionArn"])["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    emulator.client("sqs").create_queue(QueueName="late")
    sfn.redrive_execution(executionArn=execution)
    emulator.settle()
    ended = sfn.describe_execution(executionArn=execution)
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", [queue, late, queue])
    described = map_run(emulator, execution)
    assert (described["status"], described["redriveCount"], described["itemCounts"]["succeeded"]) == ("SUCCEEDED", 1, 3)
    types = [event["type"] for event in history(emulator, execution)]
    assert types[-6:] == [
        "ExecutionRedriven", "MapRunRedriven", "MapRunSucceeded", "MapStateSucceeded", "MapStateExited",
        "ExecutionSucceeded",
    ]  # fmt: skip
    [_, good, _] = children(emulator, described["mapRunArn"])
    assert (good["executionArn"], good["redriveCount"]) == (bad["executionArn"], 1)


def test_after_a_failed_reader_a_redrive_starts_a_new_map_run(emulator: RunningEmulator) -> None:
    ended = run(emulator, distributed(ItemReader=reader("JSON")))
    assert ended["error"] == "States.ItemReaderFailed"
    put(emulator, "[1]")
    sfn = emulator.client("stepfunctions")
    sfn.redrive_execution(executionArn=ended["executionArn"])
    emulator.settle()
    assert sfn.describe_execution(executionArn=ended["executionArn"])["output"] == "[1]"
    runs = sfn.list_map_runs(executionArn=ended["executionArn"])["mapRuns"]
    assert [sfn.describe_map_run(mapRunArn=each["mapRunArn"])["status"] for each in runs] == ["SUCCEEDED", "FAILED"]


def test_after_a_reader_failed_half_way_a_redrive_goes_on(emulator: RunningEmulator) -> None:
    lines = [str(n) for n in range(1500)]
    put(emulator, "\n".join([*lines[:1200], "oops", *lines[1201:]]))
    count = {"Only": {"Type": "Pass", "Parameters": {"n.$": "States.ArrayLength($.Items)"}, "End": True}}
    ended = run(emulator, distributed(count, ItemReader=reader("JSONL"), ItemBatcher={"MaxItemsPerBatch": 500}))
    assert ended["error"] == "States.ItemReaderFailed"
    put(emulator, "\n".join(lines))
    sfn = emulator.client("stepfunctions")
    sfn.redrive_execution(executionArn=ended["executionArn"])
    emulator.settle()
    described = sfn.describe_execution(executionArn=ended["executionArn"])
    assert json.loads(described["output"]) == [{"n": 500}] * 3
    assert map_run(emulator, ended["executionArn"])["itemCounts"]["succeeded"] == 1500


def test_items_are_read_as_places_become_free(emulator: RunningEmulator) -> None:
    put(emulator, "\n".join(str(n) for n in range(5000)))
    arn = create(emulator, distributed(WAIT, MaxConcurrency=2, ItemReader=reader("JSONL")))
    sfn = emulator.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    emulator.advance(1)
    counts = map_run(emulator, execution)["itemCounts"]
    assert (counts["running"], counts["pending"]) == (2, 998)
    sfn.stop_execution(executionArn=execution)
    emulator.settle()


# ── definitions, and TestState ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"Label": ""}, "/Label"), ({"Label": "x" * 41}, "/Label"), ({"Label": "a b"}, "/Label"),
        ({"Label": "a\x07"}, "/Label"), ({"Label": 1}, "/Label"),
        ({"ToleratedFailureCount": -1}, "/ToleratedFailureCount"),
        ({"ToleratedFailurePercentage": 101}, "/ToleratedFailurePercentage"),
        ({"ToleratedFailureCount": 1, "ToleratedFailureCountPath": "$.x"}, ""),
        ({"ItemReader": {}}, "/ItemReader"), ({"ItemReader": []}, "/ItemReader"),
        ({"ItemReader": reader("JSON", Transformation="LOAD_AND_FLATTEN")}, "/ItemReader/ReaderConfig/Transformation"),
        ({"ItemReader": reader("CSV", CSVHeaderLocation="FIRST_ROW", ManifestType="S3_INVENTORY")},
         "/ItemReader/ReaderConfig/InputType"),
        ({"ItemReader": reader("MANIFEST", ManifestType="ATHENA_DATA")}, "/ItemReader/ReaderConfig/InputType"),
        ({"ItemReader": reader("XML")}, "/ItemReader/ReaderConfig/InputType"),
        ({"ItemReader": reader("CSV")}, "/ItemReader/ReaderConfig"),
        ({"ItemReader": reader("CSV", CSVHeaderLocation="GIVEN")}, "/ItemReader/ReaderConfig"),
        ({"ItemReader": reader("CSV", CSVHeaderLocation="FIRST_ROW", CSVDelimiter="-")},
         "/ItemReader/ReaderConfig/CSVDelimiter"),
        ({"ItemReader": reader("JSON", ItemsPointer="x")}, "/ItemReader/ReaderConfig/ItemsPointer"),
        ({"ItemReader": {**reader("JSON"), "Resource": "arn:aws:states:::s3:putObject"}}, "/ItemReader/Resource"),
        ({"ItemReader": {**reader("JSON"), "Parameters": {"Bucket": "b"}}}, "/ItemReader/Parameters"),
        ({"ItemBatcher": {}}, "/ItemBatcher"),
        ({"ItemBatcher": {"MaxItemsPerBatch": 0}}, "/ItemBatcher/MaxItemsPerBatch"),
        ({"ResultWriter": {}}, "/ResultWriter"), ({"ResultWriter": {"WriterConfig": {"OutputType": "CSV"}}},
                                                  "/ResultWriter/WriterConfig/OutputType"),
    ],
)  # fmt: skip
def test_definitions_are_judged(emulator: RunningEmulator, change: dict[str, Any], where: str) -> None:
    with pytest.raises(ClientError) as refused:
        create(emulator, distributed(**change))
    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"
    assert f" at /States/Map{where}'" in refused.value.response["Error"]["Message"] + "'"


def test_only_distributed_maps_have_these_fields(emulator: RunningEmulator) -> None:
    inline = {"Type": "Map", "ItemProcessor": {"StartAt": "Only", "States": PASS}, "End": True}
    for field, value in (("Label", "x"), ("ToleratedFailureCount", 1), ("ItemReader", reader("JSON"))):
        with pytest.raises(ClientError, match=f"'{field}' is only supported in mode DISTRIBUTED"):
            create(emulator, {**inline, field: value})


def test_express_machines_have_no_map_runs(emulator: RunningEmulator) -> None:
    definition = json.dumps({"StartAt": "Map", "States": {"Map": distributed()}})
    with pytest.raises(ClientError, match="InvalidDefinition"):
        emulator.client("stepfunctions").create_state_machine(
            name="m", definition=definition, roleArn="arn:aws:iam::000000000000:role/r", type="EXPRESS"
        )
    wait = {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
                    "Parameters": {"QueueUrl": "x", "MessageBody": "x"}}}  # fmt: skip
    with pytest.raises(ClientError, match=r"Express state machine does not support '\.waitForTaskToken'"):
        create(emulator, distributed(wait, "EXPRESS"))


def test_a_state_tested_alone_shows_items_batches_and_tolerance(emulator: RunningEmulator) -> None:
    state = distributed(
        ItemReader=reader("CSV", CSVHeaderLocation="FIRST_ROW"), ItemSelector={"v.$": "$$.Map.Item.Value.A"},
        ItemBatcher={"MaxItemsPerBatch": 2}, ToleratedFailureCount=1, ToleratedFailurePercentage=2,
    )  # fmt: skip
    answer = emulator.client("stepfunctions").test_state(
        definition=json.dumps(state), roleArn="arn:aws:iam::000000000000:role/r", inspectionLevel="DEBUG",
        mock={"result": "[1, 4]"}, stateConfiguration={"mapItemReaderData": "A\n1\n2\n3\n"},
    )  # fmt: skip
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "[1, 4]")
    seen = answer["inspectionData"]
    assert seen["afterItemSelector"] == '[{"v":"1"},{"v":"2"},{"v":"3"}]'
    assert seen["afterItemBatcher"] == '[{"Items":[{"v":"1"},{"v":"2"}]},{"Items":[{"v":"3"}]}]'
    assert (seen["toleratedFailureCount"], seen["toleratedFailurePercentage"], seen["maxConcurrency"]) == (1, 2.0, 0)


def test_data_that_no_reader_could_read_fails_the_test(emulator: RunningEmulator) -> None:
    answer = emulator.client("stepfunctions").test_state(
        definition=json.dumps(distributed(ItemReader=reader("JSON", ItemsPointer="/list"))), mock={"result": "[]"},
        roleArn="arn:aws:iam::000000000000:role/r", stateConfiguration={"mapItemReaderData": '{"list": 1}'},
    )  # fmt: skip
    assert (answer["status"], answer["error"]) == ("FAILED", "States.ItemReaderFailed")
    assert answer["cause"] == "Attempting to map over non-iterable node."


@pytest.mark.parametrize(
    "odd",
    [{"Bucket": ""}, {"Bucket": ".."}, {"Bucket": "a/b"}, {"Bucket": "é?x=1#y"}, {"Bucket": "a\nb"}, {"Key": ""},
     {"Key": "a?b#c\n"}, {"Key": "x" * 2000}, {"VersionId": "\x00"}, {"ExpectedBucketOwner": "a\nb"}],
)  # fmt: skip
def test_odd_parameters_of_readers_and_writers_end_in_a_failure(emulator: RunningEmulator, odd: dict[str, str]) -> None:
    put(emulator, "", "other")
    source = reader("JSON")
    source["Parameters"] = {**source["Parameters"], **odd}
    assert failure(emulator, distributed(ItemReader=source))[0] == "States.ItemReaderFailed"
    if "Bucket" in odd:
        assert failure(emulator, distributed(ResultWriter={**WRITER, "Parameters": odd}), [1], name="n")[0] == (
            "States.ResultWriterFailed"
        )


def test_a_writer_in_jsonata(emulator: RunningEmulator) -> None:
    put(emulator, "", "other")
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Arguments": {"Bucket": "{% $states.input.bucket %}", "Prefix": "{% 'a' & '/' %}"},
    }
    state = distributed(Items="{% [1, 2] %}", ResultWriter=writer, ToleratedFailureCount="{% 0 %}")
    found = output(emulator, state, {"bucket": BUCKET}, QueryLanguage="JSONata")
    assert found["ResultWriterDetails"]["Key"].startswith("a/")


KEYED = {"a": {"n": 1}, "b": 2}


def test_the_pairs_of_an_object_are_items(emulator: RunningEmulator) -> None:
    assert output(emulator, distributed(), KEYED) == [{"Key": "a", "Value": {"n": 1}}, {"Key": "b", "Value": 2}]


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_a_selector_sees_key_and_value_of_a_pair(emulator: RunningEmulator, language: str) -> None:
    names = ("Index", "Key", "Value", "Source")
    if language == "JSONPath":
        more: dict[str, Any] = {
            "ItemsPath": "$.o",
            "ItemSelector": {f"{name}.$": f"$$.Map.Item.{name}" for name in names},
        }
    else:
        selector = {name: f"{{% $states.context.Map.Item.{name} %}}" for name in names}
        more = {"Items": "{% $states.input.o %}", "ItemSelector": selector}
    assert output(emulator, distributed(**more), {"o": KEYED}, QueryLanguage=language) == [
        {"Index": 0, "Key": "a", "Value": {"n": 1}, "Source": "STATE_DATA"},
        {"Index": 1, "Key": "b", "Value": 2, "Source": "STATE_DATA"},
    ]
