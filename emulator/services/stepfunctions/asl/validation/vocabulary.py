"""Which fields the states language knows: by type of state and by query language (reference 5.1). Tables only."""

from __future__ import annotations

COMMON = ("Type", "Comment", "QueryLanguage")
FLOW = ("Next", "End", "Assign")
IN_OUT = ("InputPath", "OutputPath")
FIELDS: dict[str, tuple[str, ...]] = {
    "Task": (*FLOW, *IN_OUT, "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "Resource", "Credentials",
             "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"),
    "Wait": (*FLOW, *IN_OUT, "Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
    "Pass": (*FLOW, *IN_OUT, "Parameters", "ResultPath", "Result"),
    "Succeed": IN_OUT,
    "Fail": ("Error", "ErrorPath", "Cause", "CausePath"),
    "Choice": (*IN_OUT, "Choices", "Default", "Assign"),
    "Parallel": (*FLOW, *IN_OUT, "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "Branches"),
    "Map": (*FLOW, *IN_OUT, "Parameters", "ItemSelector", "ResultSelector", "ResultPath", "Retry", "Catch",
            "ItemProcessor", "Iterator", "ItemsPath", "MaxConcurrency", "MaxConcurrencyPath", "ItemReader",
            "ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailureCountPath",
            "ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "Label"),
}  # fmt: skip
"""Fields of each type besides `COMMON`, in JSONPath. The order of the types is AWS's [R:sfn_api]."""

JSONATA_FIELDS: dict[str, tuple[str, ...]] = {
    "Task": (*FLOW, "Arguments", "Output", "Retry", "Catch", "Resource", "Credentials", "TimeoutSeconds",
             "HeartbeatSeconds"),
    "Wait": (*FLOW, "Output", "Seconds", "Timestamp"),
    "Pass": (*FLOW, "Output"),
    "Succeed": ("Output",),
    "Fail": ("Error", "Cause"),
    "Choice": ("Choices", "Default", "Assign", "Output"),
    "Parallel": (*FLOW, "Arguments", "Output", "Retry", "Catch", "Branches"),
    "Map": (*FLOW, "Output", "ItemSelector", "Retry", "Catch", "ItemProcessor", "Items", "MaxConcurrency",
            "ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailurePercentage",
            "Label"),
}  # fmt: skip
"""The same in a JSONata state (reference 5.1)."""

JSONATA_ONLY = {"Arguments", "Output", "Items", "Condition"}
JSONPATH_ONLY = {"InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Result", "ItemsPath",
                 "Iterator", "Variable", "SecondsPath", "TimestampPath", "ErrorPath", "CausePath",
                 "TimeoutSecondsPath", "HeartbeatSecondsPath", "MaxConcurrencyPath", "ToleratedFailureCountPath",
                 "ToleratedFailurePercentagePath", "MaxItemsPath", "MaxItemsPerBatchPath",
                 "MaxInputBytesPerBatchPath"}  # fmt: skip
