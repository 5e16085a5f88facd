"""A function that runs from a folder: the next invocation runs what the folder contains then."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from emulator.adapters.runtime.source import fingerprint
from emulator.ports import FunctionSpec, InvocationResult
from emulator.settings import LiveSettings
from tests.ports.functions import Bench, error_of, function, invocation, texts, until


def returning(value: object) -> str:
    return f"def handler(event, context):\n    return {value!r}\n"


def of_folder(folder: Path) -> FunctionSpec:
    return function("", source_directory=str(folder))


async def invoke(bench: Bench, folder: Path, event: Any = None) -> InvocationResult:
    result: InvocationResult = await bench.drive(bench.runtime.run(of_folder(folder), invocation(event)))
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.py").write_text(returning("first"))
    return source


def test_an_edited_function_answers_with_the_new_code(on_each: Any, folder: Path) -> None:
    async def test(bench: Bench) -> None:
        for value in ("first", "again", "third"):  # of one size, within one second
            (folder / "app.py").write_text(returning(value))
            assert (await invoke(bench, folder)).payload == f'"{value}"'.encode()

    on_each(test)


def test_an_edited_module_that_the_handler_imports_counts_too(on_each: Any, folder: Path) -> None:
    async def test(bench: Bench) -> None:
        (folder / "lib").mkdir()
        (folder / "app.py").write_text("from lib import part\ndef handler(event, context):\n    return part.x\n")
        for number in range(3):
            (folder / "lib" / "part.py").write_text(f"x = {number}\n")
            assert (await invoke(bench, folder)).payload == str(number).encode()

    on_each(test)


def test_unedited_code_stays_warm_and_nothing_is_written_beside_it(on_processes: Any, folder: Path) -> None:
    async def test(bench: Bench) -> None:
        (folder / "app.py").write_text("import os\ndef handler(event, context):\n    return os.getpid()\n")
        first = (await invoke(bench, folder)).payload
        assert (await invoke(bench, folder)).payload == first
        assert os.listdir(folder) == ["app.py"]  # noqa: ASYNC240 — a local folder, read at once

    on_processes(test)


def test_an_invocation_under_way_ends_on_the_code_it_began_with(on_processes: Any, folder: Path) -> None:
    async def test(bench: Bench) -> None:
        source = "import time\ndef handler(event, context):\n    time.sleep(2)\n    return 'old'\n"
        (folder / "app.py").write_text(source)
        running = asyncio.ensure_future(bench.runtime.run(of_folder(folder), invocation()))
        await until(lambda: bench.clock.next_sleeper() is not None)
        (folder / "app.py").write_text(returning("new"))
        new = asyncio.ensure_future(bench.runtime.run(of_folder(folder), invocation()))
        results = await bench.drive(asyncio.gather(running, new))
        assert [result.payload for result in results] == [b'"old"', b'"new"']

    on_processes(test)


def test_code_that_cannot_be_loaded_is_a_function_error_and_shown_on_the_console(
    on_processes: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(bench: Bench) -> None:
        assert (await invoke(bench, folder)).payload == b'"first"'
        (folder / "app.py").write_text("def handler(:\n")
        assert error_of(await invoke(bench, folder))["errorType"] == "Runtime.UserCodeSyntaxError"
        (folder / "app.py").write_text(returning("mended"))
        assert (await invoke(bench, folder)).payload == b'"mended"'

    with caplog.at_level(logging.WARNING, "emulator.functions"):
        on_processes(test)
    (record,) = caplog.records
    assert "reports cannot be loaded from" in record.message and "Syntax error in module 'app'" in record.message


def test_the_last_good_code_answers_meanwhile_if_the_user_wants_that(
    on_processes: Any, folder: Path, settings: LiveSettings
) -> None:
    settings.hot_reload_keep_last_good = True

    async def test(bench: Bench) -> None:
        assert (await invoke(bench, folder)).payload == b'"first"'
        (folder / "app.py").write_text("def handler(:\n")
        for _ in range(2):
            result = await invoke(bench, folder)
            assert result.payload == b'"first"'
            assert any("; the code before it answers" in text for text in texts(result))
        (folder / "app.py").write_text(returning("mended"))
        assert (await invoke(bench, folder)).payload == b'"mended"'
        (folder / "app.py").write_text("def handler(:\n")
        assert (await invoke(bench, folder)).payload == b'"mended"'

    on_processes(test)


def test_a_folder_that_is_gone_is_a_function_error(on_each: Any, tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        result = await invoke(bench, tmp_path / "nowhere")
        assert "nowhere" in error_of(result)["errorMessage"]

    on_each(test)


def test_a_folder_that_is_removed_leaves_the_code_that_was_in_it(on_processes: Any, folder: Path) -> None:
    async def test(bench: Bench) -> None:
        assert (await invoke(bench, folder)).payload == b'"first"'
        elsewhere = folder.rename(folder.with_name("elsewhere"))  # noqa: ASYNC240
        for _ in range(2):
            result = await invoke(bench, folder)
            assert result.payload == b'"first"'
            assert any("the folder of the code cannot be read" in text for text in texts(result))
        elsewhere.rename(folder)  # noqa: ASYNC240
        (folder / "app.py").write_text(returning("second"))
        assert (await invoke(bench, folder)).payload == b'"second"'

    on_processes(test)


# ── the look at a folder ────────────────────────────────────────────────────────────────────────


def test_what_changes_the_fingerprint_of_a_folder(folder: Path) -> None:
    seen = {fingerprint(folder)}

    def changed() -> bool:
        before = len(seen)
        seen.add(fingerprint(folder))
        return len(seen) > before

    assert not changed()
    (folder / "new.txt").write_text("x")
    assert changed()
    os.utime(folder / "new.txt", ns=(1, 1))
    assert changed()
    (folder / "new.txt").rename(folder / "other.txt")
    assert changed()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "app.cpython-311.pyc").write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("x")
    assert not changed()


def test_links_are_followed_and_circles_end(folder: Path, tmp_path: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "nothing").symlink_to(folder / "missing")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "back").symlink_to(folder)
    (folder / "shared").symlink_to(shared)
    before = fingerprint(folder)
    (shared / "part.py").write_text("x")
    assert fingerprint(folder) != before
