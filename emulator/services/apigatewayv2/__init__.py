"""API Gateway HTTP APIs (boto3 `apigatewayv2`): control plane and data plane.

Emulated: APIs with quick create, routes, Lambda, HTTP and service integrations, stages with automatic deployment,
deployments, JWT and Lambda authorizers, CORS, import and export of OpenAPI 3, tags, domain names and API mappings as
data. Refused by name: WebSocket APIs, VPC links, portals, routing rules, Kinesis and AppConfig integrations.
"""
