"""One process per token: what happens when the second comes, and when the first loses its hold."""

import asyncio
import time

import pytest
from sqlalchemy import text

from newsroom.errors import SecondInstance
from storage.database import Storage
from storage.lock import only_one
from tests.storage.conftest import until

BOT = 4242
HEARTBEAT = 0.05


async def end_sessions(storage: Storage) -> None:
    """The server ends every session that holds an advisory lock."""
    holders = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    async with storage.transaction() as tx:
        await tx.connection.execute(text(holders))


async def test_a_second_one_is_told_so_and_may_come_later(storage: Storage) -> None:
    async with only_one(storage, BOT) as valid:
        assert valid()
        with pytest.raises(SecondInstance):
            async with only_one(storage, BOT):
                pass
    async with only_one(storage, BOT) as valid:
        assert valid()


@pytest.fixture
def on_postgres(storage: Storage) -> Storage:
    if storage.engine.dialect.name != "postgresql":
        pytest.skip("the lock of SQLite is a file that only the end of the process frees")
    return storage


async def test_a_lost_connection_stops_the_sending_until_the_lock_is_taken_again(on_postgres: Storage) -> None:
    async with only_one(on_postgres, BOT, heartbeat=HEARTBEAT) as valid:
        await end_sessions(on_postgres)
        await until(lambda: not valid())
        await until(valid)


async def test_who_lost_the_lock_to_another_process_stands_by(on_postgres: Storage) -> None:
    async with only_one(on_postgres, BOT, heartbeat=HEARTBEAT) as valid:
        await end_sessions(on_postgres)
        async with only_one(on_postgres, BOT) as of_the_other:
            await asyncio.sleep(4 * HEARTBEAT)
            assert of_the_other()
            assert not valid()
        await until(valid)


async def test_a_holder_that_was_stalled_sends_nothing_before_it_has_asked(on_postgres: Storage) -> None:
    async with only_one(on_postgres, BOT, heartbeat=HEARTBEAT, lease=1.0) as valid:
        time.sleep(0.6)  # noqa: ASYNC251 - the whole process stands still, as on a machine that was asleep
        assert not valid()
        await until(valid)
