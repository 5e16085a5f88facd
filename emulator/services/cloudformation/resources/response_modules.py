"""The modules that AWS puts beside code that stands in a template: `cfnresponse` and `cfn-response`.

What they offer is AWS's documentation's ("cfn-response module"): `send(event, context, status, data, physical id, no
echo)`, and in Python the reason as well. Unlike AWS's they follow the URL's scheme: here it is plain HTTP.
"""

from __future__ import annotations

PYTHON = '''\
"""Answers requests of custom resources."""

import json
import urllib.request

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    answer = {
        "Status": responseStatus,
        "Reason": reason or "See the details in CloudWatch Log Stream: {}".format(context.log_stream_name),
        "PhysicalResourceId": physicalResourceId or context.log_stream_name,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    body = json.dumps(answer)
    print("Response body:")
    print(body)
    request = urllib.request.Request(event["ResponseURL"], data=body.encode("utf-8"), method="PUT")
    request.add_header("Content-Type", "")
    try:
        with urllib.request.urlopen(request) as response:
            print("Status code:", response.status)
    except Exception as error:
        print("send(..) failed executing http.request(..):", error)
'''

NODE = """\
// Answers requests of custom resources.
exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";

exports.send = function (event, context, responseStatus, responseData, physicalResourceId, noEcho) {
  const body = JSON.stringify({
    Status: responseStatus,
    Reason: "See the details in CloudWatch Log Stream: " + context.logStreamName,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: responseData,
  });
  console.log("Response body:\\n", body);
  const url = new URL(event.ResponseURL);
  const transport = require(url.protocol === "http:" ? "http" : "https");
  const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const over = () => {
      if (context.done) context.done();
      resolve();
    };
    const request = transport.request(url, { method: "PUT", headers }, (response) => {
      console.log("Status code: " + response.statusCode);
      response.resume();
      response.on("end", over);
    });
    request.on("error", (error) => {
      console.log("send(..) failed executing https.request(..): " + error);
      over();
    });
    request.end(body);
  });
};
"""


def beside(source: str, node: bool) -> dict[str, str]:
    """The files that stand beside a source that asks for one of the modules."""
    if node:
        return {"cfn-response.js": NODE, "node_modules/cfn-response/index.js": NODE} if "cfn-response" in source else {}
    return {"cfnresponse.py": PYTHON} if "cfnresponse" in source else {}
