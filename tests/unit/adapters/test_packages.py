"""Deployment packages: what is refused, before anything is written."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from emulator.adapters.runtime import packages
from emulator.adapters.runtime.packages import InvalidPackage, extract


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members:
            target.writestr(name, data)
    return buffer.getvalue()


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "data",
    [
        b"not a zip",
        archive(("../up.py", b"")),
        archive(("a/../../up.py", b"")),
        archive(("/absolute.py", b"")),
        archive(("back\\slash.py", b"")),
        archive((link(), b"/etc/passwd")),
    ],
)
def test_an_unsafe_package_is_refused_and_nothing_is_written(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidPackage):
        extract(data, tmp_path / "code")
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAXIMUM_UNZIPPED_BYTES", 1000)
    with pytest.raises(InvalidPackage):
        extract(archive(("zeros", bytes(100_000))), tmp_path / "code")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidPackage):
        extract(archive(("a", b"x"), ("a/b", b"y")), tmp_path / "code")


def test_a_package_appears_with_its_folders_and_executables(tmp_path: Path) -> None:
    tool = zipfile.ZipInfo("bin/tool")
    tool.external_attr = (stat.S_IFREG | 0o755) << 16
    extract(archive(("lib/app.py", b"x = 1"), (tool, b"#!/bin/sh")), tmp_path / "code")
    assert (tmp_path / "code/lib/app.py").read_bytes() == b"x = 1"
    assert (tmp_path / "code/bin/tool").stat().st_mode & 0o111
