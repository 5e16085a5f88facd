"""Which links of a message are tracked, and what its HTML becomes."""

from __future__ import annotations

import pytest

from emulator.services.ses.tracking import Link, Tracking, instrumented

HERE = "http://here"
BOTH = Tracking(True, True)


@pytest.mark.parametrize(
    ("html", "links"),
    [
        ('<a href="https://e.com/">x</a>', [Link("https://e.com/")]),
        ("<A title='>' HREF = 'http://e.com/?a=1&amp;b=2' >x</A>", []),  # a bracket in an attribute: left alone
        ("<A HREF = 'http://e.com/?a=1&amp;b=2' >x</A>", [Link("http://e.com/?a=1&b=2")]),
        ('<a data-href="https://e.com/">x</a>', []),
        ('<a href="#top">x</a><a href="javascript:x()">y</a><a href="mailto:a@b.c">z</a>', []),
        ('<a href="https://e.com/" ses:no-track>x</a>', []),
        (
            '<a ses:tags="a:b;bad tag:x;c:d" href="https://e.com/">x</a>',
            [Link("https://e.com/", (("a", "b"), ("c", "d")))],
        ),
        ("<a href=https://e.com/>unquoted stays</a>", []),
        ("<abbr href='https://e.com/'>x</abbr>", []),
    ],
)
def test_links_to_the_web_are_tracked_unless_their_author_minds(html: str, links: list[Link]) -> None:
    changed, found = instrumented(html, BOTH, HERE, "m")
    assert found == links
    assert changed.count("http://here/_emulator/clicked/m/") == len(links)
    assert "ses:" not in changed


def test_two_hundred_and_fifty_links_are_tracked() -> None:
    _, links = instrumented('<a href="https://e.com/">x</a>' * 300, BOTH, HERE, "m")
    assert len(links) == 250


def test_the_picture_stands_where_it_is_asked_for_or_at_the_end() -> None:
    only = Tracking(True, False)
    assert instrumented("<body>x</body>", only, HERE, "m")[0].startswith('<body>x<img alt="" src="http://here/')
    twice = instrumented("{{ses:openTracker}}x{{ses:openTracker}}", only, HERE, "m")[0]
    assert (twice.startswith("<img"), twice.count("<img"), twice.endswith("x")) == (True, 1, True)
    assert instrumented("x{{ses:openTracker}}", Tracking(False, True), HERE, "m") == ("x", [])


def test_html_that_never_ends_costs_no_more_than_its_length() -> None:
    html = "<a href='" * 200_000
    assert instrumented(html, BOTH, HERE, "m")[1] == []
