"""A newsroom in a bottle: the whole bot against the sandbox and the sample portal, spoken to like people do."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from bot.app import App, build, utc_now
from bot.config import Config
from bot.keyring import SecretKeyring, keyring_from, new_secret
from sandbox.botapi import serve
from sandbox.model import Chat, Message, User
from sandbox.portal import Portal, serve_portal
from sandbox.telegram import Telegram

SPEED = 20.0
TOKEN = "4242:AAthisTokenOpensOnlyTheSandbox_00000"


@dataclass
class Talk:
    """What a test says and hears. Times are bounded: what does not come within ten seconds does not come."""

    telegram: Telegram
    portal: Portal
    config: Config
    keyring: SecretKeyring
    reader: User
    admin: User
    editor: User
    channel: Chat
    editors: Chat
    port: int = 0
    shift: timedelta = timedelta(0)
    app: App | None = None
    _server: AsyncExitStack = field(default_factory=AsyncExitStack)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def opens(self) -> None:
        """The bot starts (again)."""
        ready = asyncio.Event()
        self._stop = asyncio.Event()

        async def live() -> None:
            async with build(self.config, self.keyring, speed=SPEED, clock=self.now) as app:
                self.app = app
                ready.set()
                await app.run(self._stop)

        self._task = asyncio.create_task(live())
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            waiting.cancel()
            await self._task

    def now(self) -> datetime:
        return utc_now() + self.shift

    async def network_comes(self) -> None:
        served = await self._server.enter_async_context(serve(self.telegram, port=self.port))
        self.port = served.port

    async def network_goes(self) -> None:
        await self._server.aclose()

    async def closes(self) -> None:
        """The bot stops in order."""
        self._stop.set()
        if self._task is not None:
            task, self._task = self._task, None
            await task

    @asynccontextmanager
    async def running(self) -> AsyncIterator[App]:
        await self.opens()
        try:
            assert self.app is not None
            yield self.app
        finally:
            await self.closes()

    async def until(self, holds: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + seconds
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            assert time.monotonic() < deadline, f"it did not come true within {seconds} s"
            await asyncio.sleep(0.01)

    async def quiet(self) -> None:
        """Until everything that came is handled and everything wanted is sent."""

        async def rests() -> bool:
            assert self.app is not None
            async with self.app.storage.reading() as tx:
                done = await tx.outbox.idle() and await tx.inbox.waiting() == 0
            return done and self.app.desk.at_rest

        await self.until(rests)

    async def feed_is_read(self) -> None:
        """Until the bot has asked for the feed twice more: whatever the site said before is known by then."""
        before = len(self.portal.feed_reads)
        await self.until(lambda: len(self.portal.feed_reads) >= before + 2)
        await self.quiet()

    async def says(self, user: User, text: str, chat: Chat | None = None) -> None:
        self.telegram.says(user.id, text, chat.id if chat else None)
        await self.heard()

    async def heard(self) -> None:
        """Until the bot has fetched and handled what Telegram holds for it."""
        bot = self.telegram.bot()
        await self.until(lambda: not bot.queue)
        await self.quiet()

    def texts(self, chat: Chat | User) -> list[str]:
        """What the bot has said in a chat, oldest first."""
        return [message.text for message in self.bot_messages(chat)]

    def bot_messages(self, chat: Chat | User) -> list[Message]:
        ours = self.telegram.bot().user.id
        return [m for m in self.telegram.messages(chat.id) if m.from_id in (ours, None) or chat is self.channel]


@pytest.fixture
async def talk(database_url: str) -> AsyncIterator[Talk]:
    telegram = Telegram(speed=SPEED)
    me = telegram.add_bot(TOKEN)
    reader, admin, editor = (telegram.add_user(name) for name in ("Айгуль", "Бакыт", "Мария"))
    channel, editors = telegram.add_channel("Вестник", username="vestnik"), telegram.add_supergroup("Редакция")
    telegram.set_member(channel.id, admin.id, "creator")
    telegram.set_member(editors.id, editor.id, "member")
    telegram.set_member(editors.id, me.id, "member", by=editor.id)
    portal = Portal()
    portal.publish("Старая статья", "Она вышла до бота.")
    async with AsyncExitStack() as stack, serve_portal(portal) as site:
        port = (await stack.enter_async_context(serve(telegram))).port
        config = Config.model_validate(
            {
                "telegram": {
                    "token": TOKEN,
                    "api": f"http://127.0.0.1:{port}",
                    "editors_chat": editors.id,
                    "owners": [editor.id],
                },
                "site": {"timezone": "Asia/Bishkek", "adapter": "news-asia", "url": f"{site.url}/"},
                "feeds": [{"url": f"{site.url}/rss", "every": "2s"}],
                "storage": {"url": database_url},
                "fetch": {"allow_private": True},
            }
        )
        talk = Talk(
            telegram,
            portal,
            config,
            keyring_from(new_secret()),
            reader,
            admin,
            editor,
            channel,
            editors,
            port,
            timedelta(0),
        )
        talk._server.push_async_exit(stack.pop_all())
        yield talk
        await talk.closes()
        await talk.network_goes()
        assert telegram.violations == []
