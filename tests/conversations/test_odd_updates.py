"""What Telegram hands over that nobody can make sense of: kept, put aside, and in nobody's way."""

from typing import Any

import pytest

from newsroom.text.words import Words
from sandbox.model import Fault
from tests.conversations.conftest import Talk

words = Words()

ODD: tuple[dict[str, Any], ...] = (
    {"message": {"message_id": 1, "chat": 5}},
    {"message": {"chat": {"id": "a name"}, "from": [1]}},
    {"message": {"chat": {"id": 10**30}, "from": {"id": True}}},
    {"message": "a text", "callback_query": None},
    {"callback_query": {"message": [], "from": 7}},
    {"message": {"text": "half a pair: \ud800"}},
    {"\ud800 \x00": {"id": "\x00"}},
    {},
)


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
async def test_an_update_of_any_shape_is_put_aside_and_the_next_one_is_answered(
    talk: Talk, body: dict[str, Any]
) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        talk.telegram.push_update(body)
        await talk.says(talk.reader, "/help")
        assert talk.texts(talk.reader)[-1].startswith("Что я умею")
        assert len([text for text in talk.texts(talk.editors) if "не удалось обработать" in text]) == 1
    async with talk.running():  # and it is not there again at the next start
        await talk.says(talk.reader, "/help")
        assert talk.texts(talk.reader)[-1].startswith("Что я умею")


async def test_a_handler_that_always_fails_is_given_up_with_one_alarm_and_the_next_goes_on(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        refused = Fault("error", method="sendMessage", chat_id=talk.reader.id, times=4, text="Bad Request: odd")
        talk.telegram.faults.add(refused)
        talk.telegram.says(talk.reader.id, "/help")
        talk.telegram.says(talk.reader.id, "/language")
        await talk.until(lambda: talk.texts(talk.reader)[-1] == words.say("ru", "language-ask"), seconds=20)
        await talk.quiet()
        assert len([text for text in talk.texts(talk.editors) if "не удалось обработать" in text]) == 1
