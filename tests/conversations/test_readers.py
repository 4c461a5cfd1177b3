"""What a reader says to the bot, and what they hear."""

from newsroom.ids import ChatId
from newsroom.text.words import Words
from tests.conversations.conftest import Talk

words = Words()


async def test_start_welcomes_and_subscribes(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        assert talk.texts(talk.reader)[-1].startswith("Здравствуйте! Я Элчи")
        await talk.says(talk.reader, "/subscribe")
        assert talk.texts(talk.reader)[-1] == words.say("ru", "subscribed-already")


async def test_who_unsubscribes_gets_nothing_more(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        await talk.feed_is_read()
        await talk.says(talk.reader, "/unsubscribe")
        talk.portal.publish("Мост открыт", "")
        await talk.feed_is_read()
        assert talk.texts(talk.reader)[-1] == words.say("ru", "unsubscribed")
        await talk.says(talk.reader, "/unsubscribe")
        assert talk.texts(talk.reader)[-1] == words.say("ru", "unsubscribed-already")


async def test_who_comes_back_gets_what_is_new_from_then_on(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        await talk.feed_is_read()
        await talk.says(talk.reader, "/unsubscribe")
        talk.portal.publish("Без читателя", "")
        await talk.feed_is_read()
        await talk.says(talk.reader, "/subscribe")
        talk.portal.publish("С читателем", "")
        await talk.feed_is_read()
        headlines = [text.split("\n")[0] for text in talk.texts(talk.reader)]
        assert "Без читателя" not in headlines
        assert headlines[-1] == "С читателем"


async def test_latest_shows_the_newest_headlines_first(talk: Talk) -> None:
    async with talk.running():
        await talk.feed_is_read()
        talk.portal.publish("Новее", "")
        await talk.feed_is_read()
        talk.telegram.start(talk.reader.id)
        await talk.says(talk.reader, "/latest")
        answer = talk.texts(talk.reader)[-1]
        assert answer.index("Новее") < answer.index("Старая статья")


async def test_language_is_chosen_by_a_button_that_names_it(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.says(talk.reader, "/language")
        question = talk.bot_messages(talk.reader)[-1]
        talk.telegram.presses(talk.reader.id, question, "English")
        talk.telegram.presses(talk.reader.id, question, "English")
        await talk.heard()
        assert talk.texts(talk.reader)[-1] == words.say("en", "language-set")
        await talk.says(talk.reader, "/help")
        assert talk.texts(talk.reader)[-1].startswith("What I can do")


async def test_a_press_too_old_to_answer_is_applied_all_the_same(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.says(talk.reader, "/language")
        question = talk.bot_messages(talk.reader)[-1]
    talk.telegram.presses(talk.reader.id, question, "English")
    talk.telegram.callbacks.clear()  # Telegram forgets a press after 150 seconds
    async with talk.running():
        await talk.heard()
        await talk.says(talk.reader, "/help")
        assert talk.texts(talk.reader)[-1].startswith("What I can do")


async def test_words_that_are_no_command_get_an_answer(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.says(talk.reader, "<b>привет & пока")
        assert talk.texts(talk.reader)[-1] == words.say("ru", "not-understood")


async def test_who_blocks_the_bot_is_left_alone(talk: Talk) -> None:
    async with talk.running() as app:
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        await talk.feed_is_read()
        talk.telegram.block(talk.reader.id)
        await talk.heard()
        sent = len(talk.telegram.calls)
        talk.portal.publish("Мост открыт", "")
        await talk.feed_is_read()
        assert [c for c in talk.telegram.calls[sent:] if c.method == "sendMessage"] == []
        async with app.storage.reading() as tx:
            chat = await tx.chats.get(ChatId(talk.reader.id))
        assert chat is not None
        assert chat.off_because == "blocked"
