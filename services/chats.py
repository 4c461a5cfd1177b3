"""Who gets the news: people subscribe, channels and groups connect, and everything can be held."""

from dataclasses import dataclass
from typing import Literal

from newsroom.articles import FetchedArticle
from newsroom.chats import Chat
from newsroom.deliveries import ChatKind
from newsroom.ids import Arrived, ChatId, UserId
from newsroom.ports import Clock, Rights
from services.outgoing import Outgoing
from storage.database import Storage, Transaction

PAUSED = "paused"
Connected = Literal["connected", "already", "no-rights", "linked"]


@dataclass(frozen=True, slots=True)
class Chats:
    storage: Storage
    outgoing: Outgoing
    rights: Rights
    clock: Clock
    owners: tuple[int, ...]
    editors_chat: int | None

    async def meet(self, cause: Arrived, user: UserId, name: str) -> bool:
        """Somebody pressed /start: they get the news from now on; False when they already did."""
        return await self.subscribe(cause, user, name)

    async def subscribe(self, cause: Arrived, user: UserId, name: str) -> bool:
        """True when the news begins with this, False when it already flowed."""
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            began = await tx.chats.connect(ChatId(user), ChatKind.PRIVATE, name, None, None, self.clock())
            await tx.inbox.done(cause, self.clock())
        return began

    async def unsubscribe(self, cause: Arrived, chat: ChatId, why: str = "asked") -> bool:
        """True when the news ends with this; what was unsent is cancelled."""
        async with self.storage.transaction() as tx:
            ended = await tx.chats.disconnect(chat, why)
            await tx.inbox.done(cause, self.clock())
        return ended

    async def speak(self, cause: Arrived, chat: ChatId, name: str, language: str) -> None:
        """From now on this chat is spoken to in `language`."""
        async with self.storage.transaction() as tx:
            await tx.chats.ensure_known(chat, ChatKind.PRIVATE, name, self.clock())
            await tx.chats.set_language(chat, language)
            await tx.inbox.done(cause, self.clock())

    async def language(self, chat: ChatId) -> str | None:
        """What the chat chose; None when it never did."""
        async with self.storage.reading() as tx:
            known = await tx.chats.get(chat)
        return known.language if known else None

    async def latest(self, count: int = 5) -> tuple[FetchedArticle, ...]:
        async with self.storage.reading() as tx:
            return await tx.articles.latest(count)

    async def bot_rose(
        self, cause: Arrived, chat: ChatId, kind: ChatKind, title: str, username: str | None, by: UserId
    ) -> Connected:
        """The bot was added to a channel or group, or its rights changed there."""
        bot, person = await self.rights.of_bot(chat), await self.rights.of_person(chat, by)
        allowed = bot.may_post and (person.may_post if kind is ChatKind.CHANNEL else person.admin)
        linked = await self.rights.linked_to(chat) if kind is ChatKind.GROUP and bot.member else None
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            outcome = await self._connect(tx, chat, kind, title, username, by, allowed, linked)
            await tx.inbox.done(cause, self.clock())
        return outcome

    async def _connect(
        self,
        tx: Transaction,
        chat: ChatId,
        kind: ChatKind,
        title: str,
        username: str | None,
        by: UserId,
        allowed: bool,
        linked: ChatId | None,
    ) -> Connected:
        if not allowed:
            await tx.chats.disconnect(chat, "no-rights")
            await tx.chats.ensure_known(chat, kind, title, self.clock())
            await self._tell_admin(tx, by, "chat-no-rights", title=title)
            return "no-rights"
        if linked is not None and (channel := await tx.chats.get(linked)) and channel.active:
            await tx.chats.ensure_known(chat, kind, title, self.clock())
            return "linked"
        if not await tx.chats.connect(chat, kind, title, username, by, self.clock()):
            return "already"
        await self._tell_admin(tx, by, "chat-connected", title=title)
        return "connected"

    async def _tell_admin(self, tx: Transaction, by: UserId, key: str, title: str) -> None:
        """In private if the person has started the bot; otherwise /channels says it."""
        if await tx.chats.get(ChatId(by)) is not None:
            await self.outgoing.tell(tx, ChatId(by), key, title=title)

    async def bot_fell(self, cause: Arrived, chat: ChatId, why: str) -> None:
        """The bot was blocked, removed or stripped of its rights."""
        await self.unsubscribe(cause, chat, why)

    async def migrate(self, cause: Arrived, old: ChatId, new: ChatId) -> None:
        """A group became a supergroup; told up to four times, done once."""
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            await tx.chats.migrate(old, new)
            await tx.inbox.done(cause, self.clock())

    async def connect_own(self, chat: ChatId, kind: ChatKind, title: str, username: str | None) -> None:
        """A channel the configuration names."""
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            await tx.chats.connect(chat, kind, title, username, None, self.clock())

    async def channels_of(self, user: UserId) -> tuple[tuple[Chat, str | None], ...]:
        """The channels and groups this person may manage, each with what is wrong there (None when nothing is)."""
        async with self.storage.reading() as tx:
            known = await tx.chats.all((ChatKind.CHANNEL, ChatKind.GROUP))
        mine = []
        for chat in known:
            person = await self.rights.of_person(chat.id, user)
            if user in self.owners or chat.added_by == user or person.admin:
                mine.append((chat, chat.off_because))
        return tuple(mine)

    async def is_editor(self, user: UserId) -> bool:
        """Until roles come: the owners, and who is in the editors' chat."""
        if user in self.owners:
            return True
        if self.editors_chat is None:
            return False
        return (await self.rights.of_person(ChatId(self.editors_chat), user)).member

    async def hold(self, cause: Arrived, *, paused: bool) -> bool:
        """Hold all posting, or go on where it was; False when it already was so."""
        async with self.storage.transaction() as tx:
            before = await tx.settings.get(PAUSED) is not None
            await tx.settings.put(PAUSED, "yes" if paused else None)
            await tx.inbox.done(cause, self.clock())
        return before != paused
