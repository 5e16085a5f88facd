"""What answers requests to deployed HTTP APIs: address, route, authorization, integration, answer."""

from emulator.services.apigatewayv2.gateway.plane import HttpApiPlane

__all__ = ["HttpApiPlane"]
