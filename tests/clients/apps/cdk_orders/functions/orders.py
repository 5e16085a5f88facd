import json
import os

import boto3


def intake(event, context):
    order = json.loads(event["body"])
    boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item={"id": order["id"], "to": order["to"]})
    boto3.client("sqs").send_message(QueueUrl=os.environ["JOBS"], MessageBody=order["id"])
    return {"statusCode": 202, "body": json.dumps({"accepted": order["id"]})}


def work(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    for record in event["Records"]:
        order = table.get_item(Key={"id": record["body"]})["Item"]
        mail({"to": order["to"], "subject": f"Order {order['id']} is on its way"}, context)
    return {"batchItemFailures": []}


def count(event, context):
    [record] = event["Records"]
    place = {"Bucket": record["s3"]["bucket"]["name"], "Key": record["s3"]["object"]["key"]}
    lines = boto3.client("s3").get_object(**place)["Body"].read().splitlines()
    return {"subject": f"{place['Key']} has {len(lines)} lines"}


def mail(event, context):
    boto3.client("sesv2").send_email(
        FromEmailAddress="orders@example.com",
        Destination={"ToAddresses": [event.get("to", "office@example.com")]},
        Content={"Simple": {"Subject": {"Data": event["subject"]}, "Body": {"Text": {"Data": "."}}}},
    )
