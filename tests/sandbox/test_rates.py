"""How fast one may write, in seconds of 1/speed."""

from __future__ import annotations

import asyncio

import aiohttp
from hypothesis import given
from hypothesis import strategies as st

from sandbox.botapi import serve
from sandbox.rules import GROUP_PER_MINUTE, OVERALL_PER_SECOND, Rates
from tests.sandbox.conftest import World, make_world


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_chat_takes_a_burst_of_three_then_one_a_second() -> None:
    clock = Hands()
    rates = Rates(clock=clock)
    assert [rates.take(1, 5, group=False) for _ in range(5)] == [0, 0, 0, 1, 1]
    clock.now += 1
    assert [rates.take(1, 5, group=False) for _ in range(2)] == [0, 1]


def test_thirty_a_second_over_all_chats() -> None:
    clock = Hands()
    rates = Rates(clock=clock)
    assert [rates.take(1, chat, group=False) for chat in range(31)] == [0] * OVERALL_PER_SECOND + [1]
    assert rates.take(2, 1, group=False) == 0, "another bot has a window of its own"
    clock.now += 1
    assert rates.take(1, 99, group=False) == 0


def test_twenty_a_minute_in_a_group() -> None:
    clock = Hands()
    rates = Rates(clock=clock)
    for _ in range(GROUP_PER_MINUTE):
        assert rates.take(1, -5, group=True) == 0
        clock.now += 1
    assert rates.take(1, -5, group=True) == 40
    clock.now += 40
    assert rates.take(1, -5, group=True) == 0


def test_an_album_leaves_a_debt_and_strict_has_no_burst() -> None:
    clock = Hands()
    rates = Rates(clock=clock)
    assert rates.take(1, 5, group=False, cost=10) == 0
    assert rates.take(1, 5, group=False) == 8
    strict = Rates(clock=clock, burst=1)
    assert [strict.take(1, 5, group=False) for _ in range(2)] == [0, 1]


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 3)), max_size=60), st.sampled_from([1.0, 25.0]))
def test_waiting_as_told_is_always_enough(steps: list[tuple[float, int]], speed: float) -> None:
    clock = Hands()
    rates = Rates(clock=clock, speed=speed)
    for pause, chat in steps:
        clock.now += pause / speed
        wait = rates.take(1, chat, group=True)
        if wait:
            clock.now += wait / speed
            assert rates.take(1, chat, group=True) == 0


async def test_the_server_says_how_long_to_wait(world: World) -> None:
    chat = world.reader.id
    world.telegram.rates = Rates(clock=Hands())
    for number in range(3):
        await world.send(chat, f"{number}")
    answer = await world.ask("sendMessage", chat_id=chat, text="ещё")
    assert answer["description"] == "Too Many Requests: retry after 1"
    assert answer["parameters"] == {"retry_after": 1}
    assert answer["headers"]["Retry-After"] == "1"
    assert world.telegram.accepted[chat, "ещё"] == 0
    assert (await world.ask("getChat", chat_id=chat))["ok"], "reading costs nothing"


async def test_speed_shortens_the_wait() -> None:
    world = make_world(speed=100)
    async with serve(world.telegram) as served, aiohttp.ClientSession() as world.http:
        world.url = served.url
        for number in range(6):
            answer = await world.ask("sendMessage", chat_id=world.reader.id, text=f"{number}")
            while not answer["ok"]:
                await asyncio.sleep(answer["parameters"]["retry_after"] / 100)
                answer = await world.ask("sendMessage", chat_id=world.reader.id, text=f"{number}")
    assert [message.text for message in world.telegram.messages(world.reader.id)][-6:] == list("012345")


async def test_rates_can_be_switched_off() -> None:
    world = make_world(speed=1, rates=False)
    async with serve(world.telegram) as served, aiohttp.ClientSession() as world.http:
        world.url = served.url
        for number in range(40):
            await world.send(world.group.id, f"{number}")
