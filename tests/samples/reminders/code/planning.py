import json
import os

import boto3

scheduler = boto3.client("scheduler")


def handler(event, context):
    for record in event["Records"]:
        image = {name: value["S"] for name, value in record["dynamodb"]["NewImage"].items()}
        message = {"Subject": {"Data": image["what"]}, "Body": {"Text": {"Data": f"{image['what']}: it is time"}}}
        mail = {"Source": os.environ["SENDER"], "Destination": {"ToAddresses": [image["who"]]}, "Message": message}
        scheduler.create_schedule(
            Name=f"reminder-{image['id']}",
            ScheduleExpression=f"at({image['when'].removesuffix('Z')})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": "arn:aws:scheduler:::aws-sdk:ses:sendEmail",
                "RoleArn": os.environ["ROLE"],
                "Input": json.dumps(mail),
            },
        )
