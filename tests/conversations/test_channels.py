"""Channels and groups: connected by adding the bot, held back by missing rights, followed when they move."""

from newsroom.text.words import Words
from sandbox.model import Chat, Fault
from tests.conversations.conftest import Talk

words = Words()


def promote(talk: Talk, chat: Chat, **rights: bool) -> None:
    bot = talk.telegram.bot().user
    talk.telegram.set_member(chat.id, bot.id, "administrator", by=talk.admin.id, **rights)


async def publish(talk: Talk, title: str) -> None:
    talk.portal.publish(title, "")
    await talk.feed_is_read()


async def test_an_admin_is_told_that_the_channel_is_connected(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.admin.id)
        await talk.heard()
        promote(talk, talk.channel)
        await talk.heard()
        assert talk.texts(talk.admin)[-1] == words.say("ru", "chat-connected", title="Вестник")
        await talk.says(talk.admin, "/channels")
        assert "✅ Вестник" in talk.texts(talk.admin)[-1]


async def test_without_the_right_to_post_the_admin_hears_which_right_is_missing(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.admin.id)
        await talk.heard()
        promote(talk, talk.channel, can_post_messages=False)
        await talk.heard()
        assert talk.texts(talk.admin)[-1] == words.say("ru", "chat-no-rights", title="Вестник")
        await talk.says(talk.admin, "/channels")
        assert "⚠️ Вестник" in talk.texts(talk.admin)[-1]


async def test_a_person_without_the_right_cannot_connect_a_channel(talk: Talk) -> None:
    talk.telegram.set_member(talk.channel.id, talk.reader.id, "administrator", can_post_messages=False)
    bot = talk.telegram.bot().user
    async with talk.running():
        talk.telegram.set_member(talk.channel.id, bot.id, "administrator", by=talk.reader.id)
        await talk.feed_is_read()
        await publish(talk, "Мост открыт")
        assert talk.texts(talk.channel) == []


async def test_rights_lost_are_one_alarm_and_no_retry(talk: Talk) -> None:
    async with talk.running():
        promote(talk, talk.channel)
        await talk.heard()
        await talk.feed_is_read()
        talk.telegram.faults.add(
            Fault("error", chat_id=talk.channel.id, times=-1, text="need administrator rights in the channel chat")
        )
        await publish(talk, "Раз")
        await publish(talk, "Два")
        tried = [c for c in talk.telegram.calls if c.method == "sendMessage" and c.params["chat_id"] == talk.channel.id]
        assert len(tried) == 1
        alarms = [text for text in talk.texts(talk.editors) if "«Вестник»" in text]
        assert len(alarms) == 1


async def test_a_group_gets_the_news_when_its_admin_adds_the_bot(talk: Talk) -> None:
    group = talk.telegram.add_group("Соседи")
    talk.telegram.set_member(group.id, talk.admin.id, "creator")
    async with talk.running():
        promote(talk, group)
        await talk.feed_is_read()
        await publish(talk, "Мост открыт")
        assert [m.text.split("\n")[0] for m in talk.telegram.messages(group.id) if m.text] == ["Мост открыт"]


async def test_a_group_linked_to_a_connected_channel_gets_nothing_of_its_own(talk: Talk) -> None:
    group = talk.telegram.add_supergroup("Обсуждение")
    talk.telegram.set_member(group.id, talk.admin.id, "creator")
    talk.telegram.link(talk.channel.id, group.id)
    async with talk.running():
        promote(talk, talk.channel)
        await talk.heard()
        promote(talk, group)
        await talk.feed_is_read()
        await publish(talk, "Мост открыт")
        assert len(talk.texts(talk.channel)) == 1
        assert [m for m in talk.telegram.messages(group.id) if m.text] == []


async def test_a_group_that_becomes_a_supergroup_goes_on_under_its_new_id(talk: Talk) -> None:
    group = talk.telegram.add_group("Соседи")
    talk.telegram.set_member(group.id, talk.admin.id, "creator")
    async with talk.running():
        promote(talk, group)
        await talk.feed_is_read()
        await publish(talk, "До переезда")
        new = talk.telegram.migrate(group.id)
        await publish(talk, "После переезда")
        await talk.heard()
        headlines = [m.text.split("\n")[0] for m in talk.telegram.messages(new.id) if m.text]
        assert headlines == ["После переезда"]


async def test_a_channel_of_the_configuration_is_connected_by_itself(talk: Talk) -> None:
    bot = talk.telegram.bot().user
    talk.telegram.set_member(talk.channel.id, bot.id, "administrator", by=talk.admin.id)
    talk.telegram.bot().queue.clear()
    data = talk.config.model_dump() | {"channels": [{"chat": "@vestnik"}]}
    data["telegram"]["token"] = talk.config.telegram.token.get_secret_value()
    talk.config = type(talk.config).model_validate(data)
    async with talk.running():
        await talk.feed_is_read()
        await publish(talk, "Мост открыт")
        assert len(talk.texts(talk.channel)) == 1


async def test_pause_holds_everything_and_resume_goes_on_where_it_was(talk: Talk) -> None:
    async with talk.running():
        promote(talk, talk.channel)
        await talk.heard()
        await talk.feed_is_read()
        await talk.says(talk.editor, "/pause", talk.editors)
        talk.portal.publish("Раз", "")
        reads = len(talk.portal.feed_reads)
        await talk.until(lambda: len(talk.portal.feed_reads) >= reads + 3)
        assert talk.texts(talk.channel) == []
        talk.telegram.says(talk.editor.id, "/resume", talk.editors.id)
        await talk.heard()
        assert [text.split("\n")[0] for text in talk.texts(talk.channel)] == ["Раз"]


async def test_an_anonymous_admin_of_the_editors_chat_is_an_editor(talk: Talk) -> None:
    nobody = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    command = {"text": "/pause", "entities": [{"type": "bot_command", "offset": 0, "length": 6}]}
    async with talk.running():
        message = {"message_id": 5, "date": 1, "chat": talk.editors.wire(), "from": nobody, **command}
        talk.telegram.push_update({"message": message | {"sender_chat": talk.channel.wire()}})
        await talk.heard()
        assert talk.texts(talk.editors) == []
        talk.telegram.push_update({"message": message | {"sender_chat": talk.editors.wire()}})
        await talk.heard()
        assert talk.texts(talk.editors) == [words.say("ru", "pause-on")]


async def test_only_editors_can_pause(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.says(talk.reader, "/pause")
        assert talk.texts(talk.reader)[-1] == words.say("ru", "editors-only")
