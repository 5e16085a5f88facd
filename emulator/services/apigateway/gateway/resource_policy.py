"""The resource policy of an API on a request's way (3.1, step 2): once before the authorizer, once with its kind known.

AWS's order: an explicit deny ends the request before any authorizer is asked. Without an authorizer the policy must
allow; with one, what the policy does not mention is the authorizer's to decide (AWS, authorization flow, table A).
"""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from typing import Any

from emulator.aws.http import HttpRequest
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.policy import Verdict, evaluate

_DECIDE = ("CUSTOM", "AWS_IAM")
"""Authorization types whose verdict counts where the policy is silent."""


def facts_of(request: HttpRequest, now: float) -> dict[str, str]:
    """What conditions may ask of a request. There is no VPC here, so that nothing is known of one."""
    moment = datetime.fromtimestamp(now, UTC)
    facts = {
        "aws:sourceip": request.source_ip,
        "aws:securetransport": "true" if request.scheme == "https" else "false",
        "aws:currenttime": moment.isoformat(),
        "aws:epochtime": str(int(now)),
    }
    for key, header in (("aws:useragent", "user-agent"), ("aws:referer", "referer")):
        value = request.header(header)
        if value:
            facts[key] = value
    return facts


def judge(exchange: Exchange, policy: str, resource: str) -> Verdict:
    """What the policy says of the request. Raises the 403 of an explicit deny."""
    account = exchange.account if exchange.signed else None  # whoever signs is of the API's account here
    verdict = evaluate(_parsed(policy), resource, facts=facts_of(exchange.request, exchange.now), account=account)
    exchange.trace.add("resource policy", resource=resource, verdict=verdict)
    if verdict == "explicit deny":
        raise _denied(resource, " with an explicit deny")
    return verdict


def demand(exchange: Exchange, verdict: Verdict, resource: str) -> None:
    """Raise the 403 unless the policy allows, or an authorizer will decide what it does not mention."""
    if verdict != "allow" and exchange.route.method["authorizationType"] not in _DECIDE:
        raise _denied(resource, " because no resource-based policy allows the execute-api:Invoke action")


def _denied(resource: str, why: str) -> Failure:
    """AWS's text, as users quote it; but for the last four digits the account is hidden."""
    parts = resource.split(":")
    parts[4] = "********" + parts[4][-4:]
    masked = ":".join(parts)
    return Failure(
        "ACCESS_DENIED", f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {masked}{why}"
    )


@functools.lru_cache(maxsize=256)
def _parsed(policy: str) -> Any:
    return json.loads(policy)
