"""Whether the symbolic links of a package stay inside it.

AWS keeps links (`zip --symlinks`: `lib.so -> lib.so.1`, `node_modules/.bin`). Here they must lead to the package's own
files, or to nothing inside it: a package is unpacked on the user's machine. What AWS says of a link that leads outside
is unverified; here it is AWS's text for archives that cannot be unpacked. Pure: names in, a verdict out.
"""

from __future__ import annotations

from collections.abc import Mapping

MOST_LINKS = 10_000
MOST_FOLLOWED = 40
"""Linux's limit of links followed for one path."""
MOST_STEPS = 1_000_000
"""Of looking at all links of a package, so that none is expensive to refuse."""
LONGEST_LINK_BYTES = 4096

Path = tuple[str, ...]


def path_of(name: str) -> Path:
    """A member's place, without what says nothing: `./a//b` is `a/b`."""
    return tuple(part for part in name.split("/") if part not in ("", "."))


def stay_inside(links: Mapping[Path, str], root: str) -> bool:
    """Whether every link ends below the package's root, on its whole way, and none leads to itself.

    `links`: where each leads, by its place. `root`: the absolute path at which functions see the package.
    """
    if len(links) > MOST_LINKS:
        return False
    left = MOST_STEPS
    for place in links:
        taken = _steps(place, links, root, left)
        if taken is None:
            return False
        left -= taken
    return True


def _steps(link: Path, links: Mapping[Path, str], root: str, most: int) -> int | None:
    """How many steps it takes to follow a link to its end; None if that is outside, or nowhere, or too far."""
    here: list[str] = []
    todo = list(reversed(link))
    followed = steps = 0
    while todo:
        steps += 1
        if steps > most:
            return None
        part = todo.pop()
        if part == "..":
            if not here:
                return None
            here.pop()
            continue
        destination = links.get((*here, part))
        if destination is None:
            here.append(part)
            continue
        followed += 1
        if followed > MOST_FOLLOWED or not destination or "\0" in destination:
            return None
        if destination.startswith("/"):
            if destination != root and not destination.startswith(f"{root}/"):
                return None
            here, destination = [], destination.removeprefix(root)
        todo += reversed(path_of(destination))
    return steps
