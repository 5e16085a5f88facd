"""A service that has moved to JSON as older clients still speak it: the names of the query protocol.

AWS's models of such services (`awsQueryCompatible`) no longer say how lists, maps and errors are named in forms and
XML. The tables here do, for SQS: from the WSDL of version 2012-11-05 and the API reference. `spoken_in_query` makes a
second model with those names, which parses, serialises and fails like that of any other query service.

SSM answers such clients, too [R:test_get_parameter_query_protocol]; its lists and maps are named as query services name
theirs where nothing else is said (unverified).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

QUERY_CODES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
    "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}
"""SQS: the code of the query protocol, which `x-amzn-query-error` still tells [M: awsQueryCompatible]."""
QUERY_TEXTS = {"QueueDoesNotExist": "The specified queue does not exist for this wsdl version."}
"""Texts that the query protocol words in its own way."""

_STATUSES = {"PurgeQueueInProgress": 403, "OverLimit": 403, "ReceiptHandleIsInvalid": 404}
_NAMESPACES = {
    "sqs": "http://queue.amazonaws.com/doc/2012-11-05/",
    "ssm": "http://ssm.amazonaws.com/doc/2014-11-06/",
}
_MEMBERS = {
    "Attributes": "Attribute",
    "MessageAttributes": "MessageAttribute",
    "MessageSystemAttributes": "MessageSystemAttribute",
    "Tags": "Tag",
    "tags": "Tag",
}
"""Members that are maps, by what each entry is called."""
_ITEMS = {
    "QueueUrlList": "QueueUrl",
    "StringList": "StringListValue",
    "BinaryList": "BinaryListValue",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
}
"""Lists whose items are not called as the list without its `List`."""
_TAG_MAP = ("Key", "Value")
_OTHER_MAPS = ("Name", "Value")


def speaks_query(name: str, metadata: Mapping[str, Any]) -> bool:
    """Whether a service is one that older clients reach with forms though its model says JSON."""
    return name in _NAMESPACES and "json" in metadata.get("protocols", (metadata["protocol"],))


def spoken_in_query(name: str, description: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a service as a query service; the given one stays as it is."""
    said: dict[str, Any] = copy.deepcopy(dict(description))
    said["metadata"] |= {"protocol": "query", "protocols": ["query"], "xmlNamespace": _NAMESPACES[name]}
    said["metadata"].pop("awsQueryCompatible", None)
    for operation_name, operation in said["operations"].items():
        if "output" in operation:
            operation["output"]["resultWrapper"] = f"{operation_name}Result"
    if name == "sqs":
        _name_as_sqs(said)
    return said


def _name_as_sqs(said: dict[str, Any]) -> None:
    for shape_name, shape in said["shapes"].items():
        if shape["type"] == "list":
            shape["member"]["locationName"] = _ITEMS.get(shape_name, shape_name.removesuffix("List"))
        elif shape["type"] == "map":
            key, value = _TAG_MAP if shape_name == "TagMap" else _OTHER_MAPS
            shape["key"]["locationName"], shape["value"]["locationName"] = key, value
        elif shape.get("exception"):
            status = _STATUSES.get(shape_name, 400)
            shape["error"] = {"code": QUERY_CODES.get(shape_name, shape_name), "httpStatusCode": status}
        for member_name, member in shape.get("members", {}).items():
            if said["shapes"][member["shape"]]["type"] == "map":
                member["locationName"] = _MEMBERS.get(member_name, member_name)
        shape.pop("required", None)  # SQS itself says what is missing, and a queue may be named by the request's path
