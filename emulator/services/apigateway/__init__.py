"""API Gateway REST APIs (boto3 `apigateway`): control plane and data plane.

Emulated: every operation on REST APIs and what they refer to, OpenAPI import, requests to deployed stages by the API's
own address and by custom domain names. Not emulated, and refused by name: generated SDKs, routing rules.
"""
