"""The main job: an article on the site is in the channel and on the reader's phone, once, and stays right."""

from tests.conversations.conftest import Talk


def connect(talk: Talk) -> None:
    bot = talk.telegram.bot().user
    talk.telegram.set_member(talk.channel.id, bot.id, "administrator", by=talk.admin.id, can_post_messages=True)


async def test_a_new_article_is_in_the_channel_and_with_the_reader(talk: Talk) -> None:
    async with talk.running():
        connect(talk)
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        await talk.feed_is_read()
        talk.portal.publish("Мост открыт", "Движение по новому мосту началось утром.")
        await talk.feed_is_read()
        (post,) = talk.texts(talk.channel)
        assert post.startswith("Мост открыт\n\nДвижение по новому мосту")
        assert talk.texts(talk.reader)[-1] == post


async def test_the_archive_is_never_poured_out(talk: Talk) -> None:
    async with talk.running():
        connect(talk)
        await talk.feed_is_read()
        assert talk.texts(talk.channel) == []


async def test_a_changed_headline_edits_every_copy(talk: Talk) -> None:
    async with talk.running():
        connect(talk)
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        await talk.feed_is_read()
        article = talk.portal.publish("Мост открыт", "Утром.")
        await talk.feed_is_read()
        talk.portal.change(article, title="Мост открыт для всех")
        await talk.feed_is_read()
        (post,) = talk.bot_messages(talk.channel)
        assert post.text.startswith("Мост открыт для всех")
        assert post.edits == 1
        assert talk.texts(talk.reader)[-1] == post.text


async def test_after_a_restart_nothing_comes_again(talk: Talk) -> None:
    async with talk.running():
        connect(talk)
        await talk.heard()
        await talk.feed_is_read()
        for number in range(5):
            talk.portal.publish(f"Новость {number}", "")
            await talk.feed_is_read()
    async with talk.running():
        await talk.feed_is_read()
    headlines = [text.split("\n")[0] for text in talk.texts(talk.channel)]
    assert headlines == [f"Новость {number}" for number in range(5)]
