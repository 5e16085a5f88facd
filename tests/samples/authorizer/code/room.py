def handler(event, context):
    return {"statusCode": 200, "body": "hello " + event["requestContext"]["authorizer"]["principalId"]}
