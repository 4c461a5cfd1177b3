"""What Telegram hands over that nobody can make sense of: kept, put aside, and in nobody's way."""

from typing import Any

import pytest

from tests.conversations.conftest import Talk

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
