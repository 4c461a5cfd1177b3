"""The composition root: from a configuration to running tasks, and an orderly stop."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiogram import Bot, Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

import handlers
from bot import jobs
from bot.config import Config
from bot.doors.desk import Desk
from bot.doors.people import Introduce
from bot.doors.poll import Poller
from bot.gateways.feeds import HttpFeeds
from bot.gateways.http import Fetcher, user_agent
from bot.gateways.media import Pictures
from bot.gateways.sending import TelegramSender
from bot.gateways.site import Selectors, Site
from bot.gateways.telegram import Api, ChargeAnswers, MemoryGate
from newsroom.arrivals import Guard
from newsroom.chats import kind_of
from newsroom.errors import StorageBusy, TokenRefused, Unanswered
from newsroom.ids import ChatId
from newsroom.pages import NEWS_ASIA
from newsroom.ports import Clock, Keyring
from newsroom.text.post import Style
from newsroom.text.words import Words
from services.chats import Chats, Place
from services.deliver import Deliver
from services.housekeeping import Housekeeping
from services.ingest import Ingest
from services.outgoing import Outgoing
from services.storms import Storms
from storage.database import Storage, check_schema, migrate, open_storage
from storage.lock import only_one

log = logging.getLogger(__name__)

READER_COMMANDS = ("subscribe", "unsubscribe", "latest", "language", "channels", "help")
EDITOR_COMMANDS = ("pause", "resume")
KEY_CHECK = "key_check"
INTRODUCE_AGAIN = 5.0


def utc_now() -> datetime:
    """The only place that asks the machine for the time of day."""
    return datetime.now(UTC)  # noqa: TID251 - this is the Clock


@dataclass(slots=True)
class App:
    """A bot ready to run; `ingest`, `chats`, `deliver` and `storage` are its rooms."""

    config: Config
    storage: Storage
    api: Api
    outgoing: Outgoing
    ingest: Ingest
    chats: Chats
    deliver: Deliver
    housekeeping: Housekeeping
    poller: Poller
    desk: Desk
    words: Words
    speed: float

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`. Raises TokenRefused."""
        await self.deliver.recover()
        await self.ingest.know_feeds()
        await self.housekeeping.begin(self.ingest.every)
        timetable = jobs.timetable(self._read_feeds, self.housekeeping.sweep, speed=self.speed)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._until(stop, self.poller.run(stop)))
                group.create_task(self._until(stop, self.desk.run(stop)))
                group.create_task(self._until(stop, self._deliver(stop)))
                introducing = group.create_task(self._introduce())
                timetable.start()
                await stop.wait()
                introducing.cancel()
        except* TokenRefused as refused:
            raise TokenRefused from refused
        finally:
            timetable.shutdown(wait=False)

    async def _until(self, stop: asyncio.Event, work: Any) -> None:
        """When one of the parts ends, for whatever reason, the others stop in order."""
        try:
            await work
        finally:
            stop.set()

    async def _deliver(self, stop: asyncio.Event) -> None:
        await self.deliver.run(stop)
        if self.deliver.halted is not None:
            raise TokenRefused

    async def _read_feeds(self) -> None:
        await self.housekeeping.watch_clock()
        await self.ingest.read_due()
        self.deliver.wake()

    async def _introduce(self) -> None:
        """Tell Telegram our commands and connect the house's own channels; try again until that is done."""
        while True:
            try:
                await self._set_commands()
                for channel in self.config.channels:
                    await self._connect_own(channel.chat)
                return
            except (aiohttp.ClientError, TimeoutError, Unanswered) as error:
                log.warning("Telegram cannot be reached: %s", type(error).__name__)
            except StorageBusy as error:
                log.error("the commands and channels wait for the database: %s", error)
            await asyncio.sleep(INTRODUCE_AGAIN / self.speed)

    async def _set_commands(self) -> None:
        for language in ("", *self.words.languages):
            tongue = language or self.words.languages[0]
            scopes: list[tuple[dict[str, Any], tuple[str, ...]]] = [({"type": "all_private_chats"}, READER_COMMANDS)]
            if self.config.telegram.editors_chat is not None:
                editors = {"type": "chat", "chat_id": self.config.telegram.editors_chat}
                scopes.append((editors, EDITOR_COMMANDS))
            for scope, names in scopes:
                commands = [{"command": n, "description": self.words.say(tongue, f"command-{n}")} for n in names]
                parameters: dict[str, Any] = {"commands": commands, "scope": scope}
                parameters |= {"language_code": language} if language else {}
                reply = await self.api.ask("setMyCommands", parameters)
                if reply.result is None:
                    log.warning("the commands for %s are refused: %s", scope["type"], reply.words)

    async def _connect_own(self, chat: int | str) -> None:
        """A channel of the configuration: connected when the bot may post there, else one alarm."""
        found = (await self.api.ask("getChat", {"chat_id": chat})).result
        if not isinstance(found, dict) or not (await self.api.of_bot(ChatId(int(found["id"])))).may_post:
            await self._cannot_post(chat)
            return
        title = found.get("title") or str(chat)
        place = Place(ChatId(int(found["id"])), kind_of(found["type"]), title, found.get("username"), by=None)
        await self.chats.connect_own(place)
        async with self.storage.transaction() as tx:
            await tx.settings.put(f"alarmed:{chat}", None)

    async def _cannot_post(self, chat: int | str) -> None:
        log.warning("channel %s: the bot may not post there", chat)
        async with self.storage.transaction() as tx:
            if await tx.settings.get(f"alarmed:{chat}") is None:
                await tx.settings.put(f"alarmed:{chat}", "yes")
                await self.outgoing.alarm(tx, "alarm-chat-off", title=str(chat), why="no-rights")


@asynccontextmanager
async def build(config: Config, keyring: Keyring, *, speed: float = 1.0, clock: Clock = utc_now) -> AsyncIterator[App]:
    """All the objects, joined, and the token's lock held, so that nobody else works on the database.

    Raises SecondInstance, SchemaTooOld, SchemaTooNew, KeyProblem, TokenRefused, StorageBusy.
    """
    async with AsyncExitStack() as stack:
        storage = open_storage(config.storage.url, keyring)
        stack.push_async_callback(storage.close)
        token = config.telegram.token.get_secret_value()
        api = await stack.enter_async_context(Api(config.telegram.api, token, speed))
        may_send = await stack.enter_async_context(only_one(storage, api.bot_id))
        await prepare(storage, keyring)
        fetcher = await stack.enter_async_context(
            Fetcher(user_agent=user_agent(version("elchi"), config.contact), allow_private=config.fetch.allow_private)
        )
        session = AiohttpSession(api=TelegramAPIServer.from_base(config.telegram.api))
        answers = ChargeAnswers(MemoryGate(speed))
        session.middleware(answers)
        bot = Bot(token, session=session, default=DefaultBotProperties(parse_mode="HTML"))
        stack.push_async_callback(session.close)
        me = await api.me()
        feeds = HttpFeeds(fetcher, ZoneInfo(config.site.timezone), clock=clock)
        stack.push_async_callback(feeds.aclose)
        app = _assemble(config, storage, api, fetcher, feeds, answers, bot, str(me.get("username", "")), speed, clock)
        app.deliver.may_send = may_send
        yield app


def _assemble(
    config: Config,
    storage: Storage,
    api: Api,
    fetcher: Fetcher,
    feeds: HttpFeeds,
    answers: ChargeAnswers,
    bot: Bot,
    bot_name: str,
    speed: float,
    clock: Clock,
) -> App:
    words = Words(config.site.languages)
    telegram = config.telegram
    editors = (telegram.editors_chat,) if telegram.editors_chat is not None else telegram.owners
    outgoing = Outgoing(clock, tuple(ChatId(chat) for chat in editors))
    chats = Chats(storage, outgoing, api, clock, telegram.owners, telegram.editors_chat)
    every = {feed.url: feed.every / speed for feed in config.feeds}
    ingest = Ingest(storage, outgoing, feeds, _site(config, fetcher), clock, every, _guard(config))
    style = Style(config.site.comments, config.posts.preview)
    sender = TelegramSender(api, Pictures(fetcher))
    deliver = Deliver(storage, outgoing, sender, answers.gate, clock, words, style, batch=max(4, round(3 * speed)))
    dispatcher = Dispatcher(
        disable_fsm=True,  # nobody is in a dialog yet, and the inbox keeps one person's updates in order
        chats=chats,
        storms=Storms(storage, outgoing, clock),
        words=words,
        bot_name=bot_name,
        editors_chat=telegram.editors_chat,
    )
    introduce = Introduce(chats)
    for observer in (dispatcher.message, dispatcher.callback_query, dispatcher.my_chat_member):
        observer.outer_middleware(introduce)
    dispatcher.include_router(handlers.build())
    arrived = asyncio.Event()
    housekeeping = Housekeeping(storage, outgoing, clock)
    return App(
        config=config,
        storage=storage,
        api=api,
        outgoing=outgoing,
        ingest=ingest,
        chats=chats,
        deliver=deliver,
        housekeeping=housekeeping,
        poller=Poller(api, storage, outgoing, clock, arrived),
        desk=Desk(storage, housekeeping, dispatcher, bot, answers, clock, arrived, speed),
        words=words,
        speed=speed,
    )


def _site(config: Config, fetcher: Fetcher) -> Site:
    site = config.site
    home = (site.url or NEWS_ASIA) if site.one_article else None
    return Site(fetcher, adapter=site.adapter, selectors=Selectors(**site.selectors.model_dump()), home=home)


def _guard(config: Config) -> Guard:
    posts = config.posts
    return Guard(old=posts.old_after, many=posts.hold_above, never=posts.never_after)


async def prepare(storage: Storage, keyring: Keyring) -> None:
    """A fresh database gets its schema; an old one is left alone with a sentence; a wrong key is noticed."""
    if not await check_schema(storage):
        await migrate(storage)
    proof = keyring.lookup("elchi")
    async with storage.transaction() as tx:
        known = await tx.settings.get(KEY_CHECK)
        if known is None:
            await tx.settings.put(KEY_CHECK, proof)
        elif not secrets.compare_digest(known, proof):
            log.error("the key is not the one this database was made with: what it sealed cannot be opened")
