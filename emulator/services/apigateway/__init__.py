"""API Gateway REST APIs (boto3 `apigateway`): control plane and data plane.

Emulated: APIs, resources, methods, integrations (AWS and AWS_PROXY to Lambda, MOCK), responses, validators, models,
deployments, stages, gateway responses, OpenAPI import. Not emulated, and refused by name: authorizers, API keys,
usage plans, domain names, VPC links, HTTP integrations, other AWS services, caching, canaries, TestInvokeMethod.
"""
