from uuid import uuid4


def handler(event, context):
    return {"id": str(uuid4()), "price": str(event["price"])}
