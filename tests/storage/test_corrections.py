"""Corrections: every copy ends with the newest words, by as few edits as possible."""

from sqlalchemy import select

from newsroom.deliveries import State, Throttled, Vanished
from storage.tables import messages
from tests.storage.conftest import House

READERS = (11, 12, 13, 14, 15)


async def test_ten_corrections_become_one_edit(house: House) -> None:
    article = await house.posted(11)
    for number in range(10):
        await house.correct(article, f"corrected {number}")
    await house.settle_pages()
    edits = await house.claim(None)
    await house.answer(edits)
    assert [(edit.content, edit.wanted_version, edit.sent_version) for edit in edits] == [("corrected 9", 11, 1)]
    assert await house.behind() == ()
    assert await house.idle()


async def test_a_page_not_yet_made_starts_with_the_newest_text(house: House) -> None:
    article = await house.article()
    await house.connect(11, 12)
    await house.announce(article=article)
    await house.expand(page=1)
    await house.send_all()
    await house.correct(article, "corrected")
    await house.settle_pages()
    first_sends = await house.claim()
    assert [(message.chat, message.content) for message in first_sends] == [(12, "corrected")]
    await house.answer(first_sends)
    assert [edit.chat for edit in await house.behind()] == [11]


async def test_versions_rise_page_by_page(house: House) -> None:
    article = await house.posted(*READERS)
    await house.correct(article, "corrected")
    await house.raise_versions(page=2)
    assert [edit.chat for edit in await house.behind()] == [11, 12]
    await house.settle_pages()
    assert [edit.chat for edit in await house.behind()] == [*READERS]


async def test_a_correction_while_the_first_send_is_open_follows_it(house: House) -> None:
    article = await house.article()
    await house.connect(11)
    await house.announce(article=article)
    await house.settle_pages()
    open_one = await house.claim()
    await house.correct(article, "corrected")
    await house.settle_pages()
    assert await house.behind() == ()
    await house.answer(open_one)
    assert [edit.content for edit in await house.behind()] == ["corrected"]


async def test_a_correction_of_what_still_waits_needs_no_edit(house: House) -> None:
    article = await house.article()
    await house.connect(11)
    await house.announce(article=article)
    await house.settle_pages()
    await house.correct(article, "corrected")
    claimed = await house.claim()
    await house.answer(claimed)
    await house.settle_pages()
    assert claimed[0].content == "corrected"
    assert await house.behind() == ()


async def test_a_copy_that_vanished_is_edited_no_more(house: House) -> None:
    article = await house.posted(11)
    await house.correct(article, "corrected")
    await house.settle_pages()
    await house.answer(await house.claim(None), Vanished())
    assert await house.states(11) == [(1, State.GONE)]


async def test_an_edit_keeps_the_moment_of_the_first_send(house: House) -> None:
    article = await house.posted(11)
    sent = house.now
    house.later(3600)
    await house.correct(article, "corrected")
    await house.settle_pages()
    await house.answer(await house.claim(None))
    async with house.storage.reading() as tx:
        assert await tx.connection.scalar(select(messages.c.sent_at)) == sent


async def test_an_edit_waits_as_long_as_its_chat_was_asked_to(house: House) -> None:
    article = await house.posted(11)
    await house.announce()
    await house.settle_pages()
    await house.answer(await house.claim(), Throttled(60))
    await house.correct(article, "corrected")
    await house.settle_pages()
    assert await house.behind() == ()
    house.later(60)
    assert len(await house.behind()) == 1


async def test_copies_of_a_reader_who_left_leave_nothing_to_do(house: House) -> None:
    article = await house.posted(11)
    await house.disconnect(11)
    await house.correct(article, "corrected")
    await house.settle_pages()
    assert await house.idle()


async def test_what_was_corrected_while_a_chat_was_away_is_corrected_when_it_is_back(house: House) -> None:
    article = await house.posted(11)
    await house.disconnect(11)
    await house.correct(article, "corrected")
    await house.settle_pages()
    await house.connect(11)
    assert [edit.content for edit in await house.behind()] == ["corrected"]


async def test_copies_nobody_will_correct_are_not_looked_at_again_and_again(house: House) -> None:
    article = await house.posted(*READERS)
    await house.correct(article, "corrected")
    await house.raise_versions(page=2)
    for reader in READERS:
        await house.disconnect(reader)
    await house.settle_pages()
    async with house.storage.reading() as tx:
        behind = await tx.connection.scalars(
            select(messages.c.id).where(messages.c.wanted_version > messages.c.sent_version)
        )
        assert behind.all() == []
