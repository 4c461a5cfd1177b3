"""No chat and no second ever gets more than Telegram allows, and nobody waits longer than that takes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import count, cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsroom.deliveries import ChatKind, Lane
from newsroom.ids import ChatId
from newsroom.pacing import FORGET_EVERY, GROUP_WINDOW, WINDOW, Pacer, Wait
from newsroom.ports import CORRECTIONS

QUEUES: tuple[Lane | str, ...] = (*Lane, CORRECTIONS)
KINDS = (ChatKind.PRIVATE, ChatKind.GROUP, ChatKind.CHANNEL)
FLOORS: dict[Lane | str, int] = {Lane.ANSWERS: 5, Lane.CHANNELS: 5, CORRECTIONS: 3}
START = 1000.0


@dataclass(frozen=True)
class Call:
    """One call to Telegram, made or still to be made."""

    at: float
    number: int
    queue: Lane | str = Lane.PRIVATE
    cost: int = 1

    @property
    def kind(self) -> ChatKind:
        return KINDS[self.number % 3]

    def asked(self, pacer: Pacer, at: float | None = None) -> Wait | None:
        return pacer.ask(ChatId(self.number), self.kind, self.queue, self.at if at is None else at, self.cost)


def has_room(before: Sequence[Call], call: Call, second: float = 1.0, minute: float = 60.0) -> bool:
    """Telegram's rates by a slow and simple count of all that went before: the second opinion."""
    same_chat = [one for one in before if one.number == call.number]
    in_second = sum(one.cost for one in before if one.at > call.at - second)
    in_minute = sum(one.cost for one in same_chat if one.at > call.at - minute)
    tokens, last = 3.0, 0.0  # one a second, three at most
    for one in same_chat:
        tokens, last = min(3.0, tokens + one.at - last) - one.cost, one.at
    return (
        in_second + call.cost <= 30
        and (call.kind is ChatKind.PRIVATE or in_minute + call.cost <= 20)
        and min(3.0, tokens + call.at - last) >= min(call.cost, 3)
    )


@st.composite
def calls(draw: st.DrawFn, queues: Sequence[Lane | str] = QUEUES, dearest: int = 4) -> list[Call]:
    """Bursts of calls to a few chats or to many; times are eighths of a second, so that sums of them are exact."""
    first, crowd, now, made = draw(st.integers(0, 2)), draw(st.sampled_from([1, 2, 6, 60])), START, list[Call]()
    for _ in range(draw(st.integers(1, 14))):
        now += draw(st.integers(0, 16) | st.sampled_from([24, 80])) / 8
        skipped, many, cost = draw(st.integers(0, 60)), draw(st.integers(1, 36)), draw(st.integers(1, dearest))
        queue = draw(st.sampled_from(queues))
        made += [Call(now, first + (skipped + n) % crowd, queue, cost) for n in range(many)]
    return made


@given(calls())
def test_never_more_than_telegram_allows(made: list[Call]) -> None:
    pacer, passed = Pacer(), list[Call]()
    for call in made:
        if call.asked(pacer) is None:
            assert has_room(passed, call)
            passed.append(call)


@given(calls(queues=[Lane.PRIVATE]))
def test_one_queue_alone_gets_all_that_telegram_allows(made: list[Call]) -> None:
    pacer, passed = Pacer(), list[Call]()
    for call in made:
        allowed = has_room(passed, call, WINDOW, GROUP_WINDOW)
        assert (call.asked(pacer) is None) == allowed
        passed += [call] * allowed


@given(calls())
def test_a_refused_call_is_charged_to_nobody(made: list[Call]) -> None:
    pacer, quiet = Pacer(), Pacer()
    passed = [call for call in made if call.asked(pacer) is None]
    assert [call.asked(quiet) for call in passed] == [None] * len(passed)
    assert charged(quiet, made[-1].at) == charged(pacer, made[-1].at)


def charged(pacer: Pacer, now: float) -> tuple[object, object]:
    """What still weighs on the next call."""
    chats = {
        chat: (max(record.ready, now), [at for at in record.minute if at > now - GROUP_WINDOW])
        for chat, record in pacer.chats.items()
    }
    return [one for one in pacer.sent if one[0] > now - WINDOW], chats


@given(calls(queues=[Lane.PRIVATE], dearest=1))
def test_who_waits_as_told_is_let_through_and_not_sooner(made: list[Call]) -> None:
    pacer, last, now = Pacer(), made[-1], made[-1].at
    for call in made:
        call.asked(pacer)
    for _ in range(3):  # at worst a wait for the chat, then one for the whole bot
        if (wait := last.asked(pacer, now)) is None:
            return
        assert last.asked(deepcopy(pacer), now + 0.99 * wait.seconds) is not None
        now += wait.seconds
    pytest.fail("it was told to wait three times")


def test_two_limits_are_waited_for_one_after_the_other() -> None:
    pacer = Pacer()
    assert [Call(START, 0).asked(pacer) for _ in range(3)] == [None] * 3
    assert [Call(START + 0.5, 3 * n).asked(pacer) for n in range(1, 28)] == [None] * 27
    assert Call(START + 0.5, 0).asked(pacer) == Wait(0.5, chat_only=True)
    assert Call(START + 1, 0).asked(pacer) == Wait(START + WINDOW - (START + 1), chat_only=False)
    assert Call(START + WINDOW, 0).asked(pacer) is None


def test_a_chat_gets_three_at_once_and_then_one_a_second() -> None:
    pacer = Pacer()
    assert [Call(START, 0).asked(pacer) for _ in range(4)] == [None, None, None, Wait(1.0, chat_only=True)]
    assert [Call(START + 1, 0).asked(pacer) for _ in range(2)] == [None, Wait(1.0, chat_only=True)]


@pytest.mark.parametrize("kind", [ChatKind.GROUP, ChatKind.CHANNEL])
def test_a_group_or_a_channel_gets_twenty_a_minute(kind: ChatKind) -> None:
    pacer, number = Pacer(), KINDS.index(kind)
    assert [Call(START + n, number).asked(pacer) for n in range(20)] == [None] * 20
    assert Call(START + 20, number).asked(pacer) == Wait(GROUP_WINDOW - 20, chat_only=True)
    assert Call(START + 59.9, number).asked(pacer) is not None


def test_an_album_goes_when_the_chat_is_at_rest_and_leaves_a_debt() -> None:
    pacer = Pacer()
    album, next_one = Call(START, 0, cost=10), Call(START, 0)
    assert album.asked(pacer) is None
    assert (next_one.asked(pacer), album.asked(pacer)) == (Wait(8.0, chat_only=True), Wait(10.0, chat_only=True))
    assert next_one.asked(pacer, START + 8) is None


# -- lanes ---------------------------------------------------------------------------------------------------------


def flood(pacer: Pacer, orders: Iterable[Sequence[Lane | str]], start: float = START) -> Counter[Lane | str]:
    """Twenty times a second every queue, in its turn, asks for new chats until it is refused: how many each got."""
    got, number = Counter[Lane | str](), count(0, 3)
    for tick, queues in enumerate(orders):
        for queue in queues:
            while Call(start + tick / 20, next(number), queue).asked(pacer) is None:
                got[queue] += 1
    return got


@pytest.mark.parametrize(("queue", "floor"), FLOORS.items())
def test_a_waiting_queue_keeps_its_floor_when_the_others_flood(queue: Lane | str, floor: int) -> None:
    others = [other for other in QUEUES if other != queue]
    assert flood(Pacer(), [(*others, queue)] * 20 * 11)[queue] >= 10 * floor


@settings(max_examples=20)
@given(st.lists(st.permutations(QUEUES), min_size=1, max_size=5))
def test_the_floors_hold_in_whatever_order_the_queues_ask(orders: list[list[Lane | str]]) -> None:
    got = flood(Pacer(), islice(cycle(orders), 20 * 5))
    assert all(got[queue] >= 4 * floor for queue, floor in FLOORS.items())
    assert 4 * 30 <= got.total() <= 5 * 30


def test_an_answer_stands_a_second_behind_a_flood_and_no_longer() -> None:
    pacer = Pacer()
    flood(pacer, [[Lane.PRIVATE]] * 20 * 3)
    now = START + 3
    asked = flood(pacer, [(Lane.PRIVATE, Lane.ANSWERS)] * 21, start=now)
    assert asked[Lane.ANSWERS] >= FLOORS[Lane.ANSWERS]


def test_nothing_is_kept_for_a_queue_with_nothing_to_say() -> None:
    assert flood(Pacer(), [[Lane.PRIVATE]])[Lane.PRIVATE] == 30


def test_what_was_kept_for_a_queue_is_given_back_when_it_asks_no_more() -> None:
    pacer = Pacer()
    flood(pacer, [(Lane.PRIVATE, Lane.ANSWERS)])
    assert flood(pacer, [[Lane.PRIVATE]], start=START + 1.5)[Lane.PRIVATE] == 25
    assert flood(pacer, [[Lane.PRIVATE]], start=START + 3)[Lane.PRIVATE] == 30


def test_a_queue_is_kept_room_for_until_it_has_had_its_floor() -> None:
    pacer = Pacer()
    assert flood(pacer, [(Lane.PRIVATE, Lane.ANSWERS)])[Lane.PRIVATE] == 30  # and so the answers wait
    now = START + WINDOW
    assert Call(now, 1000, Lane.ANSWERS).asked(pacer) is None
    assert flood(pacer, [[Lane.PRIVATE]], start=now)[Lane.PRIVATE] == 25
    assert [Call(now, 1000 + n, Lane.ANSWERS).asked(pacer) for n in range(1, 5)] == [None] * 4


def test_a_call_dearer_than_a_second_holds_everyone_as_long_as_it_is_worth() -> None:
    pacer = Pacer()
    assert ONE_OF_60.asked(pacer) is None
    assert OTHER.asked(pacer, START + WINDOW) == Wait(START + 2 * WINDOW - (START + WINDOW), chat_only=False)
    assert OTHER.asked(pacer, START + 2 * WINDOW) is None


@pytest.mark.parametrize(("queue", "floor"), [*FLOORS.items(), (Lane.BREAKING, 5), (Lane.PRIVATE, 0)])
def test_a_queue_is_owed_what_it_has_not_used_of_its_floor(queue: Lane | str, floor: int) -> None:
    pacer = Pacer()
    assert pacer.owed(queue, START) == floor
    for n in range(7):
        assert Call(START, 3 * n, queue).asked(pacer) is None
        assert pacer.owed(queue, START + WINDOW / 2) == max(0, floor - n - 1)
    assert pacer.owed(queue, START + WINDOW) == floor


def test_what_a_queue_is_owed_has_nothing_to_do_with_the_others() -> None:
    pacer = Pacer()
    flood(pacer, [[Lane.PRIVATE]])
    assert pacer.owed(Lane.ANSWERS, START) == 5


@given(calls())
def test_asking_what_is_owed_changes_nothing(made: list[Call]) -> None:
    pacer, quiet = Pacer(), Pacer()
    for call in made:
        assert 0 <= pacer.owed(call.queue, call.at) <= 5
        assert call.asked(pacer) == call.asked(quiet)


# -- what Telegram teaches -----------------------------------------------------------------------------------------

ONE, OTHER, THIRD = Call(START, 0), Call(START, 3), Call(START, 6)
ONE_OF_60 = Call(START, 0, cost=60)


def test_one_throttled_chat_waits_alone() -> None:
    pacer = Pacer()
    assert not pacer.throttled(ChatId(ONE.number), 30, START)
    assert (ONE.asked(pacer), OTHER.asked(pacer)) == (Wait(30, chat_only=True), None)
    assert ONE.asked(pacer, START + 30) is None


@pytest.mark.parametrize(("apart", "everyone"), [(0.0, True), (4.875, True), (5.125, False)])
def test_two_throttled_chats_within_five_seconds_hold_everyone(apart: float, everyone: bool) -> None:
    pacer, now = Pacer(), START + apart
    pacer.throttled(ChatId(ONE.number), 30, START)
    assert pacer.throttled(ChatId(OTHER.number), 30, now) is everyone
    assert THIRD.asked(pacer, now) == (Wait(30, chat_only=False) if everyone else None)


def test_one_chat_throttled_twice_is_still_one_chat() -> None:
    pacer = Pacer()
    assert [pacer.throttled(ChatId(ONE.number), 30, START + n) for n in range(3)] == [False] * 3
    assert (ONE.asked(pacer, START + 2), OTHER.asked(pacer, START + 2)) == (Wait(30, chat_only=True), None)


def test_a_refusal_that_names_no_chat_holds_everyone() -> None:
    pacer = Pacer()
    assert pacer.throttled(None, 30, START)
    assert ONE.asked(pacer) == OTHER.asked(pacer) == Wait(30, chat_only=False)
    assert ONE.asked(pacer, START + 30) is None


def test_a_short_pause_never_ends_a_long_one() -> None:
    pacer = Pacer()
    pacer.pause(30, START)
    pacer.pause(1, START)
    assert ONE.asked(pacer, START + 1) == Wait(29, chat_only=False)


def test_waiting_out_a_pause_costs_nothing() -> None:
    pacer = Pacer()
    pacer.pause(30, START)
    assert all(ONE.asked(pacer) for _ in range(100))
    assert [ONE.asked(pacer, START + 30) for _ in range(3)] == [None] * 3


# -- memory --------------------------------------------------------------------------------------------------------


def test_memory_stays_flat_over_many_chats() -> None:
    pacer = Pacer()
    for n in range(4 * FORGET_EVERY):
        assert Call(START + n / 20, n).asked(pacer) is None
    assert len(pacer.chats) <= FORGET_EVERY + 60 * 20
    assert len(pacer.sent) <= 30


def test_forgetting_the_chats_at_rest_forgets_no_limit() -> None:
    pacer, busy, throttled = Pacer(), Call(START, 1), Call(START, 0)
    assert [busy.asked(pacer, START + n) for n in range(20)] == [None] * 20
    pacer.throttled(ChatId(throttled.number), 100, START + 20)
    for n in range(FORGET_EVERY):
        Call(START + 21 + n / 1000, 2 + n).asked(pacer)
    assert busy.asked(pacer, START + 30) == Wait(GROUP_WINDOW - 30, chat_only=True)
    assert throttled.asked(pacer, START + 30) == Wait(90, chat_only=True)
