"""Snapshots: everything an emulator keeps, or all of one account, as a file that another can go on from.

A snapshot is what a kill at that moment would leave: all that is committed, jobs that were running included, which run
again. Decides what is in the file and who may read it. A file holds functions, and restoring it runs them: it is to be
trusted like the code of one's own project.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from emulator import __version__, worlds
from emulator.control_clock import Refused, is_number
from emulator.faults import FaultPlan
from emulator.ports import Transaction
from emulator.settings import LiveSettings

if TYPE_CHECKING:
    from emulator.app import Emulator

FORMAT = 1
_ABOUT, _STORE, _LIBRARY = "snapshot.json", "store.db", "library.pickle"
_LATEST = 253_370_764_800.0
"""The year 9999: no time of AWS is later."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a snapshot without restoring it."""

    format: int
    version: str
    """Of the emulator that saved it."""
    account: str
    """Whose it is; empty if everybody's."""
    now: float
    """AWS time at which it was saved."""
    base_url: str
    """Where that emulator answered: addresses in what it keeps are rewritten."""
    region: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    """Live settings that were not as ever."""


async def save(emulator: Emulator, account: str = "") -> bytes:
    """Everything, or an account's without the other worlds'. Raises Refused for what cannot be written."""
    if account and not any(world.account == account for world in await emulator.store.read(worlds.alive)):
        raise Refused(404, f"there is no world {account}; GET /_emulator/worlds lists them")
    # First the store: what a delegated service is asked meanwhile is asked again by the job that did, and not lost.
    store = emulator.sqlite.copy(_without_others(account))
    library, problem = await emulator.supporting.save(account)
    if problem:
        raise Refused(409, problem)
    changed = {
        name: item["value"] for name, item in emulator.live.describe().items() if item["value"] != item["default"]
    }
    region, now = emulator.settings.region, emulator.clock.now()
    about = About(FORMAT, __version__, account, now, emulator.base_url, region, changed)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_ABOUT, json.dumps(asdict(about), indent=2))
        archive.writestr(_STORE, store)
        archive.writestr(_LIBRARY, library)
    return file.getvalue()


async def restore(emulator: Emulator, content: bytes, faults: FaultPlan | None = None) -> About:
    """Forget everything and go on from a snapshot. AWS time never goes back: what is overdue then, runs at once.

    `faults` are in force for its account before anything runs.

    Raises Refused for what is none, for what is damaged, and for what another version has saved: all of it is read and
    checked before anything is changed.
    """
    found, store, library = _contents(content)

    def change(tx: Transaction) -> None:
        if found.account and not any(world.account == found.account for world in worlds.alive(tx)):
            raise Refused(400, f"the snapshot is of the world {found.account}, which is not in it")
        _rewrite_addresses(tx, found.base_url, emulator.base_url)

    try:
        kept = await emulator.supporting.read(library)
    except ValueError as problem:
        raise Refused(400, f"the snapshot's delegated services cannot be restored: {problem}") from None
    try:
        LiveSettings().change(found.settings)
    except ValueError as problem:
        raise Refused(400, f"the snapshot's settings cannot be restored: {problem}") from None
    with ExitStack() as opened:
        try:
            copy = opened.enter_context(emulator.sqlite.copied(store, change))
        except ValueError as problem:
            advice = f"version {found.version} saved it, restore it with that one"
            raise Refused(400, f"the snapshot's store cannot be read: {problem}; {advice}") from None
        await emulator.reset()  # from here on nothing of the file can be wrong
        await emulator.supporting.put(kept)
        emulator.live.change(found.settings)
        if faults is not None:
            emulator.faults.put(faults, found.account)
        emulator.sqlite.replace(copy)
    await emulator.go_on_at(found.now)
    return found


async def restore_library(emulator: Emulator, content: bytes) -> None:
    """Of a snapshot, what delegated services kept, and no more."""
    await emulator.supporting.put(await emulator.supporting.read(_contents(content)[2]))


def about(content: bytes) -> About:
    """What a snapshot says of itself. Raises Refused for what is none."""
    return _contents(content)[0]


def _contents(content: bytes) -> tuple[About, bytes, bytes]:
    """What it says of itself, the store and the library's state. Raises Refused for what is none, or not whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            said = json.loads(archive.read(_ABOUT))
            if said["format"] == FORMAT:
                store, library = archive.read(_STORE), archive.read(_LIBRARY)
                return _checked(About(**said)), store, library
    except Exception:  # of foreign bytes zipfile raises what it likes
        raise Refused(400, "that is no snapshot of an emulator, or not a whole one") from None
    raise Refused(400, f"the snapshot is of format {said['format']}, this emulator reads format {FORMAT}")


def _checked(said: About) -> About:
    texts = (said.version, said.account, said.base_url, said.region)
    if not all(isinstance(text, str) for text in texts) or not isinstance(said.settings, dict):
        raise TypeError("a member of another type")
    if not is_number(said.now) or not 0 <= said.now < _LATEST or not urlsplit(said.base_url).netloc:
        raise ValueError("no time, or no address")
    return said


def _without_others(account: str) -> Callable[[Transaction], None]:
    def change(tx: Transaction) -> None:
        for world in worlds.alive(tx) if account else ():
            if world.account != account:
                worlds.end(tx, world.account)

    return change


def _rewrite_addresses(tx: Transaction, before: str, now: str) -> None:
    """Addresses of queues in the variables of functions, say, are of the emulator that keeps them now."""
    if before == now:
        return
    pairs = [(before.replace("localhost", host), now.replace("localhost", host)) for host in ("localhost", "127.0.0.1")]
    for table in worlds.tables(tx):
        columns = [row[1] for row in tx.execute(f'PRAGMA table_info("{table}")').fetchall()]
        for old, new in pairs:
            for column in columns:
                tx.execute(
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '
                    f'WHERE typeof("{column}") = \'text\' AND instr("{column}", ?)',
                    (f"{old}/", f"{new}/", f"{old}/"),
                )
