"""The post as readers know it, picture, caption and buttons; and a storm that waits for an editor."""

from newsroom.text.words import Words
from sandbox.model import Message
from sandbox.pictures import landscape
from tests.conversations.conftest import Talk
from tests.conversations.test_channels import promote

words = Words()
PICTURE = landscape(1)


async def connected(talk: Talk) -> None:
    promote(talk, talk.channel)
    await talk.heard()
    await talk.feed_is_read()


def post(talk: Talk) -> Message:
    return talk.telegram.messages(talk.channel.id)[-1]


async def test_a_bare_feed_becomes_a_post_with_picture_and_lead_from_the_page(talk: Talk) -> None:
    talk.portal.bare = True
    async with talk.running():
        await connected(talk)
        talk.portal.publish(
            "Мост открыт",
            "Движение по мосту началось утром.",
            category="Общество",
            section="Кыргызстан",
            picture=PICTURE,
        )
        await talk.feed_is_read()
        assert post(talk).photo is not None
        assert post(talk).text == "🇰🇬 Мост открыт\n\nДвижение по мосту началось утром.\n\n#Кыргызстан"


async def test_a_picture_telegram_cannot_fetch_is_uploaded_and_then_known(talk: Talk) -> None:
    talk.telegram.start(talk.reader.id)
    async with talk.running():
        await connected(talk)
        talk.telegram.fetch_seconds = 0.0  # whatever the address, Telegram gets nothing from it
        talk.portal.publish("Мост открыт", "Утром.", picture=PICTURE)
        await talk.feed_is_read()
        assert post(talk).photo is not None
        assert talk.telegram.messages(talk.reader.id)[-1].photo is not None


async def test_a_picture_nobody_can_use_holds_nothing_back(talk: Talk) -> None:
    async with talk.running():
        await connected(talk)
        talk.portal.picture_status = 404
        talk.portal.publish("Мост открыт", "Утром.", picture=PICTURE)
        await talk.feed_is_read()
        assert post(talk).photo is None
        assert post(talk).text.startswith("Мост открыт")


async def test_a_changed_headline_edits_the_caption_and_keeps_the_photo(talk: Talk) -> None:
    async with talk.running():
        await connected(talk)
        article = talk.portal.publish("Мост открыт", "Утром.", picture=PICTURE)
        await talk.feed_is_read()
        before = post(talk).photo
        talk.portal.change(article, title="Мост закрыт")
        await talk.feed_is_read()
        assert post(talk).text.startswith("Мост закрыт")
        assert (post(talk).photo, post(talk).edits) == (before, 1)


async def test_a_graphic_picture_is_veiled(talk: Talk) -> None:
    async with talk.running():
        await connected(talk)
        talk.portal.publish("Столкнулись два поезда", "Пострадавших нет.", picture=PICTURE, graphic=True)
        await talk.feed_is_read()
        assert post(talk).has_spoiler


async def storm(talk: Talk) -> None:
    """The site brings 25 articles of three days ago."""
    then = talk.now().timestamp() - 3 * 86_400
    for number in range(25):
        talk.portal.publish(f"Статья {number}", "", published=then + number)
    await talk.feed_is_read()


async def test_a_storm_waits_until_an_editor_presses(talk: Talk) -> None:
    async with talk.running():
        await connected(talk)
        await storm(talk)
        assert talk.texts(talk.channel) == []
        question = talk.bot_messages(talk.editors)[-1]
        assert "25" in question.text
        talk.telegram.presses(talk.editor.id, question, words.say("ru", "button-storm-post"))
        talk.telegram.presses(talk.editor.id, question, words.say("ru", "button-storm-drop"))
        await talk.until(lambda: len(talk.texts(talk.channel)) == 25, seconds=20)
        assert talk.bot_messages(talk.editors)[-1].text.endswith(words.say("ru", "storm-posted"))


async def test_a_stranger_decides_no_storm(talk: Talk) -> None:
    async with talk.running():
        await connected(talk)
        await storm(talk)
        question = talk.bot_messages(talk.editors)[-1]
        talk.telegram.presses(talk.reader.id, question, words.say("ru", "button-storm-post"))
        await talk.heard()
        assert talk.texts(talk.channel) == []
