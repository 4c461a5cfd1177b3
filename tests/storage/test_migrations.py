"""The schema: up, down and up again, the same as the tables in the code, and never touched when it is not ours."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from bot.keyring import keyring_from, new_secret
from newsroom.errors import ConfigError, SchemaTooNew
from storage.database import Storage, _alembic, check_schema, migrate, open_storage
from storage.tables import metadata

REVISIONS = [one.revision for one in reversed(list(ScriptDirectory.from_config(_alembic()).walk_revisions()))]


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[Storage]:
    opened = open_storage(database_url, keyring_from(new_secret()))
    yield opened
    await opened.close()


async def test_every_step_of_the_stairway_goes_up_down_and_up_again(empty: Storage) -> None:
    below = "base"
    for revision in REVISIONS:
        await migrate(empty, revision)
        await migrate(empty, below)
        await migrate(empty, revision)
        below = revision
    assert await check_schema(empty)


async def test_going_down_to_the_ground_leaves_no_table_of_ours(empty: Storage) -> None:
    await migrate(empty)
    await migrate(empty, "base")
    async with empty.reading() as tx:
        left = await tx.connection.run_sync(lambda connection: inspect(connection).get_table_names())
    assert set(left) <= {"alembic_version"}


async def test_the_migrations_make_exactly_the_tables_of_the_code(storage: Storage) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with storage.reading() as tx:
        assert await tx.connection.run_sync(differences) == []


async def test_an_empty_database_is_known_as_empty(empty: Storage) -> None:
    assert not await check_schema(empty)


async def test_a_current_database_is_known_as_current_and_migrating_again_changes_nothing(storage: Storage) -> None:
    await migrate(storage)
    assert await check_schema(storage)


async def test_a_database_of_a_later_elchi_is_left_alone(storage: Storage) -> None:
    async with storage.transaction() as tx:
        await tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="later Elchi"):
        await check_schema(storage)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///plain.db", "not an address", "postgresql+psycopg://x/y"])
def test_an_address_that_cannot_be_meant_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match=r"storage\.url"):
        open_storage(url, keyring_from(new_secret()))
