"""What answers requests to function URLs: a request becomes an event, the function's result an HTTP response.

Everybody may call a function URL, pages of other sites too: this is no control plane.
"""

from emulator.services.lambda_.url_plane.plane import FunctionUrlPlane

__all__ = ["FunctionUrlPlane"]
