"""The data plane: what answers requests to deployed APIs, one file per step of the pipeline (3.1).

address → routing → validation → templates, mapping → integrations → responses; failures at any step.
"""

from emulator.services.apigateway.gateway.plane import GatewayDataPlane

__all__ = ["GatewayDataPlane"]
