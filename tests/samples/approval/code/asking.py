import json
import os
from urllib.parse import quote

import boto3


def handler(event, context):
    link = f"{os.environ['ANSWERS']}?token={quote(event['token'], safe='')}&say="
    text = f"Yes: {link}yes\nNo: {link}no\n"
    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC"],
        Subject="May we?",
        Message=json.dumps({"default": "May we?", "email": text}),
        MessageStructure="json",
    )
