"""What SES puts into a message on its way out: tracked links and a picture, links by which to leave a list. Pure.

How HTML is changed is tracking.py's; here it is found in what a caller composed, or in the bytes a caller wrote.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.services.ses import mime
from emulator.services.ses.model import Draft
from emulator.services.ses.tracking import UNSUBSCRIBE_PATH, UNSUBSCRIBE_PLACEHOLDER, Link, Tracking, instrumented


class Additions:
    """The additions to one message; `links` and `tracked` are known once they have been made."""

    def __init__(self, wanted: Tracking, listed: bool, base_url: str, message_id: str) -> None:
        self._wanted = wanted
        self._listed = listed
        self._base_url = base_url
        self._message_id = message_id
        self.links: list[Link] = []
        self.tracked = False

    @property
    def _leaving(self) -> str:
        return f"{self._base_url}{UNSUBSCRIBE_PATH}{self._message_id}"

    @property
    def _headers(self) -> tuple[tuple[str, str], ...]:
        """How mail programs let people leave a list (RFC 2369, RFC 8058)."""
        return ("List-Unsubscribe", f"<{self._leaving}>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")

    def to_draft(self, draft: Draft) -> Draft:
        """The draft with all additions; the same one if there are none."""
        if self._listed:
            own = {name.lower() for name, _ in self._headers}
            kept = tuple(each for each in draft.headers if each[0].lower() not in own)
            text = self._text(draft.text) if draft.text is not None else None
            draft = replace(draft, headers=(*kept, *self._headers), text=text)
        if draft.html is not None and (self._wanted or self._listed):
            draft = replace(draft, html=self._html(draft.html))
        return draft

    def to_raw(self, raw: bytes) -> bytes:
        """A complete message with all additions."""
        changed = mime.with_texts(raw, self._text if self._listed else None, self._html)
        return mime.with_headers(changed, self._headers) if self._listed else changed

    def _text(self, text: str) -> str:
        return text.replace(UNSUBSCRIBE_PLACEHOLDER, self._leaving) if self._listed else text

    def _html(self, html: str) -> str:
        html = self._text(html)
        if not self._wanted:
            return html
        html, links = instrumented(html, self._wanted, self._base_url, self._message_id, len(self.links))
        self.links += links
        self.tracked = True
        return html
