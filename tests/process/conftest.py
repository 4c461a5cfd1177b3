"""A newsroom with the real bot: Telegram and the site live in the test, `elchi` in a process of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.botapi import serve
from sandbox.model import Chat, Message, User
from sandbox.portal import Portal, serve_portal
from sandbox.telegram import Telegram
from tests.process.running import TOKEN, Elchi, until, write_config


@dataclass
class Newsroom:
    """The world around the bot. Every process started here is gone when the test is over."""

    telegram: Telegram
    portal: Portal
    api: str
    folder: Path
    reader: User
    owner: User
    channel: Chat
    editors: Chat
    processes: list[Elchi] = field(default_factory=list)

    def config(
        self, *, database: str = "", feed: str = "", token: str = TOKEN, channels: tuple[int, ...] = (), api: str = ""
    ) -> Path:
        return write_config(
            self.folder,
            api=api or self.api,
            feed=feed or f"{self.portal.url}/rss",
            database=database,
            token=token,
            editors=self.editors.id,
            channels=channels,
        )

    async def opens(self, config: Path, *more: str, environ: dict[str, str] | None = None) -> Elchi:
        """`elchi run` begins."""
        elchi = Elchi(("run", "-c", str(config), *more), environ or {})
        self.processes.append(elchi)
        await elchi.start()
        return elchi

    async def until(self, holds: Callable[[], bool], why: str, seconds: float = 30.0) -> None:
        """Wait for something to become true; if it does not, tell what the bot said meanwhile."""
        try:
            await until(holds, seconds, why)
        except TimeoutError as late:
            raise AssertionError(f"{late}\n" + "\n".join(elchi.said for elchi in self.processes)) from None

    async def archive_is_seen(self) -> None:
        """Until the bot asks for the feed a second time: what it said the first time is known by then."""
        await self.until(lambda: len(self.portal.feed_reads) >= 2, "the archive is seen")

    async def feed_is_read(self, times: int = 1) -> None:
        before = len(self.portal.feed_reads)
        await self.until(lambda: len(self.portal.feed_reads) >= before + times, "the feed is read")

    async def is_welcomed(self, user: User) -> None:
        """Somebody presses /start and is answered."""
        self.telegram.start(user.id)
        await self.until(lambda: bool(self.heard(user)), f"{user.first_name} is welcomed")

    async def channel_is_connected(self) -> None:
        """The owner, whom the bot knows, adds it to the channel and is told that it worked."""
        await self.is_welcomed(self.owner)
        bot = self.telegram.bot().user
        self.telegram.set_member(
            self.channel.id, bot.id, "administrator", by=self.owner.id, can_post_messages=True, can_edit_messages=True
        )
        await self.until(lambda: len(self.heard(self.owner)) == 2, "the owner hears that the channel is connected")

    def heard(self, chat: Chat | User) -> list[str]:
        """What the bot has said in a chat, oldest first."""
        return [message.text for message in self.messages(chat)]

    def messages(self, chat: Chat | User) -> list[Message]:
        bot = self.telegram.bot().user
        return [message for message in self.telegram.messages(chat.id) if message.bot_id == bot.id]


@pytest.fixture
async def newsroom(tmp_path: Path) -> AsyncIterator[Newsroom]:
    telegram, portal = Telegram(), Portal()
    bot = telegram.add_bot(TOKEN)
    reader, owner, editor = (telegram.add_user(name) for name in ("Айгуль", "Бакыт", "Мария"))
    channel, editors = telegram.add_channel("Вестник", username="vestnik"), telegram.add_supergroup("Редакция")
    telegram.set_member(channel.id, owner.id, "creator")
    telegram.set_member(editors.id, editor.id, "creator")
    telegram.set_member(editors.id, bot.id, "member", by=editor.id)
    portal.publish("Старая статья", "Она вышла до бота.")
    async with serve(telegram) as server, serve_portal(portal):
        room = Newsroom(telegram, portal, server.url, tmp_path, reader, owner, channel, editors)
        try:
            yield room
        finally:
            for elchi in room.processes:
                await elchi.kill()
    assert telegram.violations == []
    assert TOKEN not in "".join(elchi.said for elchi in room.processes)


def events(elchi: Elchi) -> list[str]:
    """What `--log json` said, every line of it."""
    lines = [json.loads(line) for line in elchi.errors.splitlines()]
    assert all(set(line) == {"at", "level", "from", "event"} for line in lines)
    return [line["event"] for line in lines]


@dataclass(slots=True)
class SilentSite:
    """A server that takes every request and answers none."""

    url: str = ""
    asked: int = 0


@asynccontextmanager
async def silent_site() -> AsyncIterator[SilentSite]:
    site = SilentSite()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        site.asked += 1
        await reader.read()  # until the other side gives up
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        site.url = f"http://{host}:{port}"
        yield site
