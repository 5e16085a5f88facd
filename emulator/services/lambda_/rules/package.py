"""Whether bytes are a deployment package that is safe to unpack.

`check_package` decides by the archive's directory alone: whoever unpacks with `zipfile` reads no more of a member than
its declared size, so a bound on declared sizes bounds the whole. `check_content` then reads it. Nothing is written.
"""

from __future__ import annotations

import base64
import hashlib
import io
import stat
import struct
import zipfile
import zlib

from emulator.aws.errors import AwsError
from emulator.services.lambda_.rules import links
from emulator.services.lambda_.rules.errors import invalid_parameter, too_large

LARGEST_ZIPPED_BYTES = 52_428_800
LARGEST_UNZIPPED_BYTES = 262_144_000
MOST_MEMBERS = 100_000
"""Ours, not AWS's: a 50 MB archive could name a million empty files."""
FUNCTION_ROOT, LAYER_ROOT = "/var/task", "/opt"
"""Where a package is seen by the function it belongs to."""

_UNREADABLE = (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError, EOFError, OSError)
"""What `zipfile` raises, depending on where bytes are wrong."""


def code_sha256(package: bytes) -> str:
    """AWS's `CodeSha256`: base64 of the SHA-256."""
    return base64.b64encode(hashlib.sha256(package).digest()).decode()


def check_package(package: bytes, in_request: bool = True, root: str = FUNCTION_ROOT) -> None:
    """Raise AWS's error unless `package` is a zip of files and links that stay below its root [R:test_create_lambda_*].

    The limit on zipped bytes is for packages that come in the request.
    """
    if not package:
        raise invalid_parameter("Uploaded file must be a non-empty zip")
    if in_request and len(package) > LARGEST_ZIPPED_BYTES:
        raise too_large(f"Zipped size must be smaller than {LARGEST_ZIPPED_BYTES} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            members = archive.infolist()
            safe = len(members) <= MOST_MEMBERS and all(_is_safe(member) for member in members)
            found = [member for member in members if _is_link(member)] if safe else []
            targets = {member.filename: archive.read(member) for member in found[: links.MOST_LINKS]}
    except (*_UNREADABLE, zlib.error, RuntimeError):
        raise _not_a_zip() from None
    if not members:
        raise invalid_parameter("Uploaded file must be a non-empty zip")
    if not safe or len(targets) < len(found):
        raise _not_a_zip()
    if sum(member.file_size for member in members) >= LARGEST_UNZIPPED_BYTES:
        raise invalid_parameter(f"Unzipped size must be smaller than {LARGEST_UNZIPPED_BYTES} bytes")
    if _has_file_as_folder(members):
        raise _not_a_zip()
    if targets:
        others = {links.path_of(member.filename) for member in members if not _is_link(member)}
        by_place = {links.path_of(name): target.decode("utf-8", "surrogateescape") for name, target in targets.items()}
        if len(by_place) < len(targets) or by_place.keys() & others or not links.stay_inside(by_place, root):
            raise _not_a_zip()


def check_content(package: bytes) -> None:
    """Raise AWS's error unless every member of a package that `check_package` let through can be read.

    Reads everything (250 MB at most), so whoever is in a hurry calls it in a thread.
    """
    left = LARGEST_UNZIPPED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            for member in archive.infolist():
                with archive.open(member) as source:
                    while chunk := source.read(1 << 20):
                        left -= len(chunk)
                        if left < 0:
                            raise invalid_parameter(
                                f"Unzipped size must be smaller than {LARGEST_UNZIPPED_BYTES} bytes"
                            )
    except (*_UNREADABLE, zlib.error, RuntimeError):
        raise _not_a_zip() from None


def _is_safe(member: zipfile.ZipInfo) -> bool:
    """An ordinary file or folder, readable by `zipfile`, that stays below the folder it is unpacked into."""
    name = member.filename.replace("\\", "/")
    parts = name.rstrip("/").split("/")
    mode = member.external_attr >> 16
    return (
        name != ""
        and "\0" not in member.orig_filename
        and not name.startswith("/")
        and ":" not in parts[0]
        and all(part != ".." and len(part.encode("utf-8", "replace")) <= 255 for part in parts)
        and len(name) <= 3000
        and not member.flag_bits & 0x1  # encrypted
        and member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        and stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
        and not (_is_link(member) and (member.is_dir() or member.file_size > links.LONGEST_LINK_BYTES))
    )


def _has_file_as_folder(members: list[zipfile.ZipInfo]) -> bool:
    """Whether something is below a file. In their order, what begins with a path comes right behind it."""
    paths = sorted({(links.path_of(member.filename), member.is_dir()) for member in members})
    return any(
        not is_folder and (path == () or following[: len(path)] == path)
        for (path, is_folder), (following, _) in zip(paths, [*paths[1:], (("/",), True)], strict=True)
    )


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _not_a_zip() -> AwsError:
    return invalid_parameter("Could not unzip uploaded file. Please check your file, then try to upload again.")
