"""One process per bot token: a locked file beside SQLite, an advisory lock on PostgreSQL."""

import asyncio
import fcntl
import hashlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.errors import SecondInstance, StorageBusy
from storage.database import Storage, raise_as_ours

log = logging.getLogger(__name__)

HEARTBEAT = 5.0
LEASE = 30.0
"""how long the other side may believe that a silent holder still works"""


@asynccontextmanager
async def only_one(
    storage: Storage, bot_id: int, *, heartbeat: float = HEARTBEAT, lease: float = LEASE
) -> AsyncIterator[Callable[[], bool]]:
    """Hold the token's lock; yields a question: may this process still send? Raises SecondInstance."""
    if storage.engine.dialect.name == "sqlite":
        with_lock = _file_lock(f"{storage.engine.url.database}.lock")
    else:
        with_lock = _advisory_lock(storage, bot_id, heartbeat, lease)
    async with with_lock as valid:
        yield valid


@asynccontextmanager
async def _file_lock(path: str) -> AsyncIterator[Callable[[], bool]]:
    """The kernel frees it when the process ends, however it ends; nobody else can have it before."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageBusy(f"the lock file {path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise SecondInstance from error
    try:
        yield lambda: True
    finally:
        os.close(handle)


@asynccontextmanager
async def _advisory_lock(
    storage: Storage, bot_id: int, heartbeat: float, lease: float
) -> AsyncIterator[Callable[[], bool]]:
    """Held by a connection of its own; a holder that has not heard from it for half a lease stops sending."""
    key = int.from_bytes(hashlib.sha256(f"elchi:{bot_id}".encode()).digest()[:8], "big", signed=True)
    lock = _AdvisoryLock(storage, key, heartbeat, lease)
    try:
        taken = await lock.take()
    except (SQLAlchemyError, OSError) as error:
        raise_as_ours(error)
        raise
    if not taken:
        raise SecondInstance
    beat = asyncio.create_task(lock.keep())
    try:
        yield lock.valid
    finally:
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)
        await lock.drop()


@dataclass(slots=True)
class _AdvisoryLock:
    """A session's lock and the connection that holds it: when the session ends, so does the lock."""

    storage: Storage
    key: int
    heartbeat: float
    lease: float
    heard: float = float("-inf")
    connection: AsyncConnection | None = None
    standing_by: bool = False

    def valid(self) -> bool:
        return time.monotonic() - self.heard < self.lease / 2

    async def take(self) -> bool:
        """Connect and ask for the lock; False when another session holds it."""
        asked = time.monotonic()
        self.connection = await self.storage.engine.connect()
        await self.connection.execution_options(isolation_level="AUTOCOMMIT")
        if not await self.connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self.key}):
            await self.drop()
            return False
        self.heard = asked
        return True

    async def keep(self) -> None:
        """Ask the connection now and then; when it is lost, nothing is sent until the lock is ours again."""
        while True:
            await asyncio.sleep(self.heartbeat)
            try:
                async with asyncio.timeout(self.lease / 4):
                    await (self._ask() if self.connection is not None else self._take_again())
            except (SQLAlchemyError, OSError) as error:
                if self.connection is not None:
                    log.error("the connection that holds the lock is lost (%s): nothing is sent", type(error).__name__)
                await self.drop()

    async def _ask(self) -> None:
        assert self.connection is not None
        asked = time.monotonic()
        await self.connection.execute(text("SELECT 1"))
        self.heard = asked

    async def _take_again(self) -> None:
        taken = await self.take()
        if taken:
            log.warning("the lock is ours again: sending goes on")
        elif not self.standing_by:
            log.error("another process has taken the lock: standing by")
        self.standing_by = not taken

    async def drop(self) -> None:
        """Let go of the session, and of the lock with it."""
        self.heard = float("-inf")
        connection, self.connection = self.connection, None
        if connection is not None:
            with suppress(SQLAlchemyError, OSError):  # a connection that is lost cannot even be ended in order
                await connection.invalidate()
                await connection.close()
