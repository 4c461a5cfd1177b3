"""Random histories of the outbox, with a kill between any two steps, against a model that knows what Telegram has."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from bot.keyring import keyring_from, new_secret
from newsroom.deliveries import (
    REPEATS,
    Deferred,
    Lane,
    Message,
    Migrated,
    Outcome,
    Refused,
    Sent,
    State,
    Throttled,
    Unknown,
    Unreachable,
    Vanished,
)
from newsroom.ids import ArticleId, ChatId
from storage.database import Storage, migrate, open_storage
from storage.tables import broadcasts, deliveries, messages, metadata, recipients
from tests.storage.conftest import House

Answer = TypeVar("Answer")

PERSON, GROUP, SUPERGROUP = 11, -5, -1005
CHATS = (SUPERGROUP, PERSON, GROUP, 12)
"""few, so that much happens to each; the group becomes the supergroup, which may be known before"""
LANES = (Lane.BREAKING, Lane.CHANNELS, Lane.PRIVATE)
PAGES = st.sampled_from((1, 1, 500))


@dataclass
class Broadcast:
    """What was announced, and what it says by now."""

    lane: Lane
    article: ArticleId
    content: str

    def is_for(self, chat: int) -> bool:
        return self.lane is Lane.BREAKING or (self.lane is Lane.PRIVATE) == (chat > 0)


@dataclass
class Chat:
    """One chat as its people see it; `copies` are the messages in it, by broadcast, oldest first."""

    active: bool = False
    since: int = 0
    """broadcasts up to this one are not for the chat"""
    merged: bool = False
    """two rows have become one: what came under either id keeps its own order only"""
    copies: dict[int, list[str]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    """the ids of the messages that stand under this id of the chat; a move takes none along"""


@dataclass
class Request:
    """A call that is open: what Telegram has made of it, the bot does not know yet."""

    message: Message
    accepted: bool = False
    number: int = 0
    """the id Telegram gave"""


class OutboxMachine(RuleBasedStateMachine):
    """Everything that can happen to an outbox, in any order."""

    url: ClassVar[str] = ""
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.house = House(self.run(_emptied(self.url)))
        self.chats: dict[int, Chat] = {chat: Chat() for chat in CHATS}
        self.broadcasts: dict[int, Broadcast] = {}
        self.open: list[Request] = []
        self.unsure: Counter[tuple[int, int]] = Counter()
        """(chat, broadcast): how often nobody could know whether Telegram had accepted"""
        self.twice: Counter[int] = Counter()
        """how many copies of a broadcast came to the group under its other id, too"""
        self.refused: set[tuple[int, int]] = set()
        self.stale: set[tuple[int, int]] = set()
        """(chat, broadcast) whose copy may keep older words: its edit was refused, or it is gone"""
        self.moved = False
        self.numbers = 0

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(work)

    # -- the newsroom --------------------------------------------------------------------------------------------

    @initialize(first=st.permutations(CHATS), known=st.sets(st.sampled_from(CHATS), min_size=1))
    def some_are_there(self, first: list[int], known: set[int]) -> None:
        for chat in first:
            if chat in known:
                self.connect(chat)

    @rule(chat=st.sampled_from(CHATS))
    def connect(self, chat: int) -> None:
        type(self).steps += 1
        if chat == GROUP and self.moved:
            return
        self.run(self.house.connect(chat))
        if not self.chats[chat].active:
            self.chats[chat].active, self.chats[chat].since = True, max(self.broadcasts, default=0)

    @rule(chat=st.sampled_from(CHATS))
    def disconnect(self, chat: int) -> None:
        type(self).steps += 1
        self.run(self.house.disconnect(chat))
        if not (chat == GROUP and self.moved):
            self.chats[chat].active = False

    @rule(chat=st.sampled_from(CHATS))
    def change_ones_mind(self, chat: int) -> None:
        self.disconnect(chat)
        self.connect(chat)

    @rule(lane=st.sampled_from(LANES))
    def announce(self, lane: Lane) -> None:
        type(self).steps += 1
        words = f"broadcast {len(self.broadcasts) + 1}"
        article = self.run(self.house.article(words))
        number = self.run(self.house.announce(lane, words, article))
        self.broadcasts[number] = Broadcast(lane, article, words)

    @precondition(lambda self: self.broadcasts)
    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        type(self).steps += 1
        broadcast = self.broadcasts[data.draw(st.sampled_from(sorted(self.broadcasts)))]
        broadcast.content += "!"
        self.run(self.house.correct(broadcast.article, broadcast.content))

    @rule(lane=st.sampled_from(LANES), page=PAGES)
    def expand(self, lane: Lane, page: int) -> None:
        type(self).steps += 1
        self.run(self.house.expand(lane, page))

    @rule(page=PAGES)
    def raise_versions(self, page: int) -> None:
        type(self).steps += 1
        self.run(self.house.raise_versions(page))

    @rule(seconds=st.sampled_from((1, 60)))
    def time_passes(self, seconds: int) -> None:
        type(self).steps += 1
        self.house.later(seconds)

    # -- the sender ----------------------------------------------------------------------------------------------

    @rule()
    def claim(self) -> None:
        type(self).steps += 1
        for lane in (*LANES, None):
            self._claim(lane)

    def _claim(self, lane: Lane | None) -> None:
        for message in self.run(self.house.claim(lane)):
            self._may_be_sent(message)
            self.open.append(Request(message))

    def _may_be_sent(self, message: Message) -> None:
        """What the bot is about to send is wanted, the newest, and the next of its chat."""
        chat, broadcast = self.chats[message.chat], self.broadcasts[message.broadcast]
        assert not self._is_no_more(message.chat), "nothing goes to an id that is no more"
        assert chat.active, "nothing goes to a chat that does not want it"
        assert broadcast.is_for(message.chat)
        assert message.content == broadcast.content, "what is sent is the newest"
        if message.is_edit:
            assert message.telegram_id in chat.numbers, "only a message of this very chat can be edited"
            return
        assert chat.since < message.broadcast, "what was announced before a chat came is not for it"
        assert chat.merged or self.unsure[message.chat, message.broadcast] <= REPEATS, "repeated more than once"
        sent = len(chat.copies.get(message.broadcast, ()))
        twice = self.twice[message.broadcast] if message.chat == SUPERGROUP else 0
        assert sent <= self.unsure[message.chat, message.broadcast] + twice, "only what nobody could know is sent again"
        assert all(request.message.is_edit for request in self.open if request.message.chat == message.chat)

    @rule(lane=st.sampled_from(LANES))
    def a_lane_is_served(self, lane: Lane) -> None:
        """All that may go on a lane goes, and is answered as one hopes."""
        type(self).steps += 1
        while self.run(self.house.expand(lane)) is not None:
            pass
        before = list(self.open)
        self._claim(lane)
        for request in [one for one in self.open if one not in before]:
            self._accept(request)
            self._answer(request, self._possible(request)[0])

    @precondition(lambda self: any(not request.accepted for request in self.open))
    @rule(data=st.data())
    def telegram_accepts(self, data: st.DataObject) -> None:
        type(self).steps += 1
        self._accept(data.draw(st.sampled_from([request for request in self.open if not request.accepted])))

    def _accept(self, request: Request) -> None:
        message = request.message
        if message.chat == GROUP and self.moved:
            return
        chat, broadcast = self.chats[message.chat], message.broadcast
        request.accepted = True
        if message.is_edit:
            request.number = message.telegram_id or 0
            chat.copies[broadcast][-1] = message.content
            return
        self.numbers += 1
        request.number = self.numbers
        chat.numbers.add(self.numbers)
        chat.copies.setdefault(broadcast, []).append(message.content)
        if broadcast not in chat.order:
            chat.order.append(broadcast)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def an_answer_arrives(self, data: st.DataObject) -> None:
        type(self).steps += 1
        request = data.draw(st.sampled_from(self.open))
        self._answer(request, data.draw(st.sampled_from(self._possible(request))))

    def _possible(self, request: Request) -> list[Outcome]:
        """What Telegram (or the line to it) can say to this request."""
        lost: list[Outcome] = [Unknown("timeout")]
        if request.accepted:
            return [Sent(request.number), *lost]
        if self._is_no_more(request.message.chat):
            return [Migrated(ChatId(SUPERGROUP)), *lost]
        refused: list[Outcome] = [Throttled(30), Throttled(5, everyone=True), Deferred(2), Unreachable("blocked")]
        return [*refused, *lost, Refused("no"), *([Vanished()] if request.message.is_edit else [])]

    def _answer(self, request: Request, outcome: Outcome) -> None:
        message = request.message
        pair = message.chat, message.broadcast
        self.run(self.house.answer([message], outcome))
        self.open.remove(request)
        match outcome:
            case Unknown() if message.is_edit:
                self.stale.add(pair)
            case Unknown():
                self.unsure[pair] += 1
            case Refused() | Vanished():
                (self.stale if message.is_edit else self.refused).add(pair)
            case Unreachable():
                self.chats[message.chat].active = False
            case _:
                pass

    @rule()
    def killed(self) -> None:
        """The process dies with all its requests open, and another one starts."""
        type(self).steps += 1
        for request in self.open:
            if not request.message.is_edit:
                self.unsure[request.message.chat, request.message.broadcast] += 1
        self.open.clear()
        self.run(self.house.recover())

    @rule()
    def the_group_moves(self) -> None:
        """The group becomes a supergroup, and we hear of it (again)."""
        type(self).steps += 1
        self.run(self.house.migrate(GROUP, SUPERGROUP))
        if not self.moved:
            self.moved = True
            self._merge(self.chats[GROUP], self.chats[SUPERGROUP])

    def _merge(self, was: Chat, now: Chat) -> None:
        now.merged = bool(now.copies) or now.active
        flowing = [one.since for one in (was, now) if one.active]
        now.active, now.since = bool(flowing), min(flowing, default=0)
        for broadcast, copies in was.copies.items():
            # What came under both ids came twice before anybody could know that they are one.
            self.twice[broadcast] += len(copies) if broadcast in now.copies else 0
            now.copies.setdefault(broadcast, [])[:0] = copies
            self.stale.add((SUPERGROUP, broadcast))  # what was sent under the old id is edited no more
        now.order = [*was.order, *(number for number in now.order if number not in was.order)]
        for chat, number in list(self.unsure):
            if chat == GROUP:
                self.unsure[SUPERGROUP, number] += self.unsure.pop((GROUP, number))
        for pairs in (self.refused, self.stale):
            pairs |= {(SUPERGROUP, number) for chat, number in pairs if chat == GROUP}

    def _is_no_more(self, chat: int) -> bool:
        return chat == GROUP and self.moved

    # -- at the end ----------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Telegram answers everything that is left; then every chat has what it wants, once, in order."""
        try:
            self._settle()
            self._judge()
        finally:
            self.run(self.house.storage.close())
            self.runner.close()

    def _settle(self) -> None:
        for _ in range(200):
            for request in list(self.open):
                if not request.accepted:
                    self._accept(request)
                self._answer(request, self._possible(request)[0])
            self.run(self.house.settle_pages())
            self.house.later(60)
            self.claim()
            if not self.open and self.run(self.house.idle()):
                return
        raise AssertionError("the outbox never comes to rest")

    def _judge(self) -> None:
        states = self.run(_states(self.house.storage))
        for number, chat in self.chats.items():
            if self._is_no_more(number):
                continue
            first = [one for one in chat.order if self.broadcasts[one].lane is not Lane.BREAKING]
            assert chat.merged or first == sorted(first), "the articles of a chat appear in the order they were made"
            for broadcast, made in self.broadcasts.items():
                pair = number, broadcast
                copies = chat.copies.get(broadcast, [])
                twice = self.twice[broadcast] if number == SUPERGROUP else 0
                assert len(copies) <= 1 + self.unsure[pair] + twice, "a copy too many"
                if not (chat.active and chat.since < broadcast and made.is_for(number)):
                    continue
                state = states.get(pair)
                if not copies:
                    assert pair in self.refused or (state is State.UNKNOWN and self.unsure[pair] > 1), "lost"
                elif state is State.SENT and pair not in self.stale:
                    assert copies[-1] == made.content, "the newest words have not arrived"


async def _emptied(url: str) -> Storage:
    """The database as it was before its first update."""
    storage = open_storage(url, keyring_from(new_secret()))
    async with storage.transaction() as tx:
        for table in reversed(metadata.sorted_tables):
            await tx.connection.execute(delete(table))
    return storage


async def _states(storage: Storage) -> dict[tuple[int, int], State]:
    async with storage.reading() as tx:
        rows = await tx.connection.execute(
            select(recipients.c.chat_id, deliveries.c.broadcast_id, messages.c.state)
            .join(deliveries, deliveries.c.recipient_id == recipients.c.id)
            .join(messages, messages.c.delivery_id == deliveries.c.id)
            .join(broadcasts, broadcasts.c.id == deliveries.c.broadcast_id)
        )
        return {(row.chat_id or 0, row.broadcast_id): State(row.state) for row in rows}


def _play(url: str, examples: int, steps: int, number: int | None = None) -> int:
    """Play so many histories of so many steps each; returns the steps taken."""
    asyncio.run(_migrated(url))
    machine = type("Outbox", (OutboxMachine,), {"url": url, "steps": 0})
    if number is not None:
        machine = seed(number)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # a history is short enough to read; making it shorter takes minutes
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert issubclass(machine, OutboxMachine)
    return machine.steps


async def _migrated(url: str) -> None:
    storage = open_storage(url, keyring_from(new_secret()))
    await migrate(storage)
    await storage.close()


def run_long(steps: int, number: int) -> int:
    """The long form, on SQLite: at least so many steps; returns how many it took."""
    taken = 0
    with tempfile.TemporaryDirectory(prefix="elchi-machine-") as folder:
        while taken < steps:
            url = f"sqlite+aiosqlite:///{folder}/machine-{taken}.db"
            taken += _play(url, examples=max(1, (steps - taken) // 40), steps=50, number=number + taken)
    return taken


@pytest.mark.timeout(120)
def test_whatever_happens_nothing_is_lost_doubled_or_out_of_order(database_url: str) -> None:
    assert _play(database_url, examples=8, steps=40) > 0
