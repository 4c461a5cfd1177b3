"""Chats that want the news, and the recipients behind them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from newsroom.chats import Chat
from newsroom.deliveries import ChatKind, Lane, State
from newsroom.ids import BroadcastId, ChatId, RecipientId
from newsroom.ports import Keyring
from storage.merging import merge
from storage.tables import broadcasts, chats, messages, recipients

_CHAT = select(
    recipients.c.id,
    recipients.c.chat_id,
    recipients.c.kind,
    chats.c.title,
    chats.c.username,
    chats.c.language,
    chats.c.active,
    chats.c.from_broadcast,
    chats.c.off_because,
    chats.c.added_by,
).join(chats, chats.c.recipient_id == recipients.c.id)


@dataclass(frozen=True, slots=True)
class Chats:
    connection: AsyncConnection
    keyring: Keyring

    async def recipient(self, chat: ChatId, kind: ChatKind) -> RecipientId:
        """Our number for this chat, made when it is new."""
        lookup = self.keyring.lookup(f"chat:{chat}")
        same = or_(recipients.c.chat_id == chat, recipients.c.lookup == lookup)
        row = (await self.connection.execute(select(recipients.c.id, recipients.c.lookup).where(same))).first()
        if row is None:
            made = await self.connection.scalar(
                insert(recipients).values(chat_id=chat, lookup=lookup, kind=kind).returning(recipients.c.id)
            )
            assert made is not None
            return RecipientId(made)
        if row.lookup != lookup:  # known under another key's hash
            await self.connection.execute(update(recipients).where(recipients.c.id == row.id).values(lookup=lookup))
        return RecipientId(row.id)

    async def get(self, chat: ChatId) -> Chat | None:
        row = (await self.connection.execute(_CHAT.where(recipients.c.chat_id == chat))).one_or_none()
        return None if row is None else _read(row)

    async def all(self, kinds: Collection[ChatKind], limit: int = 200) -> tuple[Chat, ...]:
        rows = await self.connection.execute(
            _CHAT.where(recipients.c.kind.in_(list(kinds))).order_by(recipients.c.id).limit(limit)
        )
        return tuple(_read(row) for row in rows)

    async def connect(
        self, chat: ChatId, kind: ChatKind, title: str, username: str | None, added_by: int | None, now: datetime
    ) -> bool:
        """Let the news flow from now on; False when it already did. The caller holds the audience lock."""
        recipient = await self.recipient(chat, kind)
        newest = await self.connection.scalar(select(func.coalesce(func.max(broadcasts.c.id), 0)))
        state: dict[str, Any] = {"title": title, "username": username, "active": True, "off_because": None}
        known = await self.connection.scalar(select(chats.c.active).where(chats.c.recipient_id == recipient))
        if known is None:
            lane = Lane.PRIVATE if kind is ChatKind.PRIVATE else Lane.CHANNELS
            await self.connection.execute(
                insert(chats).values(
                    recipient_id=recipient,
                    lane=lane,
                    from_broadcast=newest,
                    added_by=added_by,
                    connected_at=now,
                    **state,
                )
            )
            return True
        if known:
            await self.connection.execute(
                update(chats).where(chats.c.recipient_id == recipient).values(title=title, username=username)
            )
            return False
        state |= {"from_broadcast": newest, "connected_at": now}
        if added_by is not None:
            state["added_by"] = added_by
        await self.connection.execute(update(chats).where(chats.c.recipient_id == recipient).values(state))
        await self._catch_up(recipient)
        return True

    async def _catch_up(self, recipient: RecipientId) -> None:
        """What was corrected while the chat was away is corrected there too."""
        newest = select(broadcasts.c.version).where(broadcasts.c.id == messages.c.broadcast_id).scalar_subquery()
        await self.connection.execute(
            update(messages)
            .where(messages.c.recipient_id == recipient, messages.c.state == State.SENT)
            .values(wanted_version=newest)
        )

    async def disconnect(self, chat: ChatId, why: str) -> bool:
        """Stop the news and cancel what is unsent; False when it had already stopped."""
        recipient = await self.connection.scalar(select(recipients.c.id).where(recipients.c.chat_id == chat))
        if recipient is None:
            return False
        changed = await self.connection.execute(
            update(chats)
            .where(chats.c.recipient_id == recipient, chats.c.active)
            .values(active=False, off_because=why[:200])
        )
        await self.connection.execute(
            update(messages)
            .where(
                messages.c.recipient_id == recipient,
                messages.c.state == State.WAITING,
                messages.c.lane != Lane.ANSWERS,
            )
            .values(state=State.CANCELLED)
        )
        await self.connection.execute(
            update(messages)
            .where(messages.c.recipient_id == recipient, messages.c.state == State.SENT)
            .where(messages.c.wanted_version > messages.c.sent_version)
            .values(wanted_version=messages.c.sent_version)
        )
        return changed.rowcount == 1

    async def set_language(self, chat: ChatId, language: str) -> None:
        owner = select(recipients.c.id).where(recipients.c.chat_id == chat).scalar_subquery()
        await self.connection.execute(update(chats).where(chats.c.recipient_id == owner).values(language=language))

    async def ensure_known(self, chat: ChatId, kind: ChatKind, title: str, now: datetime) -> None:
        """A row for a chat that has spoken to us without wanting the news (yet)."""
        if await self.get(chat) is None:
            recipient = await self.recipient(chat, kind)
            await self.connection.execute(
                insert(chats).values(
                    recipient_id=recipient,
                    title=title,
                    lane=Lane.PRIVATE if kind is ChatKind.PRIVATE else Lane.CHANNELS,
                    active=False,
                    from_broadcast=0,
                    off_because="never asked",
                    connected_at=now,
                )
            )

    async def migrate(self, old: ChatId, new: ChatId) -> None:
        """A group became a supergroup: merge its rows under the new id. Doing it again changes nothing."""
        before = await self.connection.scalar(select(recipients.c.id).where(recipients.c.chat_id == old))
        if before is None:
            return
        await self.connection.execute(
            update(messages)
            .where(messages.c.recipient_id == before, messages.c.sent_version.is_not(None))
            .where(messages.c.state.in_((State.SENT, State.SENDING)))
            .values(state=State.GONE, sending_version=None)
        )
        after = await self.connection.scalar(select(recipients.c.id).where(recipients.c.chat_id == new))
        if after is not None:
            await merge(self.connection, before, after)
            before = max(before, after)
        await self.connection.execute(
            update(recipients)
            .where(recipients.c.id == before)
            .values(chat_id=new, lookup=self.keyring.lookup(f"chat:{new}"), not_before=None)
        )


def _read(row: Row[*tuple[Any, ...]]) -> Chat:
    return Chat(
        recipient=RecipientId(row.id),
        id=ChatId(row.chat_id),
        kind=ChatKind(row.kind),
        title=row.title,
        username=row.username,
        language=row.language,
        active=row.active,
        from_broadcast=BroadcastId(row.from_broadcast),
        off_because=row.off_because,
        added_by=row.added_by,
    )
