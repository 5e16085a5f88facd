"""A handler as one deploys it to AWS."""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Render a report."""
    print(f"rendering report {event['report']}")
    return {"rendered": event["report"]}
