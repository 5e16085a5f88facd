"""Requests made from Lambda's own model and filled with odd values: refused or taken, never a failure of ours."""

from __future__ import annotations

import base64
import http.client
import json
import random
from typing import Any
from urllib.parse import quote, urlencode

import botocore.loaders
import pytest

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.lambda_support import ARN, ROLE, create, saying

MODEL: dict[str, Any] = botocore.loaders.Loader().load_service_model("lambda", "service-2")
SHAPES: dict[str, Any] = MODEL["shapes"]
REQUESTS = 400
GARBAGE: list[Any] = [
    *(None, "", 0, -1, 2**70, 1.5, True, [], {}, [None], [[]], {"a": None}, "\x00", "é" * 300, "*", "$LATEST"),
    *("999999999999999999999", "f:live", "f:1", f"{ARN}:1", "x" * 5000, {"Variables": {"a": None}}, float("inf")),
]
FITTING: dict[str, list[Any]] = {
    "FunctionName": ["f", "f:live", "f:1", ARN, "g"],
    "Name": ["live", "new"],
    "FunctionVersion": ["1", "2", "$LATEST"],
    "Qualifier": ["1", "live", "$LATEST", "2"],
    "Runtime": ["python3.12"],
    "Role": [ROLE],
    "Handler": ["app.handler"],
    "Principal": ["s3.amazonaws.com", "*"],
    "Resource": [ARN],
    "ZipFile": [base64.b64encode(saying("x")).decode()],
    "Marker": ["Zg==", "MQ==", "!!", "/w==", "Zjox"],
}
HEADERS = {
    "Content-Type": "application/json",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, "
    "Signature=0",
}


class Requests:
    """Random requests, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._operations = [name for name in MODEL["operations"] if not name.startswith("Invoke")]

    def next(self) -> tuple[str, str, bytes]:
        """(method, path, body)."""
        operation = MODEL["operations"][self._random.choice(self._operations)]
        shape = SHAPES[operation["input"]["shape"]]
        path, query, body = operation["http"]["requestUri"], [], {}
        for name, member in shape.get("members", {}).items():
            if name not in shape.get("required", ()) and self._random.random() < 0.7:
                continue
            value = self._value(member["shape"], name)
            place = member.get("location")
            if place == "uri":
                text = quote(str(value or "f"), safe="")
                path = path.replace("{" + member["locationName"] + "}", text).replace(
                    "{" + member["locationName"] + "+}", text
                )
            elif place == "querystring":
                query.append((member["locationName"], str(value)))
            elif place is None:
                body[name] = value
        if query:
            path += ("&" if "?" in path else "?") + urlencode(query)
        method: str = operation["http"]["method"]
        return method, path, json.dumps(body).encode() if method in ("POST", "PUT") else b""

    def _value(self, shape_name: str, name: str = "") -> Any:
        choose, shape = self._random.choice, SHAPES[shape_name]
        if self._random.random() < 0.04:
            return choose(GARBAGE)
        if name in FITTING and self._random.random() < 0.85:
            return choose(FITTING[name])
        if "enum" in shape:
            return choose(shape["enum"])
        match shape["type"]:
            case "structure":
                members = shape["members"].items()
                return {key: self._value(item["shape"], key) for key, item in members if self._random.random() < 0.4}
            case "list":
                return [self._value(shape["member"]["shape"]) for _ in range(choose([0, 1, 1, 2, 7]))]
            case "map":
                return {
                    choose(["a", "1", "", "AB"]): self._value(shape["value"]["shape"]) for _ in range(choose([0, 1, 2]))
                }
            case "integer" | "long":
                return choose([0, 1, 128, 512, -5, 2**63])
            case "double" | "float":
                return choose([0.5, 0, 1, 2, -1])
            case "boolean":
                return choose([True, False])
            case "blob":
                return base64.b64encode(choose([b"", b"x", saying("y")])).decode()
            case _:
                return choose(["a", "arn:aws:sqs:us-east-1:000000000000:q", "subnet-1", "sg-1", "x y"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_request_makes_the_emulator_fail(emulator: RunningEmulator, seed: int) -> None:
    client = emulator.client("lambda")
    create(client, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    requests, seen = Requests(seed), set[int]()
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=STUCK_SECONDS)
    for _ in range(REQUESTS):
        method, path, body = requests.next()
        connection.request(method, path, body, HEADERS)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status < 500 or answer.status == 501, (method, path, body, text)
        assert "Traceback" not in text
        seen.add(answer.status)
    connection.close()
    assert {200, 400, 404} <= seen
    assert emulator.failures() == []
