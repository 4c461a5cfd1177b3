"""How fast one article reaches everybody: the real loop and the real storage, with Telegram answering at once.

`python -m bench.fanout [--chats 1000000] [--database sqlite|postgres] [--until-sent 100000] [--batch 200]`
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, select

from bot.keyring import keyring_from, new_secret
from newsroom.articles import FetchedArticle
from newsroom.deliveries import ChatKind, Form, Lane, Outcome, Picture, Sent
from newsroom.ids import ChatId
from newsroom.pacing import Wait
from newsroom.text import render
from newsroom.text.post import Post
from newsroom.text.words import Words
from services.deliver import Deliver
from services.outgoing import Outgoing
from storage.database import Storage, migrate, open_storage
from storage.tables import chats, recipients
from tests.servers import start_postgres

FIRST_GOAL_MS = 50.0
MEMORY_GOAL_MB = 40.0
CHUNK = 10_000
ARTICLE = FetchedArticle(
    "bench:1", "Мост открыт", "https://example.org/view/1", "Движение началось утром.", None, None, None, ()
)


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this is the benchmark's Clock


@dataclass(slots=True)
class Open:
    """A gate that grants always."""

    def ask(self, _chat: ChatId, _kind: ChatKind, _queue: Lane | str, _cost: int = 1) -> Wait | None:
        return None

    def owed(self, _queue: Lane | str) -> int:
        return 0

    def throttled(self, _chat: ChatId | None, _seconds: float) -> bool:
        return False

    def pause(self, _seconds: float) -> None:
        return None


@dataclass(slots=True)
class Instant:
    """A Telegram that has accepted before one can ask; it counts, and remembers who got what how often."""

    size: int
    enough: int
    got: bytearray = field(init=False)
    count: int = 0
    twice: int = 0
    first_at: float = 0.0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.got = bytearray(self.size + 1)

    async def send(self, chat: ChatId, _post: Post, _picture: Picture | None) -> Outcome:
        self.first_at = self.first_at or time.perf_counter()
        self.twice += self.got[chat]
        self.got[chat] = 1
        self.count += 1
        if self.count >= self.enough:
            self.done.set()
        return Sent(self.count)

    async def answers(self) -> bool:
        return True

    async def edit(self, _chat: ChatId, message_id: int, _post: Post, _form: Form, _picture: Picture | None) -> Outcome:
        return Sent(message_id)


def memory_mb(line: str) -> float:
    """VmRSS (now) or VmHWM (the peak) of this process."""
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith(f"{line}:"):
            return int(row.split()[1]) / 1024
    raise LookupError(line)


def peak_from_here() -> float:
    """Let VmHWM count anew; returns VmRSS."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory_mb("VmRSS")


def _open(url: str) -> Storage:
    return open_storage(url, keyring_from(new_secret()))


def prepare(url: str, size: int) -> None:
    """A database with `size` private chats connected (run in a process of its own: its memory is not measured)."""

    async def fill() -> None:
        storage = _open(url)
        await migrate(storage)
        for start in range(1, size + 1, CHUNK):
            numbers = range(start, min(start + CHUNK, size + 1))
            async with storage.transaction() as tx:
                await tx.connection.execute(
                    insert(recipients), [{"id": n, "chat_id": n, "lookup": str(n), "kind": "private"} for n in numbers]
                )
                constant = {"title": "", "lane": Lane.PRIVATE, "active": True, "from_broadcast": 0}
                await tx.connection.execute(
                    insert(chats), [constant | {"recipient_id": n, "connected_at": now()} for n in numbers]
                )
        await storage.close()

    asyncio.run(fill())


def eager(url: str) -> tuple[float, float]:
    """What the obvious way costs before its first message: everybody's id in a list. Returns (ms, MB)."""

    async def load() -> tuple[float, float]:
        storage = _open(url)
        async with storage.reading() as tx:
            await tx.chats.get(ChatId(1))  # connected and compiled, as in the measured run
            before, began = memory_mb("VmRSS"), time.perf_counter()
            everybody = list(
                await tx.connection.scalars(
                    select(recipients.c.chat_id)
                    .join(chats, chats.c.recipient_id == recipients.c.id)
                    .where(chats.c.active, chats.c.lane == Lane.PRIVATE)
                )
            )
            assert everybody
            took = (time.perf_counter() - began) * 1000
        await storage.close()
        return took, memory_mb("VmHWM") - before

    return asyncio.run(load())


async def deliver(url: str, size: int, enough: int, batch: int) -> tuple[Instant, float, float, float]:
    """Announce one article to everybody; returns the sender, ms to the first message, seconds in all, MB of growth."""
    storage = _open(url)
    sender = Instant(size, enough)
    outgoing = Outgoing(now, ())
    loop = Deliver(storage, outgoing, sender, Open(), now, Words(("ru",)), batch=batch)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(loop.run(stop))
        await asyncio.sleep(1)  # the loop stands idle, as it does between two articles
        before = peak_from_here()
        async with storage.transaction() as tx:
            await tx.lock_audience()
            await tx.outbox.announce("article", None, Lane.PRIVATE, render.article_content(ARTICLE), now())
        committed = time.perf_counter()
        loop.wake()
        await sender.done.wait()
        took = time.perf_counter() - committed
        stop.set()
    growth = memory_mb("VmHWM") - before
    await storage.close()
    return sender, (sender.first_at - committed) * 1000, took, growth


@contextmanager
def database(kind: str) -> Iterator[str]:
    if kind == "postgres":
        with start_postgres() as server:
            yield server.create_database("fanout")
    else:
        with tempfile.TemporaryDirectory(prefix="elchi-fanout-") as folder:
            yield f"sqlite+aiosqlite:///{folder}/fanout.db"


def verdict(value: float, goal: float) -> str:
    return f"{'✔' if value <= goal else '✘'} (goal ≤ {goal:g})"


def main() -> None:
    """Measure and print; a goal missed is shown, never an error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chats", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--until-sent", type=int, default=None, help="stop after so many messages (default: everybody)")
    parser.add_argument("--batch", type=int, default=200)
    given = parser.parse_args()
    enough = min(given.chats, given.until_sent or given.chats)
    spawn = multiprocessing.get_context("spawn")
    with database(given.database) as url:
        began = time.perf_counter()
        with ProcessPoolExecutor(1, spawn) as other:
            other.submit(prepare, url, given.chats).result()
        print(f"{given.chats:,} private chats on {given.database}, ready in {time.perf_counter() - began:.0f} s")
        with ProcessPoolExecutor(1, spawn) as other:
            eager_ms, eager_mb = other.submit(eager, url).result()
        sender, first_ms, took, growth = asyncio.run(deliver(url, given.chats, enough, given.batch))
    print(f"commit → first message   {first_ms:10.1f} ms   {verdict(first_ms, FIRST_GOAL_MS)}")
    print(f"memory growth (peak)     {growth:10.1f} MB   {verdict(growth, MEMORY_GOAL_MB)}")
    print(f"handed over              {sender.count:10,} in {took:.1f} s = {sender.count / took:,.0f} messages/s")
    print(f"handed over twice        {sender.twice:10,}")
    print(f"eager list of all ids    {eager_ms:10.1f} ms, {eager_mb:.1f} MB before its first message")
    print(
        f"eager : Elchi            {eager_ms / first_ms:10.1f} × as long to the first message, "
        f"{eager_mb / max(growth, 0.1):.1f} × the memory"
    )


if __name__ == "__main__":
    main()
