"""Time of one StartSyncExecution over HTTP: an Express machine of five Pass states, one connection.

python benchmarks/express.py [executions]
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from itertools import pairwise
from urllib.parse import urlsplit

from emulator.testing import RunningEmulator

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
WARM_UP = 200


def main() -> None:
    """Print percentiles in milliseconds."""
    names = "ABCDE"
    states = {name: {"Type": "Pass", "Next": after} for name, after in pairwise(names)}
    states["E"] = {"Type": "Succeed"}
    with RunningEmulator() as running:
        arn = running.client("stepfunctions").create_state_machine(
            name="five",
            definition=json.dumps({"StartAt": "A", "States": states}),
            roleArn="arn:aws:iam::000000000000:role/bench",
            type="EXPRESS",
        )["stateMachineArn"]
        connection = http.client.HTTPConnection(urlsplit(running.url).netloc)
        signed = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0"
        headers = {
            "X-Amz-Target": "AWSStepFunctions.StartSyncExecution",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": signed,
        }
        body = json.dumps({"stateMachineArn": arn, "input": "{}"})
        times: list[float] = []
        for _ in range(WARM_UP + ROUNDS):
            begun = time.perf_counter()
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            times.append(time.perf_counter() - begun)
        connection.close()
    found = sorted(times[WARM_UP:])
    for share in (0.5, 0.9, 0.99):
        print(f"p{round(share * 100)} {found[int(len(found) * share)] * 1000:.2f} ms")


if __name__ == "__main__":
    main()
