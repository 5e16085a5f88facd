"""API Gateway HTTP and WebSocket APIs (boto3 `apigatewayv2`, `apigatewaymanagementapi`): control plane and data planes.

Emulated: APIs with quick create, routes, integrations, stages with automatic deployment, deployments, authorizers,
CORS, import and export of OpenAPI 3, tags, domain names and API mappings as data; conversations of WebSocket APIs and
`@connections`. Refused by name: VPC links, portals, routing rules, Kinesis and AppConfig integrations.
"""
