"""Type MOCK: nobody is called; the request template's `statusCode` is the answer (3.13). Pure."""

from __future__ import annotations

import re

from emulator.services.apigateway.gateway.failures import configuration_error
from emulator.services.apigateway.gateway.responses import EndpointAnswer

_STATUS_CODE = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})["']?\s*[,}]""")


def mocked(rendered: bytes) -> EndpointAnswer:
    """The answer that a rendered template asks for; its JSON is read leniently, as on AWS. Raises the 500."""
    found = _STATUS_CODE.search(rendered.decode("utf-8", "replace"))
    if found is None:
        raise configuration_error(
            "Unable to parse statusCode. It should be an integer that is defined in the request template."
        )
    return EndpointAnswer(found.group(1), int(found.group(1)), [], b"")
