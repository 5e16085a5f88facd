import json


def handler(event, context):
    return {"statusCode": 200, "body": json.dumps({"facts": {"id": 7, "title": "Maps"}, "words": ["old", "torn"]})}
