"""Two rows for one chat become one: what happens when a group turns into a supergroup that we already know."""

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.deliveries import State
from storage.tables import chats, deliveries, messages, recipients

BEGUN = (State.SENDING, State.SENT, State.UNKNOWN, State.GONE)


async def merge(connection: AsyncConnection, old: int, new: int) -> None:
    """Merge the recipients of a chat's old and new id into the younger row of the two.

    The younger row stays because a broadcast that is still being expanded may have passed the older one while it was
    switched off; what has been delivered to either is never delivered again.
    """
    keep, drop = max(old, new), min(old, new)
    await _settle_twins(connection, old, new)
    for table in (messages, deliveries):
        await connection.execute(update(table).where(table.c.recipient_id == drop).values(recipient_id=keep))
    await _merge_chats(connection, keep, drop)
    await connection.execute(delete(recipients).where(recipients.c.id == drop))


async def _settle_twins(connection: AsyncConnection, old: int, new: int) -> None:
    """Of two deliveries of one broadcast, one goes: the new id's, unless it has begun or the old one is dead."""
    theirs, ours = deliveries.alias("theirs"), deliveries.alias("ours")
    pairs = await connection.execute(
        select(ours.c.id.label("under_old"), theirs.c.id.label("under_new"))
        .join(theirs, theirs.c.broadcast_id == ours.c.broadcast_id)
        .where(ours.c.recipient_id == old, theirs.c.recipient_id == new)
    )
    for pair in pairs.all():
        begun = await _any(connection, pair.under_new, BEGUN)
        alive = await _any(connection, pair.under_old, (*BEGUN, State.WAITING))
        goes = pair.under_old if begun or not alive else pair.under_new
        await connection.execute(delete(messages).where(messages.c.delivery_id == goes))
        await connection.execute(delete(deliveries).where(deliveries.c.id == goes))


async def _any(connection: AsyncConnection, delivery: int, states: tuple[State, ...]) -> bool:
    found = select(messages.c.id).where(messages.c.delivery_id == delivery, messages.c.state.in_(states)).limit(1)
    return await connection.scalar(found) is not None


async def _merge_chats(connection: AsyncConnection, keep: int, drop: int) -> None:
    """The settings of both; the news goes on if it flowed to either, from where it flowed."""
    rows = {
        row.recipient_id: row
        for row in await connection.execute(
            select(
                chats.c.recipient_id,
                chats.c.active,
                chats.c.from_broadcast,
                chats.c.off_because,
                chats.c.language,
                chats.c.added_by,
            ).where(chats.c.recipient_id.in_([keep, drop]))
        )
    }
    if drop not in rows:
        return
    if keep not in rows:
        await connection.execute(update(chats).where(chats.c.recipient_id == drop).values(recipient_id=keep))
        return
    mine, other = rows[keep], rows[drop]
    flowing = [row.from_broadcast for row in (mine, other) if row.active]
    await connection.execute(
        update(chats)
        .where(chats.c.recipient_id == keep)
        .values(
            active=bool(flowing),
            from_broadcast=min(flowing, default=mine.from_broadcast),
            off_because=None if flowing else mine.off_because,
            language=mine.language or other.language,
            added_by=mine.added_by or other.added_by,
        )
    )
    await connection.execute(delete(chats).where(chats.c.recipient_id == drop))
