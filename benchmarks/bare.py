"""The floor: uvicorn answering 202 with nothing behind it, on the port given as argument."""

import sys
from typing import Any

import uvicorn

HEADERS = [(b"content-length", b"0")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and answer 202."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
