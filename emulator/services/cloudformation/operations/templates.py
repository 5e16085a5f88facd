"""Operations that look at templates without deploying them."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.deploy.template.model import Parameter, Template, scalar_text
from emulator.ports import Transaction
from emulator.services.cloudformation.language import capabilities_needed, stored_template
from emulator.services.cloudformation.model import validation_error
from emulator.services.cloudformation.operations.reading import READ_MEMBER, Read, read_of
from emulator.services.cloudformation.operations.state import Request, StackState

_REASONS = {
    "CAPABILITY_NAMED_IAM": "The following resource(s) require capabilities: [{types}]",
    "CAPABILITY_IAM": "The following resource(s) require capabilities: [{types}]",
}


class TemplateOperations(StackState):
    """ValidateTemplate, GetTemplateSummary, EstimateTemplateCost."""

    def validate_template(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Whether a template is one; what it asks for."""
        read = read_of(request)
        needed, reason = _capabilities(read.template)
        return {
            "Parameters": [
                {
                    "ParameterKey": item.name,
                    "DefaultValue": _default(item),
                    "NoEcho": item.no_echo,
                    "Description": item.description or None,
                }
                for item in read.template.parameters.values()
            ],
            "Description": read.template.description or None,
            "Capabilities": needed or None,
            "CapabilitiesReason": reason,
            "DeclaredTransforms": list(read.transforms) or None,
        }

    def get_template_summary(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """What a template, or a stack's, holds."""
        read: Read | None = request.get(READ_MEMBER)
        if read is not None:
            template, transforms = read.template, read.transforms
        else:
            stack = self.stack(tx, scope, request.get("StackName"))
            if stack.definition.processed is None:
                raise validation_error(f"Stack [{stack.name}] has no template")  # unverified
            template, transforms = stored_template(stack.definition), stack.definition.transforms
        needed, reason = _capabilities(template)
        types = list(dict.fromkeys(item.type for item in template.resources.values()))
        declared = template.document.value.get("AWSTemplateFormatVersion")
        return {
            "Parameters": [_parameter(item) for item in template.parameters.values()],
            "Description": template.description or None,
            "Capabilities": needed or None,
            "CapabilitiesReason": reason,
            "ResourceTypes": types,
            "Version": declared if isinstance(declared, str) else None,
            "Metadata": json.dumps(template.metadata) if template.metadata else None,
            "DeclaredTransforms": list(transforms) or None,
            "ResourceIdentifierSummaries": [
                {
                    "ResourceType": kind,
                    "LogicalResourceIds": [name for name, item in template.resources.items() if item.type == kind],
                }
                for kind in types
            ],
        }

    def estimate_template_cost(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The address of AWS's calculator: nothing is estimated there for what runs here."""
        read_of(request)
        return {"Url": f"https://calculator.aws/#/estimate?key=cloudformation/{tx.new_id()}"}


def _capabilities(template: Template) -> tuple[list[str], str | None]:
    needed = capabilities_needed(template, tuple(template.resources))
    types = dict.fromkeys(item.type for item in template.resources.values() if item.type.startswith("AWS::IAM::"))
    reason = _REASONS[needed[0]].format(types=", ".join(types)) if needed else None
    return needed, reason


def _default(item: Parameter) -> str | None:
    return scalar_text(item.default) if item.has_default else None


def _parameter(item: Parameter) -> dict[str, Any]:
    allowed = {"AllowedValues": list(item.allowed_values)} if item.allowed_values is not None else {}
    return {
        "ParameterKey": item.name,
        "DefaultValue": _default(item),
        "ParameterType": item.type,
        "NoEcho": item.no_echo,
        "Description": item.description or None,
        "ParameterConstraints": allowed,
    }
