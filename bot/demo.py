"""The demonstration: the whole bot against a Telegram of its own and a sample news site; it alone knows both."""

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from bot.app import App, build
from bot.config import Config
from bot.keyring import keyring_from, new_secret
from newsroom.errors import ConfigError, ElchiError
from sandbox.botapi import serve
from sandbox.portal import SAMPLE_ARTICLES, Portal, serve_portal
from sandbox.telegram import Chat, Telegram, User

TOKEN = "4242:AAthisTokenOpensOnlyTheSandbox_00000"  # noqa: S105 - it opens nothing but the stand-in in this process
PATIENCE = 15.0
STORIES = 3


@dataclass(slots=True)
class Stage:
    """Who plays: a reader, a channel and its owner, the editors, and the bot."""

    telegram: Telegram
    portal: Portal
    reader: User
    owner: User
    channel: Chat
    editors: Chat
    console: Console
    began: float

    def tell(self, text: str) -> None:
        self.console.print(f"[dim]{time.monotonic() - self.began:5.1f} s[/]  {text}", highlight=False, markup=True)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise ElchiError(f"the demonstration waited in vain for {what}")
            await asyncio.sleep(0.02)

    def posts(self) -> list[str]:
        return [message.text for message in self.telegram.messages(self.channel.id)]

    def received(self) -> list[str]:
        return [message.text for message in self.telegram.messages(self.reader.id)]


async def play(*, port: int, once: bool, console: Console | None = None) -> None:
    """Play the scenario; then stay until Ctrl-C with the site publishing on, unless `once`. Raises ConfigError."""
    telegram, portal = Telegram(), Portal(bare=True)  # title, link and date, as the first customer's feed gives
    stage = _set_the_stage(telegram, portal, console or Console())
    portal.publish_samples(len(SAMPLE_ARTICLES) - STORIES - 3)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elchi-demo-")))
        try:
            server = await stack.enter_async_context(serve(telegram, port=0 if once else port))
        except OSError as error:
            raise ConfigError(f"port {port} cannot be used: choose another with --port") from error
        site = await stack.enter_async_context(serve_portal(portal))
        bot = await stack.enter_async_context(
            build(_config(stage, server.url, site.url, folder), keyring_from(new_secret()))
        )
        await _perform(stage, bot, server.url, once=once)


def _set_the_stage(telegram: Telegram, portal: Portal, console: Console) -> Stage:
    bot = telegram.add_bot(TOKEN)
    reader, owner, editor = (telegram.add_user(name) for name in ("Айгуль", "Бакыт", "Мария"))
    channel = telegram.add_channel(portal.name, username="stepnoy_vestnik")
    editors = telegram.add_supergroup("Редакция")
    telegram.set_member(channel.id, owner.id, "creator")
    telegram.set_member(editors.id, editor.id, "creator")
    telegram.set_member(editors.id, bot.id, "member", by=editor.id)
    return Stage(telegram, portal, reader, owner, channel, editors, console, time.monotonic())


def _config(stage: Stage, api: str, site: str, folder: Path) -> Config:
    return Config.model_validate(
        {
            "telegram": {"token": TOKEN, "api": api, "editors_chat": stage.editors.id},
            "site": {
                "name": stage.portal.name,
                "timezone": "Asia/Bishkek",
                "adapter": "news-asia",
                "url": f"{site}/",
            },
            "feeds": [{"url": f"{site}/rss", "every": "1s"}],
            "storage": {"url": f"sqlite+aiosqlite:///{folder / 'demo.db'}"},
            "fetch": {"allow_private": True},
        }
    )


async def _perform(stage: Stage, bot: App, page: str, *, once: bool) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    stage.console.print(
        Panel(
            f"The bot, a Telegram of its own and the news site “{stage.portal.name}” run on this machine alone.\n"
            f"Look at the chats: [bold]{page}[/]",
            title="Elchi",
            border_style="cyan",
            expand=False,
            highlight=False,
        )
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(bot.run(stop))
        try:
            scene = group.create_task(_scenes(stage))
            stopped = group.create_task(stop.wait())
            await asyncio.wait({scene, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if scene.done():
                await scene
                _summary(stage)
                if not once:
                    await _go_on(stage, stop, page)
            else:
                scene.cancel()
        finally:
            stop.set()


def _has(texts: Callable[[], list[str]], count: int) -> bool:
    return len(texts()) >= count


async def _scenes(stage: Stage) -> None:
    telegram, portal = stage.telegram, stage.portal
    telegram.set_member(
        stage.channel.id,
        telegram.bot().user.id,
        "administrator",
        by=stage.owner.id,
        can_post_messages=True,
    )
    stage.tell(f"[bold]{stage.owner.first_name}[/] adds the bot to the channel “{stage.channel.title}”")
    telegram.start(stage.reader.id)
    await stage.until(lambda: len(stage.received()) >= 2, "the welcome")
    stage.tell(f"[bold]{stage.reader.first_name}[/] presses /start and is welcomed")
    reads = len(portal.feed_reads)
    await stage.until(lambda: len(portal.feed_reads) >= reads + 2, "the first read of the feed")
    stage.tell(f"the archive ({len(portal.articles)} articles) is marked as seen, and not poured out")
    for number, sample in enumerate(SAMPLE_ARTICLES[-STORIES:], 1):
        article = portal.publish_sample(sample)
        await stage.until(partial(_has, stage.posts, number), "the post")
        stage.tell(f"published [cyan]{article.title}[/]")
        stage.tell("  → in the channel")
        heard = 2 + number
        await stage.until(partial(_has, stage.received, heard), "the reader's copy")
        stage.tell("  → on the reader's phone")
    changed = portal.articles[-1]
    portal.change(changed, title=f"{changed.title} (обновлено)")
    await stage.until(
        lambda: "(обновлено)" in stage.posts()[-1] and "(обновлено)" in stage.received()[-1], "the correction"
    )
    stage.tell("the site changes a headline → [green]every copy is edited[/]")


def _summary(stage: Stage) -> None:
    table = Table(title="What is where", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column, width in (("chat", 16), ("messages", 8), ("photos", 6), ("the newest", 20)):
        table.add_column(column, no_wrap=True, overflow="ellipsis", min_width=width)
    for chat in (stage.channel, stage.reader):
        messages = stage.telegram.messages(chat.id)
        title = chat.title if isinstance(chat, Chat) else chat.first_name
        photos = sum(message.photo is not None for message in messages)
        table.add_row(title, str(len(messages)), str(photos), messages[-1].text.split("\n")[0])
    stage.console.print()
    stage.console.print(table)
    refused = [call for call in stage.telegram.calls if call.status >= 400]
    stage.console.print(
        f"\n{len(stage.telegram.calls)} calls to Telegram, {len(refused)} refused, "
        f"{len(stage.telegram.violations)} against the rules."
    )


async def _go_on(stage: Stage, stop: asyncio.Event, page: str) -> None:
    """The site publishes an article now and then, until Ctrl-C."""
    stage.console.print(f"\nThe site goes on publishing. Look: [bold]{page}[/]   Ctrl-C ends it.")
    for sample in SAMPLE_ARTICLES[-STORIES - 3 : -STORIES]:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 20)
        if stop.is_set():
            return
        stage.portal.publish_sample(sample)
        stage.tell(f"published [cyan]{sample.title}[/]")
    await stop.wait()
