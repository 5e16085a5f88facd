"""Deployment packages and layers on disk: extracted once per content, safely, visible only when complete.

Refuses before anything is written: absolute paths, `..`, devices, too much content. Links are made last, so that
nothing is written through one, and only if the file system itself says that they lead nowhere outside. Which packages
AWS accepts is the service's to say, before they are stored (`services/lambda_/rules/package.py`, `links.py`); this is
what protects the machine when they are unpacked.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path, PurePosixPath

from emulator.ports import CodeSource

MAXIMUM_UNZIPPED_BYTES = 262_144_000
"""AWS's 250 MB."""
MAXIMUM_FILES = 100_000
LONGEST_LINK_BYTES = 4096
OWN_PATHS = ("/var/task", "/opt")
"""Where links of a package may lead absolutely; which of the two is meant, the service's rules have seen to."""


class InvalidPackage(Exception):
    """The zip cannot be a deployment package; the text says why."""


class Packages:
    """The folder of extracted packages. What an earlier emulator left there is removed at the start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        remove_tree(folder)
        self._locks: dict[str, asyncio.Lock] = {}

    async def extracted(self, sha256: str, load: Callable[[], Awaitable[bytes]]) -> Path:
        """The folder with the package's content. Raises InvalidPackage."""
        path = self._folder / _folder_name(sha256)
        if path.is_dir():
            return path
        async with self._lock(path):
            if not path.is_dir():
                data = await load()
                await asyncio.get_running_loop().run_in_executor(None, extract, data, path)
        return path

    async def merged(self, layers: Sequence[CodeSource]) -> Path | None:
        """One folder with the content of all layers, later ones win: AWS's /opt. Raises InvalidPackage."""
        if not layers:
            return None
        folders = [await self.extracted(layer.sha256, layer.load) for layer in layers]
        if len(folders) == 1:
            return folders[0]
        combination = hashlib.sha256("\n".join(layer.sha256 for layer in layers).encode()).hexdigest()
        path = self._folder / f"layers-{combination}"
        async with self._lock(path):
            if not path.is_dir():
                await asyncio.get_running_loop().run_in_executor(None, merge, folders, path)
        return path

    def close(self) -> None:
        """Remove what was extracted: it may be read-only, which is in the way of who removes the data folder."""
        remove_tree(self._folder)

    def _lock(self, path: Path) -> asyncio.Lock:
        return self._locks.setdefault(path.name, asyncio.Lock())


def _folder_name(sha256: str) -> str:
    return re.sub(r"[^A-Za-z0-9=_-]", lambda match: f".{ord(match[0]):02x}", sha256)


def merge(folders: Sequence[Path], path: Path) -> None:
    """Make `path` of the folders' files, as links to them, so that it costs no space. Later ones win."""
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for folder in folders:
        for parent, subfolders, names in os.walk(folder):
            target = partial / Path(parent).relative_to(folder)
            if target.is_symlink() or target.is_file():
                target.unlink()
            target.mkdir(parents=True, exist_ok=True)
            for name in (*names, *(each for each in subfolders if Path(parent, each).is_symlink())):
                source, place = Path(parent, name), target / name
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                place.unlink(missing_ok=True)
                if source.is_symlink():
                    place.symlink_to(source.readlink())
                else:
                    os.link(source, place)
    for parent, subfolders, names in os.walk(partial):  # one layer's link may lead through what another has replaced
        for name in (*subfolders, *names):
            _check_link(Path(parent, name), partial)
    partial.replace(path)


def remove_tree(folder: Path) -> None:
    """Remove a folder and everything in it, read-only or not (`aws_paths.seal`); what cannot be removed stays."""
    for parent, _, _ in os.walk(folder):  # top down: to go into a folder needs permission
        with contextlib.suppress(OSError):
            if not os.access(parent, os.W_OK):
                Path(parent).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def extract(data: bytes, path: Path) -> None:
    """Unpack into `path`, which appears complete or not at all. Raises InvalidPackage."""
    links: list[tuple[Path, str]] = []
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        message = "Could not unzip uploaded file. Please check your file, then try to upload again."
        raise InvalidPackage(message) from error
    with archive:
        members = archive.infolist()
        _check(members)
        partial = path.with_name(path.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        budget = MAXIMUM_UNZIPPED_BYTES
        try:
            for member in members:
                target = partial / member.filename
                if member.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                if _is_link(member):
                    links.append((target, _inside(archive.read(member), PurePosixPath(member.filename))))
                    continue
                with archive.open(member) as source, target.open("wb") as sink:
                    while chunk := source.read(1 << 20):
                        budget -= len(chunk)
                        if budget < 0:  # the directory of the archive lied
                            raise InvalidPackage(f"Unzipped size must be smaller than {MAXIMUM_UNZIPPED_BYTES} bytes")
                        sink.write(chunk)
                if (member.external_attr >> 16) & 0o111:
                    target.chmod(0o755)
            for place, destination in links:
                place.symlink_to(destination)  # an OSError if something is there
            for place, _ in links:
                _check_link(place, partial)
            partial.replace(path)
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            RuntimeError,
            NotImplementedError,
            EOFError,
            ValueError,
        ) as error:
            raise InvalidPackage(f"Could not unzip uploaded file: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _check(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAXIMUM_FILES:
        raise InvalidPackage(f"The package has more than {MAXIMUM_FILES} files")
    if sum(member.file_size for member in members) > MAXIMUM_UNZIPPED_BYTES:
        raise InvalidPackage(f"Unzipped size must be smaller than {MAXIMUM_UNZIPPED_BYTES} bytes")
    for member in members:
        name = PurePosixPath(member.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in member.filename or "\0" in member.filename:
            raise InvalidPackage(f"The package has an unsafe path: {member.filename!r}")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            raise InvalidPackage(f"The package has a special file: {member.filename!r}")
        if kind == stat.S_IFLNK and member.file_size > LONGEST_LINK_BYTES:
            raise InvalidPackage(f"The package has a link that leads nowhere: {member.filename!r}")


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _inside(content: bytes, name: PurePosixPath) -> str:
    """Where a link leads, relative to itself: AWS's paths of the package mean its own folder, wherever that is."""
    destination = os.fsdecode(content)
    for root in OWN_PATHS:
        if destination == root or destination.startswith(f"{root}/"):
            return "../" * (len(name.parts) - 1) + (destination.removeprefix(root).lstrip("/") or ".")
    if not destination or "\0" in destination or destination.startswith("/"):
        raise InvalidPackage(f"The package has a link that leads outside: {str(name)!r}")
    return destination


def _check_link(place: Path, root: Path) -> None:
    """Raise InvalidPackage unless the file system says that a link ends below `root`, or in nothing there."""
    if place.is_symlink():
        end, top = os.path.realpath(place), os.path.realpath(root)
        if end != top and not end.startswith(f"{top}/"):
            raise InvalidPackage(f"The package has a link that leads outside: {str(place.relative_to(root))!r}")
