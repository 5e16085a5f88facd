"""Deployment packages: what is refused, before anything is written."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from emulator.adapters.runtime import packages
from emulator.adapters.runtime.aws_paths import seal
from emulator.adapters.runtime.packages import InvalidPackage, Packages, extract, merge


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members:
            target.writestr(name, data)
    return buffer.getvalue()


def link(name: str = "link") -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
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
        archive((link(), b"../outside")),
        archive((link(), b"/var/task/../outside")),
        archive((link("a"), b"."), (link("b"), b"a/../outside")),
        archive((link("a"), b".."), ("a/up.py", b"")),
        archive((link("a"), b"/etc"), ("a/up.py", b"")),
        archive((link("a"), b"x"), ("a/b.py", b"")),
        archive((link("a"), b"x"), (link("./a"), b"y")),
        archive((link(), b"x" * 5000)),
        archive((link(), b"a\0b")),
        archive((link(), b"")),
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


def test_links_are_kept_and_absolute_ones_lead_to_where_the_package_is(tmp_path: Path) -> None:
    extract(
        archive(
            (link("lib/z.so"), b"z.so.1"),
            ("lib/z.so.1", b"z"),
            (link("lib/abs"), b"/opt/lib/z.so"),
            (link("r"), b"/opt"),
        ),
        tmp_path / "code",
    )
    assert (tmp_path / "code/lib/z.so").readlink() == Path("z.so.1")
    assert (tmp_path / "code/r/lib/abs").read_bytes() == b"z"


def test_links_of_layers_are_merged_as_links_and_may_not_lead_outside_together(tmp_path: Path) -> None:
    extract(archive(("d/x", b"1"), (link("l"), b"d/../y"), (link("lib"), b"d"), ("y", b"y")), tmp_path / "one")
    extract(archive(("lib/z", b"2")), tmp_path / "two")
    extract(archive((link("d"), b".")), tmp_path / "three")
    merge([tmp_path / "one", tmp_path / "two"], tmp_path / "merged")
    assert (tmp_path / "merged/l").read_bytes() == b"y" and (tmp_path / "merged/l").is_symlink()
    assert [path.name for path in (tmp_path / "merged/lib").iterdir()] == ["z"]
    assert not (tmp_path / "one/d/z").exists()
    with pytest.raises(InvalidPackage):
        merge([tmp_path / "one", tmp_path / "three"], tmp_path / "escaped")


def test_read_only_packages_are_removed_at_the_next_start(tmp_path: Path) -> None:
    extract(archive(("deep/er/app.py", b"")), tmp_path / "code" / "one")
    seal(str(tmp_path / "code" / "one"))
    assert (tmp_path / "code/one/deep/er/app.py").stat().st_mode & 0o222 == 0
    assert (tmp_path / "code/one").stat().st_mode & 0o222 == 0
    Packages(tmp_path / "code")
    assert not (tmp_path / "code").exists()
