"""The store on one host: SQLite in WAL mode, many changes of one loop turn in one commit.

`synchronous=NORMAL` survives a kill of the process at any instant; `fsync=True` survives power loss too.
Decides how changes are grouped and committed; knows no table but `sqlite_master`.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import random
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from emulator.ports import Clock, Cursor, Store, Transaction
from emulator.uuids import new_uuid, uuid_of

T = TypeVar("T")
log = logging.getLogger("emulator.store")
SCHEMA_VERSION = 7
LARGEST_GROUP = 256
POST_WAIT_SECONDS = 0.025
"""Host time for which posted records wait for the next commit to take them along. Else each costs a commit of its own
right behind the answer of a synchronous invocation, where the client's next request waits for it: 100 µs of 550."""
PAGES_BETWEEN_CHECKPOINTS = 4000
"""16 MiB of log before its pages move into the database, which waits for the disk: four times SQLite's default."""


class DataDirectoryInUse(Exception):
    """Another emulator serves this data directory; the message names its pid."""


class UnknownSchema(Exception):
    """The data was written by another version of the emulator."""


class StoreUnavailable(Exception):
    """The change could not be committed (disk full, for example); nothing of it is kept."""


class SqliteTransaction(Transaction):
    """The one transaction object of a store; it is reused, because only one change runs at a time."""

    def __init__(self, connection: sqlite3.Connection, seed: int | str | None) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()
        self._seeded = seed is not None
        self.now = 0.0
        self.wakes: list[tuple[str, float]] = []
        self.unmarked = False
        """A change of several in a commit has begun and written nothing yet: no savepoint to go back to is needed."""
        self.gathered: list[tuple[Callable[[Transaction, list[Any]], None], Any]] = []
        self.effects: list[Callable[[], None]] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        if self.unmarked:
            self._set_savepoint()
        return self._execute(sql, parameters)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if self.unmarked:
            self._set_savepoint()
        self._connection.executemany(sql, rows)

    def _set_savepoint(self) -> None:
        self.unmarked = False
        self._execute("SAVEPOINT change")

    @contextmanager
    def nested(self) -> Generator[None]:
        if self.unmarked:
            self._set_savepoint()
        before = self.mark()
        self._execute("SAVEPOINT nested")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # else a full disk: SQLite has undone everything already
                self._execute("ROLLBACK TO nested")
                self._execute("RELEASE nested")
            self.forget_since(before)
            raise
        self._execute("RELEASE nested")

    def new_id(self) -> str:
        if self._seeded:
            return uuid_of(f"{self._random.getrandbits(128):032x}")
        return new_uuid()

    def random(self) -> float:
        return self._random.random()

    def wake(self, due_at: float, kind: str = "") -> None:
        self.wakes.append((kind, due_at))

    def gather(self, write: Callable[[Transaction, list[Any]], None], item: Any) -> None:
        self.gathered.append((write, item))

    def after_commit(self, effect: Callable[[], None]) -> None:
        self.effects.append(effect)

    def mark(self) -> tuple[int, int, int]:
        """What `forget_since` goes back to."""
        return len(self.wakes), len(self.gathered), len(self.effects)

    def forget_since(self, mark: tuple[int, int, int]) -> None:
        """Drop what was noted after `mark` for the end of the transaction: it is undone."""
        del self.wakes[mark[0] :]
        del self.gathered[mark[1] :]
        del self.effects[mark[2] :]

    def write_gathered(self) -> None:
        """Let each writer write what all changes gave it."""
        while self.gathered:
            items: dict[Callable[[Transaction, list[Any]], None], list[Any]] = {}
            for write, item in self.gathered:
                items.setdefault(write, []).append(item)
            self.gathered.clear()
            for write, given in items.items():
                write(self, given)


class SqliteStore(Store):
    """`directory=None` keeps everything in memory. Raises `DataDirectoryInUse` or `UnknownSchema`."""

    def __init__(self, clock: Clock, directory: Path | None, fsync: bool = False, seed: int | None = None) -> None:
        self._clock = clock
        self._lock_file: int | None = None
        if directory is None:
            path = ":memory:"
        else:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock_file = _lock(directory)
            path = str(directory / "emulator.db")
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=512, check_same_thread=False)
        # Nobody else has business in this file (see `_lock`): without locks on it and the index of its log in shared
        # memory, a read costs 4 µs instead of 10 and a small commit 7 instead of 16.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            self._db.close()
            self._unlock()
            raise UnknownSchema(
                f"{path} has schema {version}, this emulator reads schema {SCHEMA_VERSION}; "
                "choose another --data directory or delete this one"
            )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BETWEEN_CHECKPOINTS}")
        self._db.execute(f"PRAGMA synchronous = {'FULL' if fsync else 'NORMAL'}")
        self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self.seed = seed
        """What random numbers follow from; another one for each start on the same data, or ids would come again."""
        if seed is not None and directory is not None and (before := self._count_start(self._db)):
            self.seed = f"{seed} after {before}"
        self._tx = SqliteTransaction(self._db, self.seed)
        self._waiting: deque[tuple[Callable[[Transaction], Any], asyncio.Future[Any] | None]] = deque()
        """Changes of the next commit in their order; nobody waits for those that were posted."""
        self._scheduled = False
        self._post_timer: asyncio.TimerHandle | None = None
        self._listeners: list[Callable[[Mapping[str, float]], None]] = []
        self.before_commit: Callable[[], None] = lambda: None
        """Called when a transaction is about to be committed; what it raises undoes all of it."""

    @staticmethod
    def _count_start(db: sqlite3.Connection) -> int:
        """How many stores have been opened on these data before this one."""
        db.execute("CREATE TABLE IF NOT EXISTS store_start (number INTEGER PRIMARY KEY)")
        (before,) = db.execute("SELECT count(*) FROM store_start").fetchone()
        db.execute("INSERT INTO store_start DEFAULT VALUES")
        return before

    def add_schema(self, ddl: str) -> None:
        self._db.executescript(ddl)

    def on_wake(self, listener: Callable[[Mapping[str, float]], None]) -> None:
        self._listeners.append(listener)

    async def transact(self, change: Callable[[Transaction], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((change, future))
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._flush)
        return await future

    def post(self, change: Callable[[Transaction], None]) -> None:
        self._waiting.append((change, None))
        if not self._scheduled and self._post_timer is None:
            self._post_timer = asyncio.get_running_loop().call_later(POST_WAIT_SECONDS, self._flush)

    async def read(self, query: Callable[[Transaction], T], behind: bool = False) -> T:
        while self._waiting and not behind:
            self._flush()
        self._tx.now = self._clock.now()
        return query(self._tx)

    async def reset(self) -> None:
        def delete_all(tx: Transaction) -> None:
            tables = tx.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            for (name,) in tables.fetchall():
                tx.execute(f'DELETE FROM "{name}"')

        await self.transact(delete_all)

    def dump(self) -> bytes:
        """Everything that is committed, as the bytes of a database."""
        return self._db.serialize()

    def restore(self, dumped: bytes) -> None:
        """Be what was dumped, by a store with the same schema."""
        self._db.deserialize(dumped)

    def copy(self, change: Callable[[Transaction], None]) -> bytes:
        """Everything that is committed, as the bytes of a database to which `change` was done. Of this, nothing."""
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            self._db.backup(copy)
            copy.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            change(SqliteTransaction(copy, None))
            copy.execute("VACUUM")
            return copy.serialize()

    @contextmanager
    def copied(self, content: bytes, change: Callable[[Transaction], None]) -> Generator[sqlite3.Connection]:
        """A database that was copied, read, checked and changed, for `replace`. Raises ValueError if it cannot be."""
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            try:
                if not content:
                    raise ValueError("it is empty")
                copy.deserialize(content)
                if copy.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION or _tables(copy) != _tables(
                    self._db
                ):
                    raise ValueError("it has other tables")
                if (found := copy.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                    raise ValueError(f"it is damaged: {found}")
                change(SqliteTransaction(copy, None))
            except sqlite3.Error as problem:
                raise ValueError(f"it is no database: {problem}") from None
            yield copy

    def replace(self, copy: sqlite3.Connection) -> None:
        """Be what was copied, in memory or on disk. What waits to be committed goes with what was."""
        while self._waiting:
            self._flush()
        copy.backup(self._db)

    def close(self) -> None:
        self._write_posted()
        self._db.close()
        self._unlock()

    def _flush(self) -> None:
        """Run the waiting changes, commit once, then let their callers go on."""
        self._scheduled = False
        if self._post_timer is not None:
            self._post_timer.cancel()
            self._post_timer = None
        if not self._waiting:  # a reader has not waited for the turn of the loop
            return
        tx = self._tx
        tx.now = self._clock.now()
        tx.wakes.clear()
        tx.gathered.clear()
        tx.effects.clear()
        group = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_GROUP))]
        try:
            answers = self._commit(group)
        except Exception as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            tx.unmarked = False
            unavailable = StoreUnavailable(f"the store cannot commit: {error}")
            answers = [(future, None, unavailable) for _, future in group]
            tx.wakes.clear()
            tx.effects.clear()
        for effect in tx.effects:
            try:
                effect()
            except Exception:  # ours; what is committed is answered all the same
                log.exception("an effect after a commit failed")
        for future, result, failure in answers:
            if future is None:
                if failure is not None:
                    log.error("a record could not be written", exc_info=failure)
            elif future.done():
                continue
            elif failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)
        if tx.wakes:
            earliest: dict[str, float] = {}
            for kind, due_at in tx.wakes:
                if due_at < earliest.get(kind, float("inf")):
                    earliest[kind] = due_at
            for listener in self._listeners:
                listener(earliest)
        if self._waiting and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _commit(
        self, group: Sequence[tuple[Callable[[Transaction], Any], asyncio.Future[Any] | None]]
    ) -> list[tuple[asyncio.Future[Any] | None, Any, Exception | None]]:
        """Run changes in one transaction and commit it; what became of each of them. Raises if nothing is kept."""
        tx, execute = self._tx, self._db.execute
        answers: list[tuple[asyncio.Future[Any] | None, Any, Exception | None]] = []
        alone = len(group) == 1  # then the transaction is all there is to undo
        execute("BEGIN IMMEDIATE")
        for change, future in group:
            if future is not None and future.cancelled():
                continue
            tx.unmarked = not alone
            before = tx.mark()
            try:
                answers.append((future, change(tx), None))
            except Exception as error:  # the change failed: it alone is undone, its caller hears why
                if not self._db.in_transaction:  # a full disk: SQLite has undone the whole group
                    raise
                tx.forget_since(before)
                answers.append((future, None, error))
                if alone:
                    execute("ROLLBACK")
                    return answers
                if not tx.unmarked:
                    execute("ROLLBACK TO change")
            if not alone and not tx.unmarked:
                execute("RELEASE change")
        tx.unmarked = False
        tx.write_gathered()
        self.before_commit()
        execute("COMMIT")
        return answers

    def _write_posted(self) -> None:
        """Commit what was posted and has found no company; who waits for an answer gets none any more."""
        posted = [(change, future) for change, future in self._waiting if future is None]
        self._waiting.clear()
        if self._post_timer is not None:
            self._post_timer.cancel()
            self._post_timer = None
        if not posted:
            return
        self._tx.now = self._clock.now()
        self._tx.gathered.clear()
        try:
            self._commit(posted)
        except Exception:
            log.exception("records could not be written")

    def _unlock(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


def _tables(db: sqlite3.Connection) -> set[tuple[str, str]]:
    """Names of tables with their columns, but for what only counts starts."""
    query = (
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name != 'store_start'"
    )
    return set(db.execute(query).fetchall())


def _lock(directory: Path) -> int:
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pid = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise DataDirectoryInUse(
            f"{directory} is in use by the emulator with pid {pid}; stop it, or choose another --data directory"
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    return handle
