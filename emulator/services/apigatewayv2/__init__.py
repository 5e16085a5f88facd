"""API Gateway HTTP and WebSocket APIs (boto3 `apigatewayv2`, `apigatewaymanagementapi`): control plane and data planes.

Emulated: APIs with quick create, routes, integrations, stages with automatic deployment, deployments, authorizers,
CORS, import and export of OpenAPI 3, tags, domain names with API mappings, VPC links as data; conversations of
WebSocket APIs and `@connections`. Refused by name: portals, routing rules, AppConfig integrations, mutual TLS.
"""
