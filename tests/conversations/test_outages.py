"""Telegram away, the database in trouble, another key, another program: the bot goes on and says it once."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from bot.doors.updates import incoming_of
from bot.keyring import keyring_from, new_secret
from newsroom.text.words import Words
from sandbox.model import Fault, FaultKind
from storage.database import open_storage
from tests.conversations.conftest import SPEED, Talk
from tests.conversations.test_channels import promote, publish
from tests.conversations.test_interleavings import headlines, subscribed

words = Words()


def with_channel_configured(talk: Talk) -> None:
    """The bot is in the channel already, and only the configuration says so."""
    bot = talk.telegram.bot().user
    talk.telegram.set_member(talk.channel.id, bot.id, "administrator", by=talk.admin.id)
    talk.telegram.bot().queue.clear()
    data = talk.config.model_dump() | {"channels": [{"chat": "@vestnik"}]}
    data["telegram"]["token"] = talk.config.telegram.token.get_secret_value()
    talk.config = type(talk.config).model_validate(data)


@contextmanager
def refusing(beginning: str, times: int) -> Iterator[None]:
    """The database refuses statements that begin so, a number of times."""
    left = [times]

    def refuse(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(beginning) and left[0] > 0:
            left[0] -= 1
            raise OperationalError(statement, None, sqlite3.OperationalError("database is locked"))

    event.listen(Engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", refuse)


def put_aside(talk: Talk) -> list[str]:
    return [text for text in talk.texts(talk.editors) if "не удалось обработать" in text.lower()]


@pytest.mark.parametrize("kind", ["drop_before", "html", "restart", "too_many"])
async def test_an_update_is_not_given_up_because_telegram_was_away(talk: Talk, kind: FaultKind) -> None:
    async with talk.running():
        talk.telegram.faults.add(Fault(kind, method="getChatMember", times=6))
        promote(talk, talk.channel)
        await talk.heard()
        await talk.feed_is_read()
        await publish(talk, "Раз")
        assert headlines(talk, talk.channel.id) == ["Раз"]
        assert put_aside(talk) == []


@pytest.mark.parametrize("kind", ["html", "drop_before", "restart"])
async def test_a_welcome_that_was_refused_by_a_gateway_comes_all_the_same(talk: Talk, kind: FaultKind) -> None:
    async with talk.running():
        talk.telegram.faults.add(Fault(kind, method="sendMessage"))
        talk.telegram.start(talk.reader.id)
        await talk.until(lambda: talk.texts(talk.reader) == [words.say("ru", "welcome")])


@pytest.mark.parametrize("method", ["getChat", "getChatMember", "setMyCommands"])
@pytest.mark.parametrize("kind", ["html", "too_many", "drop_before"])
async def test_a_channel_of_the_configuration_is_connected_when_telegram_is_back(
    talk: Talk, kind: FaultKind, method: str
) -> None:
    with_channel_configured(talk)
    talk.telegram.faults.add(Fault(kind, method=method))
    async with talk.running():
        await talk.until(lambda: not talk.telegram.faults.pending)
        await asyncio.sleep(10 / SPEED)
        await talk.feed_is_read()
        await publish(talk, "Раз")
        assert headlines(talk, talk.channel.id) == ["Раз"]
        assert talk.texts(talk.editors) == []


async def test_a_channel_of_the_configuration_is_connected_when_the_database_is_back(talk: Talk) -> None:
    with_channel_configured(talk)
    with refusing("INSERT INTO chats", times=1):
        async with talk.running():
            await asyncio.sleep(15 / SPEED)
            await talk.feed_is_read()
            await publish(talk, "Раз")
            assert headlines(talk, talk.channel.id) == ["Раз"]


async def test_the_bot_stops_at_once_though_telegram_does_not_take_its_commands(talk: Talk) -> None:
    talk.telegram.faults.add(Fault("hang", method="setMyCommands", retry_after=int(20 * SPEED)))
    await talk.opens()
    await talk.until(lambda: not talk.telegram.faults.pending)
    began = time.monotonic()
    await talk.closes()
    assert time.monotonic() - began < 5


async def test_with_another_key_all_that_waits_is_put_aside_with_one_alarm(talk: Talk) -> None:
    await talk.opens()
    talk.telegram.start(talk.reader.id)
    await talk.heard()
    await talk.closes()
    storage = open_storage(talk.config.storage.url, talk.keyring)
    raw = [{"update_id": number, "message": {"chat": {"id": number}}} for number in range(1000, 1030)]
    async with storage.transaction() as tx:
        await tx.inbox.add([incoming_of(one, 4242, storage) for one in raw], talk.now())
    await storage.close()
    talk.keyring = keyring_from(new_secret())
    async with talk.running():
        await talk.says(talk.reader, "/help")
        assert talk.texts(talk.reader)[-1].startswith("Что я умею")
        (alarm,) = put_aside(talk)
        assert ": 30" in alarm


async def test_of_many_updates_nobody_can_decode_the_first_is_told_and_the_rest_together(talk: Talk) -> None:
    async with talk.running() as app:
        for number in range(12):
            talk.telegram.push_update({"message": {"chat": {"id": number}}})
        await talk.heard()
        assert len(put_aside(talk)) == 1
        await app.housekeeping.sweep()
        await talk.quiet()
        assert len(put_aside(talk)) == 1
        talk.shift = timedelta(minutes=61)
        await app.housekeeping.sweep()
        await app.housekeeping.sweep()
        await talk.quiet()
        assert len(put_aside(talk)) == 2
        assert ": 11" in put_aside(talk)[1]


async def test_a_clock_set_back_while_the_bot_was_down_delays_nothing(talk: Talk) -> None:
    async with talk.running():
        await subscribed(talk)
    talk.shift = timedelta(hours=-1)
    async with talk.running():
        await publish(talk, "Раз")
        assert headlines(talk, talk.channel.id) == ["Раз"]


async def test_a_clock_set_back_is_noticed_though_the_database_was_in_trouble(talk: Talk) -> None:
    async with talk.running():
        await subscribed(talk)
        with refusing("UPDATE feeds SET next_due_utc=", times=1):
            talk.shift = timedelta(hours=-1)
            await publish(talk, "Раз")
        assert headlines(talk, talk.channel.id) == ["Раз"]


async def test_a_stranger_with_our_token_is_one_alarm_however_often_they_poll(talk: Talk) -> None:
    token = talk.config.telegram.token.get_secret_value()
    async with talk.running(), aiohttp.ClientSession() as session:
        for _ in range(3):
            await talk.until(lambda: talk.telegram.bot().polling)
            async with session.post(f"{talk.config.telegram.api}/bot{token}/getUpdates", json={"offset": 0}) as answer:
                await answer.read()
            talk.telegram.says(talk.reader.id, "/help")
            await talk.heard()
        assert talk.texts(talk.editors) == [words.say("ru", "alarm-conflict")]


async def test_a_forgotten_webhook_is_deleted_and_nobody_is_accused(talk: Talk) -> None:
    bot = talk.telegram.bot()
    bot.webhook_url = "https://old.example/hook"
    talk.telegram.start(talk.reader.id)
    async with talk.running():
        await talk.heard()
        await talk.until(lambda: talk.texts(talk.reader) == [words.say("ru", "welcome")])
        assert talk.texts(talk.editors) == []
    assert bot.webhook_url == ""
