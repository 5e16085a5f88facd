"""A Chalice application: a route that hands work to another function and answers at once, a schedule, a queue."""

import json
import os

import boto3
from chalice import Chalice, Rate, Response

app = Chalice(app_name="reports")


@app.route("/reports/{name}", methods=["POST"], cors=True)
def submit(name):
    event = {"name": name, "to": app.current_request.json_body["to"]}
    boto3.client("lambda").invoke(FunctionName=os.environ["WORKER"], InvocationType="Event", Payload=json.dumps(event))
    return Response(body={"accepted": name}, status_code=202)


@app.lambda_function(name="worker")
def work(event, context):
    mail(event["to"], f"Report {event['name']} is ready")


@app.schedule(Rate(1, unit=Rate.HOURS))
def hourly(event):
    mail("hourly@example.com", "An hour has passed")


@app.on_sqs_message(queue="jobs")
def from_queue(event):
    for record in event:
        mail(record.body, "Your job was taken")


def mail(to, subject):
    boto3.client("ses").send_email(
        Source="reports@example.com",
        Destination={"ToAddresses": [to]},
        Message={"Subject": {"Data": subject}, "Body": {"Text": {"Data": "."}}},
    )
