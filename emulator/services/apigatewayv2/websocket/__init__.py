"""The data plane of WebSocket APIs: conversations with clients, and what a backend may do to them (`@connections`)."""

from emulator.services.apigatewayv2.websocket.plane import WebSocketPlane

__all__ = ["WebSocketPlane"]
