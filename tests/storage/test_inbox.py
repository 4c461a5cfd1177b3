"""The inbox: what Telegram handed over is kept until it is done, once, and in each person's order."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsroom.errors import AlreadyDone
from newsroom.ids import Arrived
from storage.database import Storage
from storage.inbox import Incoming, Waiting
from storage.tables import updates
from tests.storage.conftest import START


def from_person(update_id: int, who: str = "asel", bot: int = 1) -> Incoming:
    return Incoming(bot, update_id, "message", who, f"sealed {update_id}".encode())


async def came(storage: Storage, *incoming: Incoming) -> int:
    async with storage.transaction() as tx:
        return await tx.inbox.add(incoming, START)


async def waiting(storage: Storage, busy: Sequence[str] = (), after: float = 0) -> tuple[Waiting, ...]:
    async with storage.reading() as tx:
        return await tx.inbox.next(START + timedelta(seconds=after), busy, 100)


async def finish(storage: Storage, arrived: Arrived) -> None:
    async with storage.transaction() as tx:
        await tx.inbox.done(arrived, START)


async def test_an_update_handed_over_twice_is_stored_once(storage: Storage) -> None:
    assert await came(storage, from_person(7), from_person(8)) == 2
    assert await came(storage, from_person(8), from_person(9)) == 1
    async with storage.reading() as tx:
        assert await tx.inbox.waiting() == 3


async def test_an_update_twice_in_one_batch_is_stored_once(storage: Storage) -> None:
    assert await came(storage, from_person(7), from_person(7)) == 1


async def test_two_bots_may_use_the_same_update_id(storage: Storage) -> None:
    assert await came(storage, from_person(7, bot=1), from_person(7, bot=2)) == 2


async def test_nothing_handed_over_is_nothing_stored(storage: Storage) -> None:
    assert await came(storage) == 0


async def test_a_persons_updates_come_one_at_a_time_in_order_of_arrival(storage: Storage) -> None:
    await came(storage, from_person(50), from_person(3), from_person(51))
    order = []
    while found := await waiting(storage):
        order.append([one.payload for one in found])
        await finish(storage, found[0].arrived)
    assert order == [[b"sealed 50"], [b"sealed 3"], [b"sealed 51"]]


async def test_other_people_go_side_by_side(storage: Storage) -> None:
    await came(storage, from_person(1, "asel"), from_person(2, "asel"), from_person(3, "bakyt"))
    assert [one.order_key for one in await waiting(storage)] == ["asel", "bakyt"]


async def test_a_person_with_an_update_under_way_waits_and_others_do_not(storage: Storage) -> None:
    await came(storage, from_person(1, "asel"), from_person(2, "bakyt"))
    assert [one.order_key for one in await waiting(storage, busy=["asel"])] == ["bakyt"]


async def test_an_update_to_be_tried_later_holds_back_its_own_person_only(storage: Storage) -> None:
    await came(storage, from_person(1, "asel"), from_person(2, "asel"), from_person(3, "bakyt"))
    async with storage.transaction() as tx:
        await tx.inbox.try_later(Arrived(1), START + timedelta(seconds=5))
    assert [one.order_key for one in await waiting(storage)] == ["bakyt"]
    assert [(one.arrived, one.tries) for one in await waiting(storage, after=5)] == [(1, 1), (3, 0)]


async def test_an_update_that_only_waits_has_spent_no_try(storage: Storage) -> None:
    await came(storage, from_person(1))
    async with storage.transaction() as tx:
        await tx.inbox.wait(Arrived(1), START + timedelta(seconds=5))
    assert await waiting(storage) == ()
    assert [one.tries for one in await waiting(storage, after=5)] == [0]


async def test_hundreds_of_one_persons_updates_are_one_place_in_the_row(storage: Storage) -> None:
    await came(storage, *(from_person(number, "asel") for number in range(300)), from_person(300, "bakyt"))
    assert [one.order_key for one in await waiting(storage)] == ["asel", "bakyt"]


async def test_what_waits_can_be_looked_through_page_by_page(storage: Storage) -> None:
    await came(storage, *(from_person(number) for number in range(5)))
    await finish(storage, Arrived(2))
    async with storage.reading() as tx:
        first = await tx.inbox.page(Arrived(0), 3)
        rest = await tx.inbox.page(first[-1].arrived, 3)
    assert [[one.arrived for one in page] for page in (first, rest)] == [[1, 3, 4], [5]]


async def test_a_clock_set_back_makes_nobody_wait(storage: Storage) -> None:
    await came(storage, from_person(1))
    async with storage.transaction() as tx:
        await tx.inbox.stop_waiting(START - timedelta(hours=1))
    assert len(await waiting(storage, after=-3600)) == 1


async def test_a_wait_no_longer_than_ours_is_kept_at_the_start(storage: Storage) -> None:
    await came(storage, from_person(1, "asel"), from_person(2, "bakyt"))
    async with storage.transaction() as tx:
        await tx.inbox.wait(Arrived(1), START + timedelta(seconds=50))
        await tx.inbox.wait(Arrived(2), START + timedelta(seconds=70))
        await tx.inbox.stop_waiting(START, beyond=timedelta(minutes=1))
    assert [one.order_key for one in await waiting(storage)] == ["bakyt"]


async def test_what_was_done_once_is_never_done_again(storage: Storage) -> None:
    await came(storage, from_person(1))
    await finish(storage, Arrived(1))
    with pytest.raises(AlreadyDone):
        await finish(storage, Arrived(1))


async def test_the_words_of_a_done_update_are_gone_at_once(storage: Storage) -> None:
    await came(storage, from_person(1))
    await finish(storage, Arrived(1))
    async with storage.reading() as tx:
        assert await tx.connection.scalar(select(updates.c.payload)) is None
        assert await tx.inbox.is_done(Arrived(1))


async def test_a_fact_that_finds_its_update_done_is_rolled_back(storage: Storage) -> None:
    await came(storage, from_person(1))
    await finish(storage, Arrived(1))

    async def fact() -> None:
        async with storage.transaction() as tx:
            await tx.settings.put("fact", "written twice")
            await tx.inbox.done(Arrived(1), START)

    with pytest.raises(AlreadyDone):
        await fact()
    async with storage.reading() as tx:
        assert await tx.settings.get("fact") is None


async def test_an_update_put_aside_stands_in_nobodys_way(storage: Storage) -> None:
    await came(storage, from_person(1), from_person(2))
    async with storage.transaction() as tx:
        await tx.inbox.put_aside([Arrived(1)], "it cannot be read " * 40, START)
    assert [one.arrived for one in await waiting(storage)] == [2]


async def test_done_updates_are_swept_after_two_days_and_waiting_ones_never(storage: Storage) -> None:
    await came(storage, from_person(1), from_person(2))
    await finish(storage, Arrived(1))
    for hours, left in ((47, 2), (49, 1), (1000, 1)):
        async with storage.transaction() as tx:
            await tx.inbox.sweep(START + timedelta(hours=hours))
            assert await tx.connection.scalar(select(func.count()).select_from(updates)) == left
