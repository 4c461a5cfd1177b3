"""The moments at which a careless bot loses or repeats: each of the core's interleavings by name."""

import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from newsroom.errors import SecondInstance
from sandbox.model import Fault
from tests.conversations.conftest import SPEED, Talk
from tests.conversations.test_channels import promote, publish


def headlines(talk: Talk, chat_id: int) -> list[str]:
    """What stands in a chat, without the bot's welcome."""
    texts = [m.text.split("\n")[0] for m in talk.telegram.messages(chat_id) if m.text]
    return [text for text in texts if not text.startswith(("/", "Здравствуйте"))]


async def subscribed(talk: Talk) -> None:
    talk.telegram.start(talk.reader.id)
    promote(talk, talk.channel)
    await talk.heard()
    await talk.feed_is_read()


async def test_429_for_one_chat_holds_that_chat_alone(talk: Talk) -> None:
    async with talk.running():
        await subscribed(talk)
        talk.telegram.faults.add(Fault("too_many", chat_id=talk.channel.id, retry_after=8))
        talk.portal.publish("Раз", "")
        await talk.until(lambda: headlines(talk, talk.reader.id) == ["Раз"])
        assert headlines(talk, talk.channel.id) == []
        await talk.quiet()
        assert headlines(talk, talk.channel.id) == ["Раз"]
        tried = [c for c in talk.telegram.calls if c.method == "sendMessage" and c.params["chat_id"] == talk.channel.id]
        assert [c.status for c in tried] == [429, 200]
        assert tried[1].at - tried[0].at >= 8 / SPEED


async def test_429_for_all_holds_the_whole_bot(talk: Talk) -> None:
    async with talk.running():
        await subscribed(talk)
        talk.telegram.faults.add(Fault("too_many", method="sendMessage", retry_after=8, times=2))
        talk.portal.publish("Раз", "")
        await talk.feed_is_read()
        sends = [c for c in talk.telegram.calls if c.method == "sendMessage"]
        refused = [c for c in sends if c.status == 429]
        assert len(refused) == 2
        assert all(c.at >= refused[1].at + 7 / SPEED for c in sends if c.at > refused[1].at)
        assert headlines(talk, talk.channel.id) == headlines(talk, talk.reader.id) == ["Раз"]


async def test_an_edit_that_arrives_while_the_first_send_is_open_follows_it(talk: Talk) -> None:
    async with talk.running():
        await subscribed(talk)
        talk.telegram.faults.add(Fault("hang", method="sendMessage", chat_id=talk.channel.id, retry_after=20))
        article = talk.portal.publish("Раз", "")
        await talk.until(lambda: headlines(talk, talk.reader.id) == ["Раз"])
        talk.portal.change(article, title="Раз, исправлено")
        await talk.feed_is_read()
        assert headlines(talk, talk.channel.id) == ["Раз, исправлено"]
        assert headlines(talk, talk.reader.id) == ["Раз, исправлено"]


async def test_an_answer_lost_after_acceptance_is_sent_one_time_more(talk: Talk) -> None:
    async with talk.running():
        await subscribed(talk)
        talk.telegram.faults.add(Fault("drop_after", method="sendMessage", chat_id=talk.channel.id))
        await publish(talk, "Раз")
        await publish(talk, "Два")
        assert headlines(talk, talk.channel.id) == ["Раз", "Раз", "Два"]


async def test_two_lost_answers_are_left_unknown_and_counted(talk: Talk) -> None:
    async with talk.running() as app:
        await subscribed(talk)
        talk.telegram.faults.add(Fault("html", method="sendMessage", chat_id=talk.channel.id, times=2))
        await publish(talk, "Раз")
        await publish(talk, "Два")
        async with app.storage.reading() as tx:
            counts = await tx.outbox.counts()
        assert {state.value: many for state, many in counts.items()}["unknown"] == 1
        assert headlines(talk, talk.channel.id) == ["Два"]


async def test_the_network_is_gone_and_nothing_is_lost_or_repeated(talk: Talk) -> None:
    async with talk.running():
        await subscribed(talk)
        await talk.network_goes()
        talk.portal.publish("Раз", "")
        talk.portal.publish("Два", "")
        reads = len(talk.portal.feed_reads)
        await talk.until(lambda: len(talk.portal.feed_reads) >= reads + 6)
        await talk.network_comes()
        await talk.quiet()
        assert headlines(talk, talk.channel.id) == headlines(talk, talk.reader.id) == ["Раз", "Два"]


async def test_content_unsendable_in_one_chat_only(talk: Talk) -> None:
    async with talk.running() as app:
        await subscribed(talk)
        talk.telegram.faults.add(
            Fault("error", method="sendMessage", chat_id=talk.channel.id, text="Bad Request: message is too long")
        )
        await publish(talk, "Раз")
        await publish(talk, "Два")
        assert headlines(talk, talk.channel.id) == ["Два"]
        assert headlines(talk, talk.reader.id) == ["Раз", "Два"]
        async with app.storage.reading() as tx:
            assert {s.value: n for s, n in (await tx.outbox.counts()).items()}["failed"] == 1


async def test_two_processes_cannot_work_for_one_token(talk: Talk) -> None:
    async with talk.running():
        second = Talk(
            talk.telegram, talk.portal, talk.config, talk.keyring,
            talk.reader, talk.admin, talk.editor, talk.channel, talk.editors,
        )  # fmt: skip
        with pytest.raises(SecondInstance):
            await second.opens()


async def test_a_clock_set_back_an_hour_delays_nothing(talk: Talk) -> None:
    async with talk.running():
        await subscribed(talk)
        talk.shift = timedelta(hours=-1)
        await publish(talk, "Раз")
        assert headlines(talk, talk.channel.id) == ["Раз"]


async def test_a_disk_full_during_a_flush_loses_no_result(talk: Talk) -> None:
    full = {"is": True}

    def refuse(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if full["is"] and statement.startswith("UPDATE messages SET") and "telegram_id" in statement:
            raise OperationalError(statement, None, sqlite3.OperationalError("database or disk is full"))

    async with talk.running() as app:
        await subscribed(talk)
        event.listen(app.storage.engine.sync_engine, "before_cursor_execute", refuse)
        talk.portal.publish("Раз", "")
        await talk.until(lambda: headlines(talk, talk.channel.id) == ["Раз"])
        full["is"] = False
        await talk.feed_is_read()
        assert headlines(talk, talk.channel.id) == ["Раз"]
        assert headlines(talk, talk.reader.id) == ["Раз"]


async def test_an_update_nobody_can_decode_is_one_alarm_and_no_obstacle(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        talk.telegram.push_update({"message": {"message_id": "no number", "chat": {"id": talk.reader.id}}})
        talk.telegram.says(talk.reader.id, "/help")
        await talk.heard()
        assert talk.texts(talk.reader)[-1].startswith("Что я умею")
        assert len([text for text in talk.texts(talk.editors) if "не удалось обработать" in text]) == 1


async def test_the_same_article_from_two_feeds_in_the_same_second_is_posted_once(talk: Talk) -> None:
    data = talk.config.model_dump()
    data["telegram"]["token"] = talk.config.telegram.token.get_secret_value()
    data["feeds"] = [*data["feeds"], {**data["feeds"][0], "url": data["feeds"][0]["url"] + "?again"}]
    talk.config = type(talk.config).model_validate(data)
    async with talk.running():
        await subscribed(talk)
        await talk.feed_is_read()
        await publish(talk, "Раз")
        await talk.feed_is_read()
        assert headlines(talk, talk.channel.id) == ["Раз"]
