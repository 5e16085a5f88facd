import boto3


def handler(event, context):
    asked = event["queryStringParameters"]
    machines = boto3.client("stepfunctions")
    if asked["say"] == "yes":
        machines.send_task_success(taskToken=asked["token"], output="{}")
    else:
        machines.send_task_failure(taskToken=asked["token"], error="Refused")
    return {"statusCode": 200, "body": "thank you"}
