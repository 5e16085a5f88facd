"""What SES changes in a message's HTML to hear of opens and clicks, and links by which recipients leave a list. Pure.

A picture at the end (or at `{{ses:openTracker}}`) tells of opens; links lead through this emulator, which sends readers
on. Links in plain text, and those with `ses:no-track`, stay (SES developer guide, "Email sending metrics FAQs") [D].
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape, unescape

OPEN_PLACEHOLDER = "{{ses:openTracker}}"
UNSUBSCRIBE_PLACEHOLDER = "{{amazonSESUnsubscribeUrl}}"
PLACEHOLDERS = {"ses:openTracker": OPEN_PLACEHOLDER, "amazonSESUnsubscribeUrl": UNSUBSCRIBE_PLACEHOLDER}
"""What templates leave in place, because it is filled in when the message is accepted."""
MOST_LINKS = 250
"""Of a message that are tracked [D]."""
OPENED_PATH = "/_emulator/opened/"
CLICKED_PATH = "/_emulator/clicked/"
UNSUBSCRIBE_PATH = "/_emulator/unsubscribe/"
TRACKED_SECONDS = 60 * 86_400.0
"""How long after sending SES collects opens and clicks [D]."""
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b")
"""A transparent GIF of one pixel."""

_ANCHOR = re.compile(r"<a\s([^<>]{0,16384})>", re.IGNORECASE)
_HREF = re.compile(r"""(?<![\w:-])href\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_NO_TRACK = re.compile(r"""\s?(?<![\w:-])ses:no-track(\s*=\s*("[^"]*"|'[^']*'))?""", re.IGNORECASE)
_TAGS = re.compile(r"""\s?(?<![\w:-])ses:tags\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_TAG = re.compile(r"([A-Za-z0-9_-]{1,256}):([A-Za-z0-9_-]{1,256})")


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is tracked: where it leads, and how its author tagged it."""

    url: str
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tracking:
    """What of a message is to be heard of."""

    opens: bool
    clicks: bool

    def __bool__(self) -> bool:
        return self.opens or self.clicks


def instrumented(html: str, wanted: Tracking, base_url: str, message_id: str, first: int = 0) -> tuple[str, list[Link]]:
    """The HTML as it is sent, and its links by their number from `first`."""
    links: list[Link] = []
    if wanted.clicks:

        def through_here(found: re.Match[str]) -> str:
            return _anchor(found[1], links, f"{base_url}{CLICKED_PATH}{message_id}/", first, base_url)

        html = _ANCHOR.sub(through_here, html)
    if wanted.opens:
        html = _with_pixel(html, f"{base_url}{OPENED_PATH}{message_id}")
    return html.replace(OPEN_PLACEHOLDER, ""), links


def _anchor(attributes: str, links: list[Link], prefix: str, first: int, base_url: str) -> str:
    bare = _TAGS.sub("", _NO_TRACK.sub("", attributes))
    href = _HREF.search(bare)
    url = unescape((href[1] if href[1] is not None else href[2]).strip()) if href is not None else ""
    tracked = url.lower().startswith(("http://", "https://")) and not _NO_TRACK.search(attributes)
    own = url.startswith(base_url + UNSUBSCRIBE_PATH) or "{{" in url
    if href is None or not tracked or own or first + len(links) >= MOST_LINKS:
        return f"<a {bare}>"
    tags = _TAGS.search(attributes)
    given = ((tags[1] if tags[1] is not None else tags[2]) if tags is not None else "") or ""
    pairs = tuple((found[1], found[2]) for each in given.split(";") if (found := _TAG.fullmatch(each.strip())))
    links.append(Link(url, pairs))
    through = f"{prefix}{first + len(links) - 1}"
    return f'<a {bare[: href.start()]}href="{escape(through)}"{bare[href.end() :]}>'


def _with_pixel(html: str, address: str) -> str:
    pixel = f'<img alt="" src="{escape(address)}" style="display: none; width: 1px; height: 1px;">'
    if OPEN_PLACEHOLDER in html:
        return html.replace(OPEN_PLACEHOLDER, pixel, 1)
    end = html.lower().rfind("</body>")
    return html + pixel if end < 0 else html[:end] + pixel + html[end:]


def link_tags(link: Link) -> dict[str, list[str]] | None:
    """`linkTags` of a Click record."""
    found: dict[str, list[str]] = {}
    for name, value in link.tags:
        found.setdefault(name, []).append(value)
    return found or None
