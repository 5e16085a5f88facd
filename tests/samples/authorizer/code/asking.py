def handler(event, context):
    effect = "Allow" if event["authorizationToken"] == "brass" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {"principalId": "guest", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
