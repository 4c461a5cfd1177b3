"""From one broadcast to many messages: who gets what while chats come, go and move."""

from sqlalchemy import select

from newsroom.deliveries import Lane, State
from storage.tables import broadcasts
from tests.storage.conftest import House

READERS = (11, 12, 13, 14, 15)


async def test_a_broadcast_becomes_messages_page_by_page(house: House) -> None:
    await house.connect(*READERS)
    await house.announce()
    assert [await house.expand(page=2) for _ in range(4)] == [2, 2, 1, None]
    assert await house.send_all() == [(reader, 1) for reader in READERS]


async def test_the_first_page_leaves_before_the_second_is_made(house: House) -> None:
    await house.connect(*READERS)
    await house.announce()
    await house.expand(page=2)
    assert await house.send_all() == [(11, 1), (12, 1)]


async def test_broadcasts_of_one_lane_take_pages_in_turn(house: House) -> None:
    await house.connect(*READERS)
    older, younger = await house.announce(), await house.announce()
    cursors = []
    while await house.expand(page=2) is not None:
        async with house.storage.reading() as tx:
            rows = await tx.connection.execute(select(broadcasts.c.cursor).order_by(broadcasts.c.id))
            cursors.append(tuple(rows.scalars()))
    assert all(ahead >= behind for ahead, behind in cursors), "a younger broadcast never passes an older one"
    assert cursors[:2] == [(2, 0), (2, 2)]
    assert await house.send_all() == [(reader, older) for reader in READERS] + [(r, younger) for r in READERS]


async def test_a_broadcast_announced_late_catches_up_and_passes_nobody(house: House) -> None:
    await house.connect(*READERS)
    await house.announce()
    await house.expand(page=3)
    await house.announce()
    assert [await house.expand(page=2) for _ in range(3)] == [2, 1, 2]


async def test_a_chat_gets_only_what_is_announced_after_it_connected(house: House) -> None:
    await house.connect(11)
    first = await house.announce()
    await house.connect(12)
    second = await house.announce()
    await house.settle_pages()
    assert await house.states(11) == [(first, State.WAITING), (second, State.WAITING)]
    assert await house.states(12) == [(second, State.WAITING)]


async def test_a_chat_that_connects_during_the_expansion_gets_the_next_one(house: House) -> None:
    await house.connect(*READERS)
    await house.announce()
    await house.expand(page=2)
    await house.connect(16)
    await house.settle_pages()
    assert await house.states(16) == []


async def test_a_chat_that_comes_back_during_the_expansion_gets_the_next_one(house: House) -> None:
    await house.connect(*READERS)
    await house.announce()
    await house.expand(page=2)
    await house.disconnect(15)
    await house.connect(15)
    await house.settle_pages()
    assert await house.states(15) == []


async def test_who_leaves_during_the_expansion_gets_nothing_more(house: House) -> None:
    await house.connect(*READERS)
    await house.announce()
    await house.expand(page=2)
    await house.disconnect(12)
    await house.disconnect(14)
    await house.settle_pages()
    assert await house.states(12) == [(1, State.CANCELLED)]
    assert [chat for chat, _ in await house.send_all()] == [11, 13, 15]


async def test_channels_and_readers_have_lanes_of_their_own(house: House) -> None:
    await house.connect(11, -500)
    await house.announce(Lane.CHANNELS)
    await house.settle_pages()
    assert [message.chat for message in await house.ready(Lane.CHANNELS)] == [-500]
    assert await house.states(11) == []


async def test_breaking_news_is_for_everybody(house: House) -> None:
    await house.connect(11, -500)
    await house.announce(Lane.BREAKING)
    await house.settle_pages()
    assert [message.chat for message in await house.ready(Lane.BREAKING)] == [11, -500]
