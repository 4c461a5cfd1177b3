"""Who gets the news: people subscribe, channels and groups connect, and everything can be held."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from newsroom.articles import FetchedArticle
from newsroom.chats import Chat
from newsroom.deliveries import ChatKind
from newsroom.ids import Arrived, ChatId, UserId
from newsroom.ports import Clock, Rights, Standing
from services.outgoing import Outgoing
from storage.database import Storage, Transaction

PAUSED = "paused"
KNOWN = 5000  # chats looked through for one answer
ASKED = 20  # chats Telegram is asked about for one answer
Connected = Literal["connected", "already", "no-rights", "not-admin", "linked"]


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or group, and who gave the bot its standing there."""

    id: ChatId
    kind: ChatKind
    title: str
    username: str | None
    by: UserId | None
    """null when the configuration did, or an administrator who hides behind the group's name"""


@dataclass(frozen=True, slots=True)
class Managed:
    """What a person may manage, as far as it is known."""

    chats: tuple[Chat, ...]
    all_asked: bool
    """false when there are more chats than Telegram is asked about at once"""


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

    async def bot_rose(self, cause: Arrived, place: Place) -> Connected:
        """The bot was added to a channel or group, or its rights changed there."""
        bot = await self.rights.of_bot(place.id)
        entitled = await self._entitled(place)
        linked = await self.rights.linked_to(place.id) if bot.may_post and entitled else None
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            outcome = await self._connect(tx, place, bot, entitled, linked)
            await tx.inbox.done(cause, self.clock())
        return outcome

    async def _entitled(self, place: Place) -> bool:
        """Whether the person may connect the chat. Who touches the bot's rights in one that is connected is all one."""
        async with self.storage.reading() as tx:
            known = await tx.chats.get(place.id)
        if (known is not None and known.active) or place.by is None:
            return True
        person = await self.rights.of_person(place.id, place.by)
        return person.admin and (person.may_post or place.kind is not ChatKind.CHANNEL)

    async def _connect(
        self, tx: Transaction, place: Place, bot: Standing, entitled: bool, linked: ChatId | None
    ) -> Connected:
        known = await tx.chats.get(place.id)
        if not entitled:
            if await self._keep_off(tx, place, known, "not-admin"):
                await self._tell_admin(tx, place.by, "chat-not-admin", title=place.title)
            return "not-admin"
        if not bot.may_post:
            if await self._keep_off(tx, place, known, "no-rights"):
                await self._miss_rights(tx, place)
            return "no-rights"
        if not (known and known.active) and await self._channel_has_it(tx, place, linked):
            await self._keep_off(tx, place, known, "linked")
            return "linked"
        if not await self._let_flow(tx, place, linked):
            return "already"
        await self._tell_admin(tx, place.by, "chat-connected", title=place.title)
        return "connected"

    async def _let_flow(self, tx: Transaction, place: Place, linked: ChatId | None) -> bool:
        """True when the news begins with this; then it goes to the channel alone, and no more to its group."""
        began = await tx.chats.connect(place.id, place.kind, place.title, place.username, place.by, self.clock())
        if began and linked is not None and place.kind is ChatKind.CHANNEL:
            await tx.chats.disconnect(linked, "linked")
        return began

    async def _channel_has_it(self, tx: Transaction, place: Place, linked: ChatId | None) -> bool:
        channel = await tx.chats.get(linked) if linked is not None and place.kind is ChatKind.GROUP else None
        return channel is not None and channel.active

    async def _keep_off(self, tx: Transaction, place: Place, known: Chat | None, why: str) -> bool:
        """Off, with the reason that /channels gives; False when it already was so."""
        if known is not None and not known.active and known.off_because == why:
            return False
        by = place.by if known is None or known.added_by is None else None
        await tx.chats.connect(place.id, place.kind, place.title, place.username, by, self.clock())
        await tx.chats.disconnect(place.id, why)
        return True

    async def _miss_rights(self, tx: Transaction, place: Place) -> None:
        if not await self._tell_admin(tx, place.by, "chat-no-rights", title=place.title):
            await self.outgoing.alarm(tx, "alarm-chat-off", title=place.title, why="no-rights")

    async def _tell_admin(self, tx: Transaction, by: UserId | None, key: str, title: str) -> bool:
        """In private if the person has started the bot, else False; /channels says it, too."""
        if by is None or await tx.chats.get(ChatId(by)) is None:
            return False
        await self.outgoing.tell(tx, ChatId(by), key, title=title)
        return True

    async def bot_fell(self, cause: Arrived, chat: ChatId, kind: ChatKind, why: str) -> None:
        """The bot was blocked or removed; or so it looks from a group that has only moved."""
        moved = await self.rights.moved_to(chat) if kind is ChatKind.GROUP else None
        if moved is None:
            await self.unsubscribe(cause, chat, why)
        else:
            await self.migrate(cause, chat, moved)

    async def migrate(self, cause: Arrived, old: ChatId, new: ChatId) -> None:
        """A group became a supergroup; told up to four times, done once."""
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            await tx.chats.migrate(old, new)
            await tx.inbox.done(cause, self.clock())

    async def connect_own(self, place: Place) -> None:
        """A channel the configuration names."""
        linked = await self.rights.linked_to(place.id)
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            await self._let_flow(tx, place, linked)

    async def channels_of(self, user: UserId) -> Managed:
        """The channels and groups this person may manage: the owners all, others those they added or administer."""
        async with self.storage.reading() as tx:
            known = await tx.chats.all((ChatKind.CHANNEL, ChatKind.GROUP), KNOWN)
        if user in self.owners:
            return Managed(known, all_asked=len(known) < KNOWN)
        others = sorted((chat for chat in known if chat.added_by != user), key=lambda chat: chat.added_by is not None)
        asked = others[:ASKED]  # those nobody is known to have added first: the house's own
        standing = await asyncio.gather(*(self.rights.of_person(chat.id, user) for chat in asked))
        theirs = {chat.id for chat, person in zip(asked, standing, strict=True) if person.admin}
        mine = tuple(chat for chat in known if chat.added_by == user or chat.id in theirs)
        return Managed(mine, all_asked=len(asked) == len(others))

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
