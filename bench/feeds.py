"""How well feeds are read beside bare feedparser, in one run: an unchanged check, the event loop's stall, memory.

`python -m bench.feeds [--items 5000] [--checks 3500]`. It prints its goals and whether they are reached; it asserts
nothing, because another machine has other numbers. Ratios are of the same run.
"""

import argparse
import asyncio
import gc
import io
import os
import statistics
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from bot.gateways.feeds import HttpFeeds
from bot.gateways.http import Fetcher
from newsroom.articles import FeedRead, FeedUnchanged, Validators

UNCHANGED_GOAL = 1.3  # times a bare 304
STALL_GOAL_MS = 10.0  # 99 of 100 looks at the loop
MEMORY_GOAL_MB = 300.0
BEAT = 0.001  # seconds between looks at the loop
SAMPLE = 0.05  # seconds between looks at the memory of the tree
ROUND = 50  # checks of each kind in turn; the ratio is the median of all rounds
WORDS = "Мэр Бишкека рассказал о ремонте дорог на юге города. " * 18
ITEM = (
    "<item><title>Новость {n}</title><link>https://news.example.kg/view/{n}</link><guid>{n}</guid>"
    "<pubDate>Fri, 20 Feb 2026 07:36:00 +0600</pubDate><category>Общество</category>"
    "<description>&lt;p&gt;{words}&lt;/p&gt;&lt;img src='/{n}.jpg'&gt;</description></item>"
)


def feed_of(items: int) -> bytes:
    """An RSS feed with two kilobytes an item."""
    body = "".join(ITEM.format(n=n, words=WORDS) for n in range(items))
    return f'<rss version="2.0"><channel><title>T</title>{body}</channel></rss>'.encode()


@dataclass(slots=True)
class Watch:
    """What the event loop and the memory of the process tree did meanwhile."""

    stalls: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    seconds: float = 0.0

    @property
    def p99_ms(self) -> float:
        return 1000 * sorted(self.stalls)[int(len(self.stalls) * 0.99)]

    @property
    def worst_ms(self) -> float:
        return 1000 * max(self.stalls)


def tree_mb() -> float:
    """The resident memory of this process and its children; nothing where there is no /proc."""
    total, us = 0, os.getpid()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if us in (int(stat.parent.name), int(fields[1])):
            total += int(fields[21])
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


async def watched(work: Callable[[], Awaitable[Any]]) -> tuple[Watch, Any]:
    """Do the work; beside it a heartbeat sees how late the loop lets it be."""
    watch, done = Watch(), threading.Event()

    def look() -> None:
        while not done.wait(SAMPLE):
            watch.peak_mb = max(watch.peak_mb, tree_mb())

    async def beat() -> None:
        while not done.is_set():
            asked = time.perf_counter()
            await asyncio.sleep(BEAT)
            watch.stalls.append(time.perf_counter() - asked - BEAT)

    watcher = threading.Thread(target=look)
    watcher.start()
    heart = asyncio.create_task(beat())
    await asyncio.sleep(10 * BEAT)  # it beats before the work begins
    started = time.perf_counter()
    try:
        result = await work()
        watch.seconds = time.perf_counter() - started
    finally:
        await asyncio.sleep(2 * BEAT)
        done.set()
        await heart
        await asyncio.to_thread(watcher.join)
    return watch, result


SERVER = """
import sys
from aiohttp import web
body = sys.stdin.buffer.read()
async def answer(request):
    if request.headers.get("If-None-Match") == '"1"':
        return web.Response(status=304)
    return web.Response(body=body, content_type="application/rss+xml", headers={"ETag": '"1"'})
async def start():
    app = web.Application()
    app.router.add_get("/rss", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
import asyncio
loop = asyncio.new_event_loop()
loop.run_until_complete(start())
loop.run_forever()
"""


@asynccontextmanager
async def serving(body: bytes) -> AsyncIterator[str]:
    """A server in a process of its own, so that its work is not in our figures."""
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, stdin=pipe, stdout=pipe)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(body)
    server.stdin.close()
    try:
        yield f"http://127.0.0.1:{int(await server.stdout.readline())}/rss"
    finally:
        server.kill()
        await server.wait()


async def unchanged(checks: int) -> tuple[float, float, float]:
    """Microseconds for a bare 304 and for ours, and the ratio; in turns, so that both have the same weather."""
    async with (
        serving(feed_of(1)) as url,
        aiohttp.ClientSession() as session,
        Fetcher(user_agent="bench", allow_private=True) as fetcher,
    ):
        feeds = HttpFeeds(fetcher, ZoneInfo("Asia/Bishkek"))

        async def bare() -> None:
            async with session.get(url, headers={"If-None-Match": '"1"'}) as answer:
                await answer.read()
                assert answer.status == 304

        async def ours() -> None:
            assert isinstance(await feeds.read(url, Validators(etag='"1"')), FeedUnchanged)

        taken: dict[str, list[float]] = {"bare": [], "ours": []}
        for _ in range(checks // ROUND):
            for name, check in (("bare", bare), ("ours", ours)):
                started = time.perf_counter()
                for _ in range(ROUND):
                    await check()
                taken[name].append((time.perf_counter() - started) / ROUND)
        await feeds.aclose()
    ratio = statistics.median(one / other for one, other in zip(taken["ours"], taken["bare"], strict=True))
    return 1e6 * statistics.median(taken["bare"]), 1e6 * statistics.median(taken["ours"]), ratio


async def ours(body: bytes) -> Watch:
    """The feed as the bot reads it, from the request to the articles."""
    async with serving(body) as url, Fetcher(user_agent="bench", allow_private=True) as fetcher:
        feeds = HttpFeeds(fetcher, ZoneInfo("Asia/Bishkek"))
        base = tree_mb()
        watch, result = await watched(lambda: feeds.read(url, Validators()))
        assert isinstance(result, FeedRead)
        print(f"  {len(result.articles)} articles; before the read the tree held {base:.0f} MB (a server among them)")
        await feeds.aclose()
    return watch


async def bare(body: bytes, *, thread: bool) -> Watch:
    """The same bytes given to feedparser, in the loop or in a thread."""
    import feedparser  # not before ours was measured: it would be in our memory

    async def parse() -> int:
        stream = io.BytesIO(body)
        parsed = await asyncio.to_thread(feedparser.parse, stream) if thread else feedparser.parse(stream)
        return len(parsed.entries)

    watch, _ = await watched(parse)
    return watch


def goal(reached: bool) -> str:
    return "✔" if reached else "✘"


def row(name: str, watch: Watch) -> str:
    return (
        f"  {name:<34}{watch.seconds:7.2f} s   stall p99 {watch.p99_ms:8.1f} ms, worst {watch.worst_ms:8.1f} ms   "
        f"tree {watch.peak_mb:5.0f} MB"
    )


async def measure(items: int, checks: int) -> None:
    body = feed_of(items)
    print(f"A feed of {items:,} items, {len(body) / 2**20:.1f} MiB")
    read = await ours(body)
    gc.collect()
    print(row("elchi, fetched and in a worker", read))
    print(row("bare feedparser in a thread", await bare(body, thread=True)))
    print(row("bare feedparser in the loop", await bare(body, thread=False)))
    print(
        f"  {goal(read.p99_ms <= STALL_GOAL_MS)} the loop's p99 stall {read.p99_ms:.1f} ms (goal {STALL_GOAL_MS:g} ms)"
    )
    print(f"  {goal(read.peak_mb <= MEMORY_GOAL_MB)} memory {read.peak_mb:.0f} MB (goal {MEMORY_GOAL_MB:g} MB)")
    plain, checked, ratio = await unchanged(checks)
    print(f"An unchanged check (304) over loopback: bare aiohttp {plain:.0f} µs, elchi {checked:.0f} µs")
    print(f"  {goal(ratio <= UNCHANGED_GOAL)} {ratio:.2f} times a bare 304 (goal {UNCHANGED_GOAL:g})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--checks", type=int, default=3500)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.items, chosen.checks))


if __name__ == "__main__":
    main()
