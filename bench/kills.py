"""Proof by killing: the real process dies at random moments, and every promise about messages is counted afterwards."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from bench.restless import Restless
from bot.keyring import load_keyring
from newsroom.deliveries import ChatKind, State
from newsroom.ids import ChatId
from sandbox.botapi import serve
from sandbox.model import Chat, Member
from sandbox.portal import Portal, serve_portal
from sandbox.telegram import Telegram
from storage.database import Storage, migrate, open_storage
from storage.tables import articles, broadcasts, feeds, messages, recipients
from tests.process.running import TOKEN, Elchi, until, write_config

LATENCY = 0.05
RATE = 30
SETTLED = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How large one run is."""

    kills: int
    readers: int
    channels: int
    restless: int


Pair = tuple[int, str]
"""A chat and the headline it was sent."""


@dataclass(slots=True)
class Figures:
    """What one run counted."""

    kills: int = 0
    articles: int = 0
    wanted: int = 0
    accepted: int = 0
    lost: int = 0
    unknown: int = 0
    repeats: int = 0
    unflushed: int = 0
    most_unflushed: int = 0
    unexplained: int = 0
    disordered: int = 0
    answers: int = 0
    broken_answers: int = 0
    refused: int = 0
    broken: list[str] = field(default_factory=list)

    def judge(self) -> None:
        """Turn every figure that must be zero into a sentence when it is not."""
        for name, count in {
            "messages lost": self.lost,
            "repeats that no kill explains": self.unexplained,
            "chats out of order": self.disordered,
            "acknowledged commands that did not hold": self.broken_answers,
        }.items():
            if count:
                self.broken.append(f"{count} {name}")


@dataclass(slots=True)
class Kills:
    """One newsroom under fire: the sandbox and the site live here, the bot in a process of its own."""

    telegram: Telegram
    portal: Portal
    storage: Storage
    elchi: Elchi
    plan: Plan
    chance: random.Random
    say: Callable[[str], None]
    steady: list[Chat] = field(default_factory=list)
    restless: list[Restless] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    explained: set[tuple[Pair, int]] = field(default_factory=set)
    """(chat, headline) and its number of accepted copies, where a kill fell between Telegram's yes and our disk"""
    figures: Figures = field(default_factory=Figures)

    async def connect(self) -> None:
        """Everybody wants the news before the first start."""
        bot, now = self.telegram.bot().user, datetime.now(UTC)  # noqa: TID251 - this is the proof's Clock
        for number in range(self.plan.readers + self.plan.restless):
            user = self.telegram.add_user(f"Читатель {number}")
            user.started.add(bot.id)
            if number < self.plan.readers:
                self.steady.append(self.telegram.chats[user.id])
            else:
                self.restless.append(Restless(self.telegram, user, random.Random(self.chance.random())))
        for number in range(self.plan.channels):
            channel = self.telegram.add_channel(f"Канал {number}")
            channel.members[bot.id] = Member(bot, "administrator")
            self.steady.append(channel)
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            for chat in [*self.steady, *(self.telegram.chats[one.user.id] for one in self.restless)]:
                kind = ChatKind.PRIVATE if chat.type == "private" else ChatKind.CHANNEL
                await tx.chats.connect(ChatId(chat.id), kind, chat.title or "", None, None, now)

    # -- what Telegram has accepted ------------------------------------------------------------------------------

    def copies(self) -> Counter[Pair]:
        """How often each chat was given each article."""
        known, found = set(self.titles), Counter[Pair]()
        for (chat, text), count in self.telegram.accepted.items():
            title = text.partition("\n")[0]
            if title in known:
                found[chat, title] += count
        return found

    def given(self) -> int:
        """How many copies of articles have been accepted."""
        return self.copies().total()

    async def states(self) -> dict[Pair, str]:
        """What the database says of every message of an article."""
        async with self.storage.reading() as tx:
            rows = await tx.connection.execute(
                select(recipients.c.chat_id, articles.c.title, messages.c.state)
                .join(broadcasts, broadcasts.c.id == messages.c.broadcast_id)
                .join(articles, articles.c.id == broadcasts.c.article_id)
                .join(recipients, recipients.c.id == messages.c.recipient_id)
            )
            return {(row.chat_id, row.title): row.state for row in rows}

    # -- the fire ------------------------------------------------------------------------------------------------

    async def play(self) -> Figures:
        """Kill as often as planned, let the rest drain, count."""
        await self.connect()
        self.portal.publish("До начала", "Это архив.")
        await self.elchi.start()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            await self._first_read()
            busy = group.create_task(self._keep_busy())
            people = [group.create_task(one.live(stop)) for one in self.restless]
            for _ in range(self.plan.kills):
                await self._wait_and_kill()
                await self.elchi.start()
            busy.cancel()
            stop.set()
            await asyncio.gather(busy, *people, return_exceptions=True)
        await self._drain()
        code = await self.elchi.stop(15)
        if code != 0:
            self.figures.broken.append(f"the last stop ended with {code}")
        await self._count()
        return self.figures

    async def _first_read(self) -> None:
        async def read() -> bool:
            async with self.storage.reading() as tx:
                return bool(await tx.connection.scalar(select(feeds.c.first_read_at)))

        for _ in range(300):
            if await read():
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"the feed was never read:\n{self.elchi.said[-2000:]}")

    async def _keep_busy(self) -> None:
        """One article after another, so that there is always something to send."""
        audience = {chat.id for chat in self.steady}
        while True:
            given = sum(1 for chat, _ in self.copies() if chat in audience)
            if len(self.titles) * len(audience) - given < 1.5 * len(audience):
                title = f"Новость {len(self.titles) + 1}"
                self.titles.append(title)
                self.portal.publish(title, "Коротко о главном.")
            await asyncio.sleep(0.2)

    async def _wait_and_kill(self) -> None:
        """At a random moment, but never before the new process has sent something."""
        before = self.given()
        await until(lambda: self.given() > before or not self.elchi.alive, SETTLED, "a send after the restart")
        await asyncio.sleep(self.chance.uniform(0.0, 1.5))
        if not self.elchi.alive:
            raise RuntimeError(f"the process ended by itself:\n{self.elchi.said[-2000:]}")
        self.elchi.kill_now()
        await self.elchi.ends()
        await self._calm()
        states, copies = await self.states(), self.copies()
        # Accepted by Telegram and not yet on disk as sent: the open requests and the unflushed results of this kill.
        unsure = {(pair, count) for pair, count in copies.items() if states.get(pair) in (State.SENDING, State.WAITING)}
        fresh = unsure - self.explained
        self.explained |= unsure
        self.figures.kills += 1
        self.figures.unflushed += len(fresh)
        self.figures.most_unflushed = max(self.figures.most_unflushed, len(fresh))
        await self._check_answers()
        self.say(f"kill {self.figures.kills}/{self.plan.kills}: {sum(copies.values())} accepted, {len(fresh)} unsure")

    async def _calm(self) -> None:
        """Requests that were open at the kill come to their end in Telegram all the same."""
        await asyncio.sleep(LATENCY * 2)
        await until(lambda: self.telegram.open_requests == 0, 5, "the open requests end")
        await asyncio.sleep(0.1)

    async def _check_answers(self) -> None:
        async with self.storage.reading() as tx:
            for one in self.restless:
                known = await tx.chats.get(ChatId(one.user.id))
                assert known is not None
                wrong = one.contradicts(active=known.active, language=known.language)
                if wrong:
                    self.figures.broken_answers += 1
                    self.say(f"{one.user.first_name}: {wrong}")

    async def _drain(self) -> None:
        pending = len(self.titles) * (len(self.steady) + len(self.restless)) - self.given()
        deadline = asyncio.get_running_loop().time() + max(0, pending) / RATE * 1.5 + SETTLED
        while asyncio.get_running_loop().time() < deadline:
            async with self.storage.reading() as tx:
                idle = await tx.outbox.idle() and await tx.inbox.waiting() == 0
                seen = await tx.connection.scalar(select(func.count()).select_from(articles))
            if idle and seen == len(self.titles) + 1:
                return
            await asyncio.sleep(0.2)
        self.figures.broken.append("the outbox did not drain")

    # -- the account ---------------------------------------------------------------------------------------------

    async def _count(self) -> None:
        figures, copies, states = self.figures, self.copies(), await self.states()
        await self._check_answers()
        figures.articles = len(self.titles)
        figures.accepted = sum(copies.values())
        figures.wanted = len(self.titles) * len(self.steady)
        for chat in self.steady:
            for title in self.titles:
                if not copies[chat.id, title]:
                    left = states.get((chat.id, title)) == State.UNKNOWN
                    figures.unknown += left
                    figures.lost += not left
        for pair, count in copies.items():
            figures.repeats += count - 1
            figures.unexplained += sum((pair, earlier) not in self.explained for earlier in range(1, count))
        for chat in [*self.steady, *(self.telegram.chats[one.user.id] for one in self.restless)]:
            figures.disordered += not self._in_order(chat)
        figures.answers = sum(one.acknowledged for one in self.restless)
        figures.refused = sum(call.status == 429 for call in self.telegram.calls)
        if figures.repeats > figures.unflushed:
            figures.broken.append(f"{figures.repeats} repeats, but only {figures.unflushed} were unsure at a kill")
        if self.telegram.violations:
            figures.broken.append(f"Telegram was spoken to wrongly: {self.telegram.violations[0]}")
        if TOKEN in self.elchi.said:
            figures.broken.append("the token stands in the log")
        figures.judge()

    def _in_order(self, chat: Chat) -> bool:
        """First appearances follow the order of publication."""
        place = {title: number for number, title in enumerate(self.titles)}
        seen = list(
            dict.fromkeys(
                place[title]
                for message in chat.messages.values()
                if (title := message.text.partition("\n")[0]) in place
            )
        )
        return seen == sorted(seen)


async def prove(plan: Plan, seed: int, say: Callable[[str], None], database: str = "") -> Figures:
    """One run on a database of its own (SQLite when `database` is empty)."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elchi-kills-")))
        telegram, portal = Telegram(), Portal()
        telegram.add_bot(TOKEN)
        server = await stack.enter_async_context(serve(telegram, latency=LATENCY))
        await stack.enter_async_context(serve_portal(portal))
        address = database or f"sqlite+aiosqlite:///{folder}/elchi.db"
        config = write_config(folder, api=server.url, feed=f"{portal.url}/rss", database=address)
        storage = open_storage(address, load_keyring(folder / "elchi.key", {}, may_make=True))
        stack.push_async_callback(storage.close)
        await migrate(storage)
        elchi = Elchi(("run", "-c", str(config)))
        stack.push_async_callback(elchi.kill)
        return await Kills(telegram, portal, storage, elchi, plan, random.Random(seed), say).play()
