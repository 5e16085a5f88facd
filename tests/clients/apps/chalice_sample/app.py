"""The sample application by Chalice: its functions under `chalicelib/`, and a route that hands a report to the first.

Chalice has proxy integrations only, so no route of its own can be asynchronous as the sample's is: this one accepts the
report and invokes `submit` with the invocation type Event itself. The state machine comes from `resources.json`.
"""

import json
import os

import boto3
from chalice import Chalice, Response
from chalicelib.sample_functions.calculate import app as calculating
from chalicelib.sample_functions.notify import app as notifying
from chalicelib.sample_functions.parse import app as parsing
from chalicelib.sample_functions.submit import app as submitting
from chalicelib.sample_functions.summarise import app as summarising

app = Chalice(app_name="sample")


@app.route("/reports", methods=["POST"])
def accept():
    report = json.dumps(app.current_request.json_body)
    boto3.client("lambda").invoke(FunctionName=os.environ["SUBMIT"], InvocationType="Event", Payload=report)
    return Response(body="", status_code=202)


@app.lambda_function(name="submit")
def submit(event, context):
    return submitting.handler(event, context)


@app.lambda_function(name="parse")
def parse(event, context):
    return parsing.handler(event, context)


@app.lambda_function(name="calculate")
def calculate(event, context):
    return calculating.handler(event, context)


@app.lambda_function(name="summarise")
def summarise(event, context):
    return summarising.handler(event, context)


@app.lambda_function(name="notify")
def notify(event, context):
    return notifying.handler(event, context)
