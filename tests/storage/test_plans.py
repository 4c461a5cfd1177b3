"""Query plans are promises: the questions asked many times a second use their index, on both databases."""

import pytest
from sqlalchemy import Select, insert, text
from sqlalchemy.dialects import postgresql, sqlite

from newsroom.deliveries import Lane, State
from storage.database import Storage
from storage.outbox import behind, first_sends
from storage.tables import broadcasts, chats, deliveries, messages, recipients
from tests.storage.conftest import START

CHATS, POSTS = 500, 100


@pytest.fixture
async def full(storage: Storage) -> Storage:
    """50,000 messages: nearly all sent long ago, a few waiting."""
    everybody = range(1, CHATS + 1)
    numbers = [(post, chat) for post in range(1, POSTS + 1) for chat in everybody]
    async with storage.transaction() as tx:
        row = {"kind": "private", "sealed_id": None, "not_before": None}
        await tx.connection.execute(
            insert(recipients), [row | {"id": n, "chat_id": n, "lookup": str(n)} for n in everybody]
        )
        wish = {"title": "", "lane": Lane.PRIVATE, "active": True, "from_broadcast": 0, "connected_at": START}
        await tx.connection.execute(insert(chats), [wish | {"recipient_id": n} for n in everybody])
        said = {"kind": "article", "lane": Lane.PRIVATE, "content": "", "version": 1, "pinned": False}
        said |= {"cursor": CHATS, "expanded": True, "made_at": START}
        await tx.connection.execute(insert(broadcasts), [said | {"id": post} for post in range(1, POSTS + 1)])
        await tx.connection.execute(
            insert(deliveries),
            [{"id": i, "broadcast_id": post, "recipient_id": chat} for i, (post, chat) in enumerate(numbers, 1)],
        )
        sent = {"lane": Lane.PRIVATE, "part": 0, "wanted_version": 1, "attempt": 1, "repeats": 0}
        await tx.connection.execute(
            insert(messages),
            [
                sent
                | {"delivery_id": i, "broadcast_id": post, "recipient_id": chat, "telegram_id": i}
                | (
                    {"state": State.SENT, "sent_version": 1}
                    if post < POSTS
                    else {"state": State.WAITING, "sent_version": None}
                )
                for i, (post, chat) in enumerate(numbers, 1)
            ],
        )
    if storage.engine.dialect.name == "postgresql":
        async with storage.transaction() as tx:
            await tx.connection.execute(text("ANALYZE"))
    return storage


async def plan(storage: Storage, statement: Select[*tuple[object, ...]]) -> str:
    dialect = storage.engine.dialect.name
    compiled = statement.compile(
        dialect=(postgresql if dialect == "postgresql" else sqlite).dialect(),
        compile_kwargs={"literal_binds": True, "render_postcompile": True},
    )
    explain = "EXPLAIN" if dialect == "postgresql" else "EXPLAIN QUERY PLAN"
    async with storage.reading() as tx:
        rows = await tx.connection.exec_driver_sql(f"{explain} {str(compiled).replace('%%', '%')}")
        return "\n".join(" ".join(str(cell) for cell in row) for row in rows)


async def test_the_claim_reads_what_waits_and_what_is_open(full: Storage) -> None:
    said = await plan(full, first_sends(Lane.PRIVATE, START, 60))
    assert "ix_messages_waiting" in said
    assert "ix_messages_open" in said or "(recipient_id=? AND state=?)" in said, "never a chat's whole history"


async def test_the_corrections_read_only_copies_that_are_behind(full: Storage) -> None:
    assert "ix_messages_behind" in await plan(full, behind(START, 60))
