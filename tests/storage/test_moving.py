"""A group becomes a supergroup: nothing is lost on the way, and nothing is delivered twice."""

import pytest

from newsroom.deliveries import Lane, Migrated, State, Unknown
from newsroom.ids import ChatId
from tests.storage.conftest import House


async def test_a_group_that_moved_goes_on_under_its_new_id(house: House) -> None:
    await house.connect(-5)
    await house.announce(Lane.CHANNELS)
    await house.settle_pages()
    await house.answer(await house.claim(Lane.CHANNELS), Migrated(ChatId(-1005)))
    assert await house.send_all(Lane.CHANNELS) == [(-1005, 1)]


async def test_what_was_sent_under_the_old_id_is_gone(house: House) -> None:
    await house.connect(-5)
    await house.announce(Lane.CHANNELS)
    await house.settle_pages()
    await house.send_all(Lane.CHANNELS)
    await house.migrate(-5, -1005)
    assert await house.states(-1005) == [(1, State.GONE)]


async def test_hearing_of_a_move_four_times_is_like_hearing_of_it_once(house: House) -> None:
    await house.connect(-5)
    await house.announce(Lane.CHANNELS)
    await house.settle_pages()
    for _ in range(4):
        await house.migrate(-5, -1005)
    assert await house.send_all(Lane.CHANNELS) == [(-1005, 1)]
    await house.migrate(-5, -1005)
    assert await house.states(-1005) == [(1, State.SENT)]


async def both_rows(house: House, *, old_first: bool = True) -> None:
    """The same chat under two ids, both connected, with one broadcast for both."""
    await house.connect(*((-5, -1005) if old_first else (-1005, -5)))
    await house.announce(Lane.CHANNELS)
    await house.settle_pages()


async def test_two_rows_of_one_chat_become_one_with_one_message(house: House) -> None:
    await both_rows(house)
    await house.migrate(-5, -1005)
    assert await house.send_all(Lane.CHANNELS) == [(-1005, 1)]


async def test_what_the_new_id_has_is_not_sent_again_for_the_old_one(house: House) -> None:
    await both_rows(house)
    claimed = {message.chat: message for message in await house.claim(Lane.CHANNELS)}
    await house.answer([claimed[ChatId(-1005)]])
    await house.answer([claimed[ChatId(-5)]], Migrated(ChatId(-1005)))
    assert await house.states(-1005) == [(1, State.SENT)]
    assert await house.ready(Lane.CHANNELS) == ()


async def test_what_is_open_under_the_new_id_is_not_sent_again_for_the_old_one(house: House) -> None:
    await both_rows(house)
    claimed = {message.chat: message for message in await house.claim(Lane.CHANNELS)}
    await house.answer([claimed[ChatId(-5)]], Migrated(ChatId(-1005)))
    await house.answer([claimed[ChatId(-1005)]])
    assert await house.states(-1005) == [(1, State.SENT)]


@pytest.mark.parametrize("old_first", [True, False])
async def test_a_move_in_the_middle_of_an_expansion_loses_and_repeats_nothing(house: House, old_first: bool) -> None:
    await house.connect(*((-5, -1005) if old_first else (-1005, -5)))
    await house.announce(Lane.CHANNELS)
    await house.expand(Lane.CHANNELS, page=1)
    await house.migrate(-5, -1005)
    await house.settle_pages()
    assert await house.send_all(Lane.CHANNELS) == [(-1005, 1)]


async def test_a_chat_that_left_and_was_added_again_after_its_move_loses_nothing(house: House) -> None:
    await house.connect(-5)
    await house.disconnect(-5)
    await house.connect(-1005)
    await house.announce(Lane.CHANNELS)
    await house.connect(-6)
    await house.expand(Lane.CHANNELS, page=1)
    await house.migrate(-5, -1005)
    await house.settle_pages()
    assert await house.send_all(Lane.CHANNELS) == [(-1005, 1)]


async def test_a_chat_added_again_after_its_move_gets_nothing_from_before(house: House) -> None:
    await house.connect(-5)
    await house.disconnect(-5)
    await house.announce(Lane.CHANNELS)
    await house.connect(-1005)
    await house.migrate(-5, -1005)
    await house.settle_pages()
    assert await house.states(-1005) == []


async def test_what_was_accepted_just_before_a_move_is_not_edited_after_it(house: House) -> None:
    article = await house.article()
    await house.connect(-5)
    await house.announce(Lane.CHANNELS, article=article)
    await house.settle_pages()
    open_one = await house.claim(Lane.CHANNELS)
    await house.migrate(-5, -1005)
    await house.answer(open_one)
    await house.correct(article, "corrected")
    await house.settle_pages()
    assert await house.behind() == ()
    assert await house.states(-1005) == [(1, State.GONE)]


@pytest.mark.parametrize("killed", [False, True])
async def test_an_edit_open_during_a_move_is_not_repeated_after_it(house: House, killed: bool) -> None:
    article = await house.article()
    await house.connect(-5)
    await house.announce(Lane.CHANNELS, article=article)
    await house.settle_pages()
    await house.send_all(Lane.CHANNELS)
    await house.correct(article, "corrected")
    await house.settle_pages()
    open_edit = await house.claim(None)
    await house.migrate(-5, -1005)
    await (house.recover() if killed else house.answer(open_edit, Unknown("timeout")))
    house.later(5)
    assert await house.behind() == ()
    assert await house.states(-1005) == [(1, State.GONE)]
