import json
import os

import boto3


def submit(event, context):
    report = event["body"] if isinstance(event["body"], dict) else json.loads(event["body"])
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"id": {"S": report["id"]}})
    mail(report["to"], f"Report {report['id']} is ready")
    return {"statusCode": 200, "body": json.dumps({"ready": report["id"]})}


def from_queue(event, context):
    for record in event["Records"]:
        mail(record["body"], "Your job was taken")


def hourly(event, context):
    mail("hourly@example.com", "An hour has passed")


def mail(to, subject):
    boto3.client("ses").send_email(
        Source="reports@example.com",
        Destination={"ToAddresses": [to]},
        Message={"Subject": {"Data": subject}, "Body": {"Text": {"Data": "."}}},
    )
