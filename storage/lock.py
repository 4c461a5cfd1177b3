"""One process per bot token: a locked file beside SQLite, an advisory lock on PostgreSQL."""

import asyncio
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.errors import SecondInstance, StorageBusy
from storage.database import Storage

HEARTBEAT = 5.0
LEASE = 30.0
"""how long the other side may believe that a silent holder still works"""


@asynccontextmanager
async def only_one(storage: Storage, bot_id: int) -> AsyncIterator[Callable[[], bool]]:
    """Hold the token's lock; yields a question: may this process still send? Raises SecondInstance."""
    if storage.engine.dialect.name == "sqlite":
        with_lock = _file_lock(f"{storage.engine.url.database}.lock")
    else:
        with_lock = _advisory_lock(storage, bot_id)
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
async def _advisory_lock(storage: Storage, bot_id: int) -> AsyncIterator[Callable[[], bool]]:
    """Held by a connection of its own; a holder that has not heard from it for half a lease stops sending."""
    key = int.from_bytes(hashlib.sha256(f"elchi:{bot_id}".encode()).digest()[:8], "big", signed=True)
    async with storage.engine.connect() as connection:
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        if not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
            raise SecondInstance
        heard = [time.monotonic()]
        beat = asyncio.create_task(_beat(connection, heard))
        try:
            yield lambda: time.monotonic() - heard[0] < LEASE / 2
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            await connection.invalidate()  # the session ends, and the lock with it


async def _beat(connection: AsyncConnection, heard: list[float]) -> None:
    held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted")
    while True:
        await asyncio.sleep(HEARTBEAT)
        asked = time.monotonic()
        try:
            if await connection.scalar(held):
                heard[0] = asked
        except (DBAPIError, OSError):
            return  # the connection is gone: `heard` grows old, and sending stops
