import json
import os

import boto3


def intake(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["JOBS"], MessageBody=event["body"])
    return {"statusCode": 202}


def work(event, context):
    if event.get("nightly"):
        return publish("nightly")
    for record in event["Records"]:
        job = json.loads(record["body"])
        boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item={"id": job["id"]})
        publish(job["id"])


def publish(subject):
    boto3.client("sns").publish(TopicArn=os.environ["TOPIC"], Subject=subject, Message="done")
