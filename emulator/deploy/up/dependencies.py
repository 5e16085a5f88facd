"""What functions require, installed once for each content of requirements.txt or package.json, and for each runtime.

Decides what is installed where, and by what; the project's folders are only read. What was installed stays in the
user's cache (`XDG_CACHE_HOME`, else ~/.cache), so that the next time needs no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.adapters.runtime.interpreters import Interpreter, Interpreters
from emulator.deploy.up import node_sdk
from emulator.deploy.up.packaging import LOCK, PACKAGE, REQUIREMENTS
from emulator.deploy.up.problem import Problem, shown

_LAST_LINES = 12
_INCLUDED = re.compile(r"\s*(?:-r|--requirement|-c|--constraint)[ =]\s*(\S+)")
_DEEPEST = 5
_SDK_VERSION = "^3"
"""Of the AWS SDK for JavaScript that runtimes bring, if the project names none for its tests."""
_QUIET_PIP = ("--no-input", "--disable-pip-version-check", "--no-warn-script-location", "--quiet")


class Dependencies:
    """Installs what functions require, and knows what runs them on this machine."""

    def __init__(self, pythons: Mapping[str, str], say: Callable[[str], None], cache: Path | None = None) -> None:
        """`pythons` are the configured interpreters by version; `say` prints what takes long."""
        self._interpreters = Interpreters(pythons)
        self._say = say
        self._cache = cache or _cache_folder()
        self._node: str | None = None

    def runs_on(self, runtime: str) -> str:
        """A runtime with what runs it here, if that is another version."""
        if re.fullmatch(r"python3\.\d+", runtime):
            found = self._interpreters.find(runtime.removeprefix("python"))
            return runtime if found.minor == runtime[6:] else f"{runtime} (on Python {found.version})"
        if runtime.startswith("nodejs"):
            version = self._node_version()
            if not version:
                return f"{runtime} (no node on PATH: cannot run)"
            major = runtime.removeprefix("nodejs").removesuffix(".x")
            return runtime if version.split(".")[0] == major else f"{runtime} (on Node.js {version})"
        return runtime if runtime.startswith("provided") else f"{runtime} (cannot run here)"

    def folder_of(self, code: Path, runtime: str, function: str) -> Path | None:
        """The folder with what the code requires; None if that is nothing, or lies beside it. Raises Problem."""
        if runtime.startswith("python") and (code / REQUIREMENTS).is_file():
            return self._python(code, runtime, function)
        if node_sdk.is_node(code, runtime):
            return self._node_packages(code, function)
        return None

    # ── Python ──

    def _python(self, code: Path, runtime: str, function: str) -> Path | None:
        texts = list(_requirements(code / REQUIREMENTS))
        if not any(line.strip() and not line.lstrip().startswith("#") for text in texts for line in text.splitlines()):
            return None
        minor = runtime.removeprefix("python")
        interpreter = self._interpreters.find(minor)
        key = _key("python", interpreter.minor, *texts)

        def install(target: Path) -> None:
            arguments = ["install", "--target", str(target), "-r", REQUIREMENTS, *_QUIET_PIP]
            self._run([*_pip(interpreter), *arguments], code, function, code / REQUIREMENTS)

        return self._once(key, f"{function}: installing requirements for Python {interpreter.minor}", install)

    # ── Node.js ──

    def _node_packages(self, code: Path, function: str) -> Path | None:
        text = (code / PACKAGE).read_text("utf-8") if (code / PACKAGE).is_file() else "{}"
        try:
            package = json.loads(text)
            dependencies: dict[str, Any] = package.get("dependencies") or {}
            wished: dict[str, Any] = package.get("devDependencies") or {}
        except (ValueError, AttributeError) as error:
            raise Problem(f"{shown(code / PACKAGE)} is no package.json: {error}.", None, function) from error
        sdk = {
            name: str(wished.get(name, _SDK_VERSION))
            for name in sorted(node_sdk.imported(code))
            if name not in dependencies and not _beside(code, name)
        }
        if sdk and shutil.which("npm"):
            try:
                return self._installed(code, function, text, dependencies, sdk)
            except Problem as problem:
                self._say(f"{function}: the AWS SDK of its runtime is not there: {problem}")
        return self._installed(code, function, text, dependencies, {})

    def _installed(
        self, code: Path, function: str, text: str, dependencies: dict[str, Any], sdk: dict[str, str]
    ) -> Path | None:
        """The folder with what a package.json requires and with the packages of the SDK; None if nothing is missing."""
        missing = [*(name for name in dependencies if not _beside(code, name)), *sdk]
        if not missing:
            return None
        wanted = {**dependencies, **sdk}
        places = {name: str(wanted[name]) for name in missing}
        local = [name for name, place in places.items() if place.startswith(("link:", "workspace:"))]
        if local:
            raise Problem(
                f"{', '.join(local)} of {shown(code / PACKAGE)} lies elsewhere on this machine.",
                None,
                function,
                f"Install it beside the code: npm install --prefix {shown(code)}",
            )
        npm = shutil.which("npm")
        if npm is None:
            raise Problem(
                f"{shown(code / PACKAGE)} requires {', '.join(missing)}, and there is no npm on PATH.",
                None,
                function,
                "Install npm, or put node_modules beside the code.",
            )
        lock = (code / LOCK).read_text("utf-8") if (code / LOCK).is_file() else ""
        beside = {name: _absolute(code, place) for name, place in places.items() if place.startswith(("file:", "."))}
        for name, place in beside.items():
            if not Path(place.removeprefix("file:")).exists():
                message = f"{shown(code / PACKAGE)} requires {name} from {places[name]}, which is not there."
                raise Problem(message, None, function)
        if beside:  # npm links what lies on this machine, and its lock names it by a relative path
            lock = ""
        as_written = not beside and not sdk
        if not as_written:
            text = json.dumps({"dependencies": {**wanted, **beside}})
        key = _key("node", self._node_version().split(".")[0], text, lock)

        def install(target: Path) -> None:
            (target / PACKAGE).write_text(text, "utf-8")
            if lock:
                (target / LOCK).write_text(lock, "utf-8")
            verb = "ci" if lock and as_written else "install"
            self._run(
                [npm, verb, "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"],
                target,
                function,
                code / PACKAGE,
            )

        what = f"packages of {PACKAGE}" if not sdk else f"{', '.join(sdk)}, which its runtime has at AWS"
        return self._once(key, f"{function}: installing {what}", install)

    def _node_version(self) -> str:
        if self._node is None:
            node = shutil.which("node")
            self._node = ""
            if node is not None:
                asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
                self._node = asked.stdout.strip().removeprefix("v")
        return self._node

    # ── the cache ──

    def _once(self, key: str, doing: str, install: Callable[[Path], None]) -> Path:
        """The folder of a key; it appears complete or not at all, whoever else installs the same."""
        folder = self._cache / key
        if folder.is_dir():
            return folder
        self._cache.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        self._say(f"{doing} …")
        made = Path(
            tempfile.mkdtemp(dir=self._cache, prefix="partial-")
        )  # as deep as its end: npm's links are relative
        try:
            made.chmod(0o755)
            install(made)
            made.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
        self._say(f"{doing}: done in {time.monotonic() - began:.1f} s")
        return folder

    def _run(self, command: list[str], folder: Path, function: str, file: Path) -> None:
        """Raises Problem with what the tool said last."""
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if ran.returncode:
            said = [line for line in (ran.stdout + ran.stderr).splitlines() if line.strip()][-_LAST_LINES:]
            raise Problem(f"what {shown(file)} requires cannot be installed:\n" + "\n".join(said), None, function)


def _pip(interpreter: Interpreter) -> list[str]:
    """pip of the Python that runs the function, or of any other that installs for it."""
    for python in (interpreter.executable, shutil.which("python3")):
        if python and _succeeds([python, "-m", "pip", "--version"]):
            own = python == interpreter.executable
            return [python, "-m", "pip", *([] if own else ["--python", interpreter.executable])]
    raise Problem(f"{interpreter.executable} has no pip.", next_step=f"{interpreter.executable} -m ensurepip")


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL).returncode == 0


def _requirements(file: Path, depth: int = 0) -> Iterator[str]:
    """The text of a requirements file, and of those it includes."""
    text = file.read_text("utf-8", "replace")
    yield text
    for match in map(_INCLUDED.match, text.splitlines()):
        included = file.parent / match.group(1) if match else None
        if included is not None and included.is_file() and depth < _DEEPEST:
            yield from _requirements(included, depth + 1)


def _beside(code: Path, name: str) -> bool:
    """Whether Node.js finds a package from the code's folder."""
    return any((parent / "node_modules" / name).exists() for parent in (code, *code.parents))


def _absolute(code: Path, place: str) -> str:
    """A package on this machine, named relative to the code, as npm finds it from anywhere."""
    return "file:" + os.path.normpath(code / place.removeprefix("file:"))


def _key(*parts: str) -> str:
    """A name for a content; another machine's packages are no use to this one."""
    machine = f"{platform.system()}-{platform.machine()}-{platform.libc_ver()[0]}"
    digest = hashlib.sha256("\0".join((machine, *parts)).encode()).hexdigest()
    return f"{parts[0]}{parts[1]}-{digest[:32]}"


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "async-gateway-emulator" / "required"
