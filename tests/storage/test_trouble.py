"""What a database in trouble says, and what becomes of it: a sentence, never a traceback."""

import pytest

from bot.keyring import keyring_from, new_secret
from newsroom.errors import StorageBusy
from storage.database import check_schema, open_storage


@pytest.mark.parametrize("wrong", ["database", "role", "port"])
async def test_an_address_that_is_not_quite_right_is_a_sentence(database_url: str, wrong: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("a file that cannot be opened is shown by tests/process")
    front, _, name = database_url.rpartition("/")
    user, _, host = front.partition("@")
    address = {
        "database": f"{front}/nobody_made_this",
        "role": f"postgresql+asyncpg://nobody_is_this@{host}/{name}",
        "port": f"{user}@127.0.0.1:1/{name}",
    }[wrong]
    storage = open_storage(address, keyring_from(new_secret()))
    with pytest.raises(StorageBusy):
        await check_schema(storage)
    await storage.close()
