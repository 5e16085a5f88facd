"""Deployment packages and layers on disk: extracted once per content, safely, visible only when complete.

Refuses before anything is written: absolute paths, `..`, links, devices, too much content.
"""

from __future__ import annotations

import asyncio
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


class InvalidPackage(Exception):
    """The zip cannot be a deployment package; the text says why."""


class Packages:
    """The folder of extracted packages. What an earlier emulator left there is removed at the start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
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
        for parent, _, names in os.walk(folder):
            target = partial / Path(parent).relative_to(folder)
            if target.is_file():
                target.unlink()
            target.mkdir(parents=True, exist_ok=True)
            for name in names:
                place = target / name
                if place.is_dir():
                    shutil.rmtree(place)
                place.unlink(missing_ok=True)
                os.link(Path(parent, name), place)
    partial.replace(path)


def extract(data: bytes, path: Path) -> None:
    """Unpack into `path`, which appears complete or not at all. Raises InvalidPackage."""
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
                with archive.open(member) as source, target.open("wb") as sink:
                    while chunk := source.read(1 << 20):
                        budget -= len(chunk)
                        if budget < 0:  # the directory of the archive lied
                            raise InvalidPackage(f"Unzipped size must be smaller than {MAXIMUM_UNZIPPED_BYTES} bytes")
                        sink.write(chunk)
                if (member.external_attr >> 16) & 0o111:
                    target.chmod(0o755)
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
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InvalidPackage(f"The package has a link or a special file: {member.filename!r}")
