"""The database: one engine, short transactions, and a schema that is checked before anything is touched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from newsroom.errors import ConfigError, SchemaTooNew, SchemaTooOld, StorageBusy
from newsroom.ports import Keyring
from storage.articles import Articles
from storage.chats import Chats
from storage.feeds import Feeds
from storage.inbox import Inbox
from storage.outbox import Outbox
from storage.settings import Settings

AUDIENCE_LOCK = 7_301_001  # PostgreSQL advisory lock: connecting and announcing take turns
TROUBLE = ("locked", "full", "disk", "unable to open", "readonly", "connection")  # in SQLite's words, or a driver's
TROUBLE_STATES = ("08", "28", "3D", "40", "53", "55", "57", "58")
"""SQLSTATE classes that are not ours to mend: connection, role, database, rollback, resources, locks, system"""


@dataclass(frozen=True, slots=True)
class Transaction:
    """The repositories over one open transaction; all of them commit together or not at all."""

    connection: AsyncConnection
    keyring: Keyring

    @property
    def articles(self) -> Articles:
        return Articles(self.connection)

    @property
    def feeds(self) -> Feeds:
        return Feeds(self.connection)

    @property
    def chats(self) -> Chats:
        return Chats(self.connection, self.keyring)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.connection)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.connection)

    @property
    def settings(self) -> Settings:
        return Settings(self.connection)

    async def lock_audience(self) -> None:
        """Who connects and what is announced take turns, so that `from_broadcast` is never wrong."""
        if self.connection.dialect.name == "postgresql":  # SQLite has one writer anyway
            await self.connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": AUDIENCE_LOCK})


@dataclass(frozen=True, slots=True)
class Storage:
    """The door to the database: `transaction()` writes, `reading()` looks."""

    engine: AsyncEngine
    keyring: Keyring
    _writer: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One fact, one commit. Raises StorageBusy when the database is locked, full or gone.

        One after another, on PostgreSQL as on SQLite: one process works for a token, and what takes turns can
        neither deadlock nor overwrite what somebody else has just decided (docs/decisions/007).
        """
        try:
            async with self._writer, self.engine.begin() as connection:
                yield Transaction(connection, self.keyring)
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise_as_ours(error)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """A look at the database that never holds the writer."""
        try:
            async with self.engine.connect() as connection:
                await connection.execution_options(elchi_reading=True)
                yield Transaction(connection, self.keyring)
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise_as_ours(error)

    async def close(self) -> None:
        await self.engine.dispose()


def raise_as_ours(error: Exception) -> None:
    """Turn what the driver says into StorageBusy, or let a mistake of ours through as it is."""
    cause = getattr(error, "orig", None) or error
    words = str(cause).lower()
    lost = isinstance(error, (OSError, PoolTimeout)) or getattr(error, "connection_invalidated", False)
    state = str(getattr(cause, "sqlstate", None) or "")
    if lost or state.startswith(TROUBLE_STATES) or any(sign in words for sign in TROUBLE):
        raise StorageBusy((words.splitlines() or ["the database does not answer"])[0][:200]) from error
    raise error


def open_storage(url: str, keyring: Keyring) -> Storage:
    """A Storage for `url`; nothing is connected yet. Raises ConfigError, StorageBusy."""
    try:
        parsed = make_url(url)
        if parsed.drivername not in ("sqlite+aiosqlite", "postgresql+asyncpg"):
            raise ConfigError("storage.url must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://")
        options: dict[str, Any] = {"connect_args": {"timeout": 10}} if parsed.drivername.startswith("sqlite") else {}
        engine = create_async_engine(parsed, hide_parameters=True, **options)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(f"storage.url cannot be read: {type(error).__name__}") from error
    if engine.dialect.name == "sqlite":
        folder = Path(parsed.database or "").absolute().parent
        if not folder.is_dir():  # said here, because a connection that fails to open leaves a thread behind
            raise StorageBusy(f"the folder {folder} does not exist: make it, or mend storage.url")
        _tame_sqlite(engine)
    return Storage(engine, keyring)


def _tame_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("elchi_reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def check_schema(storage: Storage) -> bool:
    """True when the schema is current, False for an empty database; raises SchemaTooOld or SchemaTooNew."""
    script = ScriptDirectory.from_config(_alembic())
    async with storage.reading() as tx:
        current = await tx.connection.run_sync(_current)
    if current is None:
        return False
    if current == script.get_current_head():
        return True
    if current in {revision.revision for revision in script.walk_revisions()}:
        raise SchemaTooOld
    raise SchemaTooNew


async def migrate(storage: Storage, revision: str = "head") -> None:
    """Bring the schema to `revision` (up or down)."""

    def run(connection: Connection) -> None:
        config = _alembic()
        config.attributes["connection"] = connection
        known = _current(connection)
        down = revision == "base" or (revision != "head" and known is not None and revision < known)
        (command.downgrade if down else command.upgrade)(config, revision)

    async with storage.transaction() as tx:
        await tx.connection.run_sync(run)
