"""Velocity templates as API Gateway's mappings use them: parsed once, rendered within a budget.

An engine of its own with an explicit table of methods: a template can reach nothing of Python (3.7).
"""

from emulator.services.apigateway.gateway.vtl.evaluate import OverBudget, Template, VtlError
from emulator.services.apigateway.gateway.vtl.parser import VtlSyntaxError

__all__ = ["OverBudget", "Template", "VtlError", "VtlSyntaxError"]
