"""What `elchi feed` does: reads feeds exactly as the bot would and shows what it understood."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.gateways.feed_wire import FeedElsewhere
from bot.gateways.feed_workers import FeedWorkers
from bot.gateways.feeds import HttpFeeds, fetch_time
from bot.gateways.http import Fetcher
from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, FetchedArticle, Validators

USER_AGENT = "Elchi/0.1 (+feed reader)"
FILE_CAP = 10 * 2**20  # as long as a fetched feed may be


async def read_sources(
    sources: Sequence[str],
    *,
    as_json: bool,
    base_url: str,
    content_type: str,
    timezone: str,
    allow_private: bool,
    out: TextIO,
) -> int:
    """Reads files and addresses one after another; 0 when every one of them was a feed, 1 otherwise."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = None
    failed = False
    async with Fetcher(user_agent=USER_AGENT, allow_private=allow_private) as fetcher, FeedWorkers() as workers:
        for source in sources:
            place = None
            if zone is None:
                result: FeedRead | FeedFailed = FeedFailed("error", f"No time zone is called «{timezone}».")
            elif urlsplit_scheme(source):
                feeds = HttpFeeds(fetcher, zone, workers)
                result = await _read_address(source, feeds)
                place = feeds.found_at(source)
            else:
                result = await _read_file(source, base_url, content_type, zone, workers)
            failed |= isinstance(result, FeedFailed)
            if as_json:
                out.write(json.dumps(as_object(source, result, place), ensure_ascii=False) + "\n")
            else:
                _show(source, result, out, place)
    return 1 if failed else 0


def urlsplit_scheme(source: str) -> bool:
    """Whether a source is an address rather than a file's path."""
    try:
        return "://" in source and bool(urlsplit(source).scheme)
    except ValueError:
        return True


async def _read_address(url: str, feeds: HttpFeeds) -> FeedRead | FeedFailed:
    result = await feeds.read(url, Validators())
    if isinstance(result, FeedUnchanged):
        return FeedFailed("error", "The server says nothing has changed, though nothing was read before.")
    return result


async def _read_file(
    path: str, base_url: str, content_type: str, zone: ZoneInfo, workers: FeedWorkers
) -> FeedRead | FeedFailed:
    body = await asyncio.to_thread(_bytes_of, path)
    if isinstance(body, FeedFailed):
        return body
    result = await workers.read(body, content_type=content_type, base_url=base_url, timezone=zone, now=fetch_time())
    match result:
        case FeedElsewhere(url):
            return FeedFailed("not_a_feed", f"A web page came instead of a feed; the feed it names is {url} .")
        case FeedUnchanged():
            return FeedFailed("error", "The file is said to be one that was read before.")
        case _:
            return result


def _bytes_of(path: str) -> bytes | FeedFailed:
    try:
        with Path(path).open("rb") as file:
            body = file.read(FILE_CAP + 1)
    except FileNotFoundError:
        return FeedFailed("error", "There is no such file.")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a file's name"
        return FeedFailed("error", f"The file cannot be read: {reason.lower()}.")
    if len(body) > FILE_CAP:
        return FeedFailed("error", f"The file is longer than {FILE_CAP // 2**20} MiB.")
    return body


def as_object(source: str, result: FeedRead | FeedFailed, place: str | None = None) -> dict[str, Any]:
    """What `--json` prints of one source; its keys are promised to other programs.

    `found_at` is there only when the source was a page, and says where its feed was read.
    """
    if isinstance(result, FeedFailed):
        return {"source": source, "outcome": result.outcome, "error": result.reason, "title": None, "entries": []}
    said = {
        "source": source,
        "outcome": "feed" if result.articles else "empty_feed",
        "error": None,
        "title": result.title,
        "entries": [_entry(article) for article in result.articles],
    }
    return said if place is None else said | {"found_at": place}


def _entry(article: FetchedArticle) -> dict[str, Any]:
    return {
        "id": article.identity,
        "title": article.title,
        "link": article.link or None,
        "published_utc": _utc(article.published),
        "updated_utc": _utc(article.updated),
        "summary": article.lead,
        "image": article.image,
        "categories": list(article.categories),
    }


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _show(source: str, result: FeedRead | FeedFailed, out: TextIO, place: str | None) -> None:
    console = Console(file=out, highlight=False)
    if isinstance(result, FeedFailed):
        console.print(f"✘ {escape(source)}: {escape(result.reason)}")
        return
    if place is not None:
        console.print(f"{escape(source)} names its feed: {escape(place)}")
    table = Table(title=f"{escape(result.title or source)}: {len(result.articles)}", title_justify="left")
    for column in ("published (UTC)", "title", "link"):
        table.add_column(column, overflow="fold")
    for article in result.articles:
        table.add_row(_utc(article.published) or "—", escape(article.headline), escape(article.link or "—"))
    console.print(table)
