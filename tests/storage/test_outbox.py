"""The outbox: in which order a chat gets its messages, and what a kill or a late answer makes of them."""

import pytest

from newsroom.deliveries import Deferred, Lane, Refused, Sent, State, Throttled, Unknown, Unreachable
from tests.storage.conftest import House


async def test_a_chat_never_has_two_first_sends_open(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.announce()
    await house.settle_pages()
    assert len(await house.claim()) == 1
    assert await house.ready() == ()


async def test_breaking_news_goes_first(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.announce(Lane.BREAKING)
    await house.settle_pages()
    assert await house.ready(Lane.PRIVATE) == ()
    assert [message.broadcast for message in await house.claim(Lane.BREAKING)] == [2]


async def test_breaking_news_waits_for_what_has_begun(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.settle_pages()
    begun = await house.claim()
    await house.announce(Lane.BREAKING)
    await house.settle_pages()
    assert await house.ready(Lane.BREAKING) == ()
    await house.answer(begun)
    assert len(await house.ready(Lane.BREAKING)) == 1


async def test_what_was_refused_does_not_hold_up_the_next(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.announce()
    await house.settle_pages()
    await house.answer(await house.claim(), Refused("text is too long"))
    assert await house.send_all() == [(11, 2)]
    assert await house.states(11) == [(1, State.FAILED), (2, State.SENT)]


async def test_a_chat_asked_to_wait_keeps_its_order_and_holds_up_nobody_else(house: House) -> None:
    await house.connect(11, 12)
    await house.announce()
    await house.announce()
    await house.settle_pages()
    await house.answer((await house.claim())[:1], Throttled(60))
    assert [message.chat for message in await house.ready()] == []  # 12 has one open, 11 waits
    house.later(60)
    assert [(message.chat, message.broadcast) for message in await house.ready()] == [(11, 1)]


async def test_when_nothing_left_this_machine_the_message_is_simply_sent_later(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.settle_pages()
    await house.answer(await house.claim(), Deferred(2))
    assert await house.ready() == ()
    house.later(2)
    assert await house.send_all() == [(11, 1)]


async def test_an_answer_reaches_somebody_who_takes_no_news(house: House) -> None:
    await house.tell(11)
    assert await house.send_all(Lane.ANSWERS) == [(11, 1)]


async def test_a_chat_that_closed_gets_nothing_more_and_leaves_nothing_open(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.announce()
    await house.settle_pages()
    await house.answer(await house.claim(), Unreachable("blocked"))
    assert await house.states(11) == [(1, State.CANCELLED), (2, State.CANCELLED)]
    assert not await house.active(11)
    assert await house.idle()


@pytest.mark.parametrize("comes_back", [False, True])
async def test_a_request_open_while_its_reader_left_is_not_tried_again(house: House, comes_back: bool) -> None:
    await house.connect(11)
    await house.announce()
    await house.settle_pages()
    claimed = await house.claim()
    await house.disconnect(11)
    if comes_back:
        await house.connect(11)
    await house.answer(claimed, Throttled(1))
    house.later(5)
    assert await house.states(11) == [(1, State.CANCELLED)]
    assert await house.idle()


async def test_a_request_open_at_a_kill_is_not_repeated_to_a_reader_who_left(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.settle_pages()
    await house.claim()
    await house.disconnect(11)
    await house.recover()
    await house.connect(11)
    assert await house.ready() == ()
    assert await house.idle()


async def test_the_result_of_an_older_attempt_changes_nothing(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.settle_pages()
    first_attempt = await house.claim()
    await house.recover()
    second_attempt = await house.claim()
    await house.answer(first_attempt, Refused("late"))
    assert await house.states(11) == [(1, State.SENDING)]
    await house.answer(second_attempt, Sent(77))
    assert await house.states(11) == [(1, State.SENT)]


async def test_a_first_send_open_at_a_kill_is_repeated_once_and_then_left_unknown(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.settle_pages()
    await house.claim()
    assert await house.recover() == (1, 0)
    assert await house.states(11) == [(1, State.WAITING)]
    await house.claim()
    assert await house.recover() == (0, 1)
    assert await house.states(11) == [(1, State.UNKNOWN)]


async def test_an_answer_that_never_came_counts_like_a_kill(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.settle_pages()
    await house.answer(await house.claim(), Unknown("timeout"))
    assert await house.states(11) == [(1, State.WAITING)]
    await house.claim()
    assert await house.recover() == (0, 1)


async def test_what_was_left_unknown_does_not_hold_up_the_next(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.announce()
    await house.settle_pages()
    for _ in range(2):
        await house.answer(await house.claim(), Unknown("timeout"))
    assert await house.send_all() == [(11, 2)]


async def test_an_edit_open_at_a_kill_is_simply_repeated(house: House) -> None:
    article = await house.posted(11)
    await house.correct(article, "corrected")
    await house.settle_pages()
    for _ in range(4):
        assert len(await house.claim(None)) == 1
        assert await house.recover() == (0, 0)
    await house.answer(await house.claim(None))
    assert await house.idle()


async def test_a_mark_taken_back_costs_no_repeat(house: House) -> None:
    await house.connect(11, 12)
    await house.announce()
    await house.settle_pages()
    never_made, open_one = await house.claim()
    async with house.storage.transaction() as tx:
        await tx.outbox.release_all_but([open_one.id])
    (again,) = await house.ready()
    assert (again.id, again.repeats) == (never_made.id, 0)
    assert await house.states(12) == [(1, State.SENDING)]


async def test_a_clock_set_back_makes_no_message_wait(house: House) -> None:
    await house.connect(11)
    await house.announce()
    await house.settle_pages()
    await house.answer(await house.claim(), Throttled(60))
    async with house.storage.transaction() as tx:
        await tx.outbox.stop_waiting()
    assert len(await house.ready()) == 1


async def test_a_thousand_messages_for_a_chat_that_has_to_wait_hold_up_nobody(house: House) -> None:
    await house.connect(11, 12)
    async with house.storage.transaction() as tx:
        for _ in range(1000):
            await tx.outbox.announce("article", None, Lane.PRIVATE, "news", house.now)
    await house.settle_pages()
    claimed = await house.claim()
    await house.answer([message for message in claimed if message.chat == 11], Throttled(600))
    await house.answer([message for message in claimed if message.chat == 12])
    assert [(message.chat, message.broadcast) for message in await house.ready()] == [(12, 2)]
    async with house.storage.reading() as tx:
        assert await tx.outbox.waiting(Lane.PRIVATE, 5000, house.now) == 999
    house.later(600)
    assert [(message.chat, message.broadcast) for message in await house.ready()] == [(11, 1), (12, 2)]
