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
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from emulator import __version__, worlds
from emulator.control_clock import Refused
from emulator.faults import FaultPlan
from emulator.ports import Transaction

if TYPE_CHECKING:
    from emulator.app import Emulator

FORMAT = 1
_ABOUT, _STORE, _LIBRARY = "snapshot.json", "store.db", "library.pickle"


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
    library, problem = await emulator.supporting.save(account)
    if problem:
        raise Refused(409, problem)
    store = emulator.sqlite.copy(_without_others(account))
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

    Raises Refused for what is none, and then nothing is changed; only if delegated services cannot be restored,
    everything is forgotten by then.
    """
    found = about(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        store, library = archive.read(_STORE), archive.read(_LIBRARY)
    if not emulator.sqlite.can_read(store):
        raise Refused(400, "the snapshot was saved by a version with other tables; restore it with that one")
    await emulator.reset()
    try:
        await emulator.supporting.load(library)
    except ValueError as problem:
        raise Refused(400, f"the snapshot's delegated services cannot be restored: {problem}") from None
    emulator.live.change(found.settings)
    if faults is not None:
        emulator.faults.put(faults, found.account)
    emulator.sqlite.replace(store, lambda tx: _rewrite_addresses(tx, found.base_url, emulator.base_url))
    await emulator.go_on_at(found.now)
    return found


def about(content: bytes) -> About:
    """What a snapshot says of itself. Raises Refused for what is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            said = json.loads(archive.read(_ABOUT))
            complete = {_STORE, _LIBRARY} <= set(archive.namelist())
        if said["format"] != FORMAT or not complete:
            raise Refused(400, f"the snapshot is of format {said['format']}, this emulator reads format {FORMAT}")
        return About(**said)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError):
        raise Refused(400, "that is no snapshot of an emulator") from None


def library_of(content: bytes) -> bytes:
    """What of a snapshot delegated services kept."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(_LIBRARY)


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
