"""The loop that sends: it survives what it is given, spends nothing in an outage, and lets every queue speak."""

import asyncio
from typing import Any

import pytest

from newsroom.articles import FetchedArticle
from newsroom.deliveries import Form, Lane, Picture, State, Way
from newsroom.text import render
from tests.services.conftest import Line, delivering, delivery
from tests.storage.conftest import House, until

READERS = tuple(range(11, 51))
IMAGE = "https://news.example/bridge.jpg"
CHANNELS = tuple(range(-1050, -1010))


def content(title: str) -> str:
    return render.article_content(FetchedArticle(title, title, ""))


def pictured(title: str, image: str = IMAGE) -> str:
    return render.article_content(FetchedArticle(title, title, "", image=image))


async def test_content_nobody_can_render_fails_alone(house: House) -> None:
    await house.connect(11)
    for words in ('{"v": 9, "kind": "hologram"}', "not even JSON", content("Мост открыт")):
        await house.announce(content=words)
    line = Line()
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == 1)
    assert await house.states(11) == [(1, State.FAILED), (2, State.FAILED), (3, State.SENT)]


async def test_a_request_that_breaks_is_unknown_and_ends_nothing_else(house: House) -> None:
    await house.connect(11, 12)
    await house.announce(content=content("Сломанная"))
    await house.announce(content=content("Целая"))
    line = Line(breaks_on="Сломанная")
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == 2)
    assert await house.states(11) == [(1, State.UNKNOWN), (2, State.SENT)]


async def test_an_outage_loses_nothing_however_long_it_is(house: House) -> None:
    await house.connect(*READERS)
    await house.announce(content=content("Мост открыт"))
    line = Line(up=False)
    async with delivering(delivery(house, line)):
        await until(lambda: line.lost >= 3)
        await house.announce(content=content("Мост закрыт"))
        line.up = True
        await until(lambda: len(line.arrived) == 2 * len(READERS))
    assert State.UNKNOWN not in await house.counts()


async def test_an_outage_risks_a_handful_of_messages_and_then_only_asks(house: House) -> None:
    await house.connect(*READERS)
    await house.announce(content=content("Мост открыт"))
    line = Line(up=False)
    deliver = delivery(house, line)
    async with delivering(deliver):
        await until(lambda: line.lost >= 3)
        await asyncio.sleep(1.2)  # two more looks at the outbox
    assert line.lost <= 2 * deliver.batch


async def test_a_claim_committed_after_all_blocks_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.connect(11)
    await house.announce(content=content("Мост открыт"))
    await house.settle_pages()
    dialect, armed = house.storage.engine.sync_engine.dialect, [True]
    commit = dialect.do_commit

    def commit_and_lose_the_answer(connection: Any) -> None:
        commit(connection)
        if armed and armed.pop():
            raise ConnectionResetError("the server said yes, and nobody heard it")

    monkeypatch.setattr(dialect, "do_commit", commit_and_lose_the_answer)  # the driver's side, not ours
    line = Line()
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == 1)
    assert armed == []
    assert await house.states(11) == [(1, State.SENT)]


async def test_a_process_that_lost_its_lock_sends_nothing_more(house: House) -> None:
    await house.connect(11)
    await house.announce(content=content("Мост открыт"))
    line, held = Line(), [True, True, False]  # lost between the claim and the request
    deliver = delivery(house, line, may_send=lambda: held.pop(0) if len(held) > 1 else held[0])
    async with delivering(deliver):
        await until(lambda: len(held) == 1)
        await asyncio.sleep(0.3)
        assert line.arrived == []
        held[0] = True
        await until(lambda: len(line.arrived) == 1)


async def test_every_queue_keeps_its_floor_when_all_are_waiting(house: House) -> None:
    article = await house.article()
    await house.connect(*READERS, *CHANNELS)
    old = await house.announce(content=content("Старая"), article=article)
    await house.settle_pages()
    await house.send_all()
    await house.correct(article, content("Исправленная"))
    for lane in (Lane.CHANNELS, Lane.PRIVATE):
        await house.announce(lane, content("Новая"))
    await house.settle_pages()
    line = Line()
    async with delivering(delivery(house, line, speed=1.0)):
        await until(lambda: len(line.arrived) + len(line.edited) >= 30)
        channels = sum(chat < 0 for chat, _ in line.arrived)
        assert len(line.edited) >= 3, "corrections, 3 a second"
        assert channels >= 5, "channels, 5 a second"
        assert channels > sum(chat > 0 for chat, _ in line.arrived), "and channels before readers"
    assert old == 1


async def test_a_picture_goes_by_address_and_then_by_the_name_telegram_gave_it(house: House) -> None:
    await house.connect(11)
    await house.announce(content=pictured("Мост открыт"))
    line = Line()
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == 1)
        await house.connect(12, 13)
        await house.announce(content=pictured("Мост открыт"))
        await until(lambda: len(line.arrived) == 4)
    assert line.pictures[0] == (11, Picture(IMAGE))
    assert {picture.way for _, picture in line.pictures} == {Way.ADDRESS}


@pytest.mark.parametrize("takes", [Way.UPLOAD, Way.NONE])
async def test_an_unusable_picture_never_holds_a_post_back(house: House, takes: Way) -> None:
    await house.connect(*READERS)
    await house.announce(content=pictured("Мост открыт"))
    line = Line(takes=takes)
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == len(READERS))
    assert len(line.refused) <= 3 * takes, "what is known of a picture is known to all that follow"
    assert len(line.pictures) == (0 if takes is Way.NONE else len(READERS))
    assert await house.counts() == {State.SENT: len(READERS)}


async def test_a_corrected_headline_edits_the_caption_and_another_picture_the_photo(house: House) -> None:
    article = await house.article()
    await house.connect(11)
    await house.announce(content=pictured("Мост открыт"), article=article)
    line = Line()
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == 1)
        await house.correct(article, pictured("Мост закрыт"))
        await until(lambda: len(line.edited) == 1)
        await house.correct(article, pictured("Мост закрыт", IMAGE + "?2"), new_picture=True)
        await until(lambda: len(line.edited) == 2)
    assert line.forms == [Form.PHOTO, Form.PHOTO]
    assert [picture.address for _, picture in line.pictures] == [IMAGE, IMAGE + "?2"]


async def test_a_picture_that_comes_later_is_put_to_the_text(house: House) -> None:
    article = await house.article()
    await house.connect(11)
    await house.announce(content=content("Мост открыт"), article=article)
    line = Line()
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == 1)
        await house.correct(article, pictured("Мост открыт"), new_picture=True)
        await until(lambda: len(line.edited) == 1)
        await house.correct(article, pictured("Мост закрыт"))
        await until(lambda: len(line.edited) == 2)
    assert line.forms == [Form.TEXT, Form.PHOTO]
    assert line.pictures == [(11, Picture(IMAGE))]


async def test_a_chat_that_takes_no_pictures_gets_the_words_and_the_others_the_photo(house: House) -> None:
    article = await house.article()
    await house.connect(11, 12)
    await house.announce(content=pictured("Мост открыт"), article=article)
    line = Line(no_photos={11})
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == 2)
        await house.correct(article, pictured("Мост закрыт", IMAGE + "?2"), new_picture=True)
        await until(lambda: len(line.edited) == 2)
    assert {chat for chat, _ in line.pictures} == {12}
    assert sorted(line.forms) == [Form.PHOTO, Form.TEXT]
    assert await house.idle()


async def test_a_picture_nobody_answers_for_does_not_take_the_post_with_it(house: House) -> None:
    await house.connect(11)
    await house.announce(content=pictured("Мост открыт"))
    line = Line(swallows_pictures=True)
    async with delivering(delivery(house, line)):
        await until(lambda: len(line.arrived) == 1)
    assert [picture.way for _, picture in line.pictures] == [Way.UPLOAD]
