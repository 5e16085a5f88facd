def handler(event, context):
    return {"price": event["price"]}
