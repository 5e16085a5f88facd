"""Endpoints of mobile applications: found by their ARN, and whether they take messages."""

from __future__ import annotations

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.sns import store_documents
from emulator.services.sns.model import invalid, not_found
from emulator.services.sns.store_documents import APPLICATION, Document, endpoints_of


def required_endpoint(tx: Transaction, arn: str | None, member: str) -> tuple[Scope, str, Document]:
    """(scope, application, endpoint) of an ARN. Raises InvalidParameter or NotFound."""
    owner, application, identifier = endpoint_parts(arn, member)
    found = store_documents.get(tx, owner, endpoints_of(application), identifier)
    if found is None:
        raise not_found("Endpoint does not exist")
    return owner, application, found


def reachable_endpoint(tx: Transaction, arn: str, member: str) -> tuple[Scope, str, Document]:
    """As `required_endpoint`, of an endpoint that takes messages."""
    owner, application, found = required_endpoint(tx, arn, member)
    if found.body.get("Enabled", "true").lower() != "true":
        raise AwsError("EndpointDisabled", "Endpoint is disabled")
    kept = store_documents.get(tx, owner, APPLICATION, application)
    if kept is not None and kept.body.get("Enabled", "true").lower() != "true":
        raise AwsError("PlatformApplicationDisabled", "Platform application is disabled")
    return owner, application, found


def resource_parts(text: str | None, member: str, prefix: str) -> tuple[Scope, str]:
    """(scope, what follows `prefix`) of an ARN of SNS. Raises InvalidParameter."""
    if not text:
        raise invalid(f"{member} Reason: no value for required parameter")
    arn = Arn.parse(text)
    if arn is None:
        count = len(text.split(":"))
        raise invalid(f"{member} Reason: An ARN must have at least 6 elements, not {count}" if count < 6 else member)
    if arn.service != "sns" or not arn.resource.startswith(prefix):
        raise invalid(f"{member} Reason: Wrong number of slashes in relative portion of the ARN.")
    return Scope(arn.account, arn.region), arn.resource[len(prefix) :]


def endpoint_parts(text: str | None, member: str) -> tuple[Scope, str, str]:
    """(scope, application, endpoint's id) of an endpoint's ARN. Raises InvalidParameter."""
    owner, resource = resource_parts(text, member, "endpoint/")
    application, _, identifier = resource.rpartition("/")
    return owner, application, identifier
