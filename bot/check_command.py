"""What `elchi check` looks at: token, clock, rights, site, feeds, database, key, time zone; ✔ or ✘, what to do."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.config import Config
from bot.gateways.feeds import HttpFeeds, fetch_time
from bot.gateways.http import Fetcher, user_agent
from bot.gateways.site import Selectors, Site
from bot.gateways.telegram import Api
from bot.keyring import keyring_from, load_keyring, new_secret
from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, Validators, shown
from newsroom.errors import ConfigError, ElchiError, KeyProblem, TokenRefused
from storage.database import Storage, check_schema, open_storage

CHANNEL_RIGHTS = {"can_post_messages": "post messages", "can_edit_messages": "edit messages"}
NO_SCHEMA = "empty: `elchi run` makes the schema"
CLOCK_MAY_BE_OFF = 60  # seconds; it decides which news are old, and the answer took its time too
PATIENCE = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    what: str
    good: bool
    said: str


async def look(config: Config, environ: Mapping[str, str], console: Console | None = None) -> int:
    """Print the table; 0 when everything is as it should be, else 1."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("", "what", "how it is, and what to do"):
        table.add_column(column)
    good = True
    async for finding in _findings(config, environ):
        good = good and finding.good
        table.add_row("[green]✔[/]" if finding.good else "[red]✘[/]", escape(finding.what), escape(finding.said))
    (console or Console()).print(table)
    return 0 if good else 1


async def _findings(config: Config, environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    async with Api(config.telegram.api, config.telegram.token.get_secret_value()) as api:
        try:
            me = await api.me()
            yield Finding("token", good=True, said=f"@{me.get('username')}")
            yield await _clock(config.telegram.api)
            async for finding in _chats(api, config):
                yield finding
        except TokenRefused as refused:
            yield Finding("token", good=False, said=str(refused))
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            yield Finding("Telegram", good=False, said=f"cannot be reached ({type(error).__name__}): check the network")
    yield site_finding(config)
    async for finding in _feeds(config):
        yield finding
    yield await _database(config)
    yield _key(config, environ)
    yield Finding("time zone", good=True, said=str(ZoneInfo(config.site.timezone)))


async def _clock(address: str) -> Finding:
    """Any answer of that server says what time it is there, so it is asked for nothing and without the token."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        try:
            async with session.head(f"{address}/", allow_redirects=False) as answer:
                return clock_finding(answer.headers.get("Date", ""), fetch_time())
        except (aiohttp.ClientError, TimeoutError):  # a Bot API server of one's own may answer nothing but calls
            return clock_finding("", fetch_time())


def clock_finding(date: str, here: datetime) -> Finding:
    """The Date of an HTTP answer beside this machine's clock."""
    try:
        there = parsedate_to_datetime(date)
    except ValueError:
        return Finding("clock", good=True, said="not compared: Telegram's answer has no date")
    off = round((here - (there if there.tzinfo else there.replace(tzinfo=UTC))).total_seconds())
    if abs(off) <= CLOCK_MAY_BE_OFF:
        return Finding("clock", good=True, said="as Telegram's")
    way = "ahead of" if off > 0 else "behind"
    return Finding("clock", good=False, said=f"{abs(off)} s {way} Telegram's: set it, and keep it right with NTP")


def site_finding(config: Config) -> Finding:
    """Whether the article pages can be read as it is written."""
    site = config.site
    fetcher = Fetcher(user_agent=user_agent(version("elchi"), config.contact))  # opens nothing until it is entered
    try:
        Site(fetcher, adapter=site.adapter, selectors=Selectors(**site.selectors.model_dump()))
    except ConfigError as problem:
        return Finding("site", good=False, said=str(problem))
    return Finding("site", good=True, said=f"{site.name} ({site.adapter})")


async def _chats(api: Api, config: Config) -> AsyncIterator[Finding]:
    editors = config.telegram.editors_chat
    if editors is None:
        said = "none: alarms go to the owners" if config.telegram.owners else "none, and no owners: alarms reach nobody"
        yield Finding("editors' chat", good=bool(config.telegram.owners), said=said)
    else:
        yield await _chat(api, editors, "editors' chat", {})
    for channel in config.channels:
        yield await _chat(api, channel.chat, f"channel {channel.chat}", CHANNEL_RIGHTS)


async def _chat(api: Api, chat: int | str, what: str, rights: Mapping[str, str]) -> Finding:
    """Bot API getChat and getChatMember: is the bot there, and which right is missing."""
    found = await api.call("getChat", {"chat_id": chat})
    if found.result is None:
        return Finding(what, good=False, said=f"{found.words}: add the bot there")
    member = (await api.call("getChatMember", {"chat_id": chat, "user_id": api.bot_id})).result
    missing = _missing(member, rights)
    title = str(found.result.get("title", chat))
    return Finding(what, good=not missing, said=f"{title}: {missing}" if missing else title)


def _missing(member: Any, rights: Mapping[str, str]) -> str:
    status = member.get("status") if isinstance(member, dict) else None
    if status in (None, "left", "kicked"):
        return "the bot is not a member: add it"
    if status == "restricted" and not member.get("can_send_messages"):
        return "the bot may not write: lift its restriction"
    if rights and status != "administrator":
        return "the bot is not an administrator: make it one"
    lacking = [words for right, words in rights.items() if not member.get(right)]
    return f"missing right: {', '.join(lacking)}" if lacking else ""


async def _feeds(config: Config) -> AsyncIterator[Finding]:
    agent = user_agent(version("elchi"), config.contact)
    async with (
        Fetcher(user_agent=agent, allow_private=config.fetch.allow_private) as fetcher,
        aclosing(HttpFeeds(fetcher, ZoneInfo(config.site.timezone))) as source,
    ):
        for feed in config.feeds:
            answer = await source.read(feed.url, Validators())
            match answer:
                case FeedRead(title, articles):
                    yield Finding(f"feed {shown(feed.url)}", good=True, said=f"{title}: {len(articles)} articles")
                case FeedUnchanged():
                    yield Finding(f"feed {shown(feed.url)}", good=True, said="unchanged")
                case FeedFailed(_, reason):
                    yield Finding(f"feed {shown(feed.url)}", good=False, said=reason)


async def _database(config: Config) -> Finding:
    what = f"database ({config.storage.url.partition(':')[0]})"
    try:
        storage = open_storage(config.storage.url, keyring_from(new_secret()))
        if (folder := _still_to_be_made_in(storage)) is not None:
            wrong = _wrong_with(folder)
            return Finding(what, good=not wrong, said=wrong or NO_SCHEMA)
        try:
            current = await check_schema(storage)
        finally:
            await storage.close()
    except ElchiError as problem:
        return Finding(what, good=False, said=str(problem))
    return Finding(what, good=True, said="up to date" if current else NO_SCHEMA)


def _still_to_be_made_in(storage: Storage) -> Path | None:
    """The folder of a SQLite database that does not exist: looking into it would make it, and as whoever checks."""
    if storage.engine.dialect.name != "sqlite":
        return None
    file = Path(storage.engine.url.database or "").absolute()
    return None if file.exists() else file.parent


def _wrong_with(folder: Path) -> str:
    if not folder.is_dir():
        return f"the folder {folder} does not exist: make it"
    return "" if os.access(folder, os.W_OK) else f"the folder {folder} is not writable: give this user the right"


def _key(config: Config, environ: Mapping[str, str]) -> Finding:
    path = config.secrets.key_file
    where = "from ELCHI_KEY" if environ.get("ELCHI_KEY") else str(path)
    if not environ.get("ELCHI_KEY") and not path.exists():
        said = f"{path} does not exist yet: `elchi run` makes it for a fresh database"
        return Finding("key", good=True, said=said)
    try:
        load_keyring(path, environ, may_make=False)
    except KeyProblem as problem:
        return Finding("key", good=False, said=str(problem))
    return Finding("key", good=True, said=where)
