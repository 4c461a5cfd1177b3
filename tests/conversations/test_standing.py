"""Where the bot stands and who may change it: only Telegram's own word connects a chat or switches it off."""

import pytest

from newsroom.chats import Chat as KnownChat
from newsroom.ids import ChatId
from newsroom.text.words import Words
from sandbox.model import Chat, Fault, FaultKind, User
from tests.conversations.conftest import Talk
from tests.conversations.test_channels import promote, publish
from tests.conversations.test_interleavings import headlines

words = Words()


async def known(talk: Talk, chat: Chat) -> KnownChat | None:
    assert talk.app is not None
    async with talk.app.storage.reading() as tx:
        return await tx.chats.get(ChatId(chat.id))


async def handled(talk: Talk) -> None:
    """Until every update is dealt with, whatever still has to be sent."""

    async def rests() -> bool:
        assert talk.app is not None
        async with talk.app.storage.reading() as tx:
            return await tx.inbox.waiting() == 0

    await talk.until(lambda: not talk.telegram.bot().queue)
    await talk.until(rests)


def group_of(talk: Talk, owner: User, title: str = "Соседи") -> Chat:
    group = talk.telegram.add_supergroup(title)
    talk.telegram.set_member(group.id, owner.id, "creator")
    return group


def anonymous(talk: Talk) -> User:
    """The name under which Telegram shows an administrator who hides theirs."""
    user = talk.telegram.add_user("Group", user_id=1087968824, username="GroupAnonymousBot")
    user.is_bot = True
    return user


async def test_who_may_not_post_cannot_disconnect_by_touching_the_bots_rights(talk: Talk) -> None:
    talk.telegram.set_member(talk.channel.id, talk.reader.id, "administrator", can_post_messages=False)
    bot = talk.telegram.bot().user
    async with talk.running():
        promote(talk, talk.channel)
        await talk.heard()
        await talk.feed_is_read()
        talk.telegram.set_member(talk.channel.id, bot.id, "administrator", by=talk.reader.id, can_edit_messages=False)
        await talk.heard()
        await publish(talk, "Раз")
        assert headlines(talk, talk.channel.id) == ["Раз"]


async def test_an_anonymous_admin_connects_a_group_and_changes_the_bots_rights(talk: Talk) -> None:
    group, hidden, bot = group_of(talk, talk.admin), anonymous(talk), talk.telegram.bot().user
    async with talk.running():
        talk.telegram.set_member(group.id, bot.id, "administrator", by=hidden.id)
        await talk.heard()
        await talk.feed_is_read()
        talk.telegram.set_member(group.id, bot.id, "administrator", by=hidden.id, can_pin_messages=False)
        await talk.heard()
        await publish(talk, "Раз")
        assert headlines(talk, group.id) == ["Раз"]


@pytest.mark.parametrize("method", ["getChatMember", "getChat"])
@pytest.mark.parametrize("kind", ["html", "too_many", "restart", "drop_before"])
async def test_no_answer_about_rights_is_asked_for_again_and_disconnects_nothing(
    talk: Talk, kind: FaultKind, method: str
) -> None:
    async with talk.running():
        promote(talk, talk.channel)
        await talk.heard()
        await talk.feed_is_read()
        talk.telegram.faults.add(Fault(kind, method=method, times=2))
        promote(talk, talk.channel, can_edit_messages=False)
        await talk.heard()
        await publish(talk, "Раз")
        assert headlines(talk, talk.channel.id) == ["Раз"]
        assert talk.texts(talk.editors) == []


async def test_rights_taken_from_the_bot_stop_the_channel_and_rights_given_back_start_it(talk: Talk) -> None:
    async with talk.running():
        promote(talk, talk.channel)
        await talk.heard()
        await talk.feed_is_read()
        promote(talk, talk.channel, can_post_messages=False)
        await talk.heard()
        await publish(talk, "Раз")
        promote(talk, talk.channel)
        await talk.heard()
        await publish(talk, "Два")
        assert headlines(talk, talk.channel.id) == ["Два"]


async def test_without_rights_and_without_an_admin_to_tell_the_editors_hear_of_it_once(talk: Talk) -> None:
    async with talk.running():
        for _ in range(2):
            promote(talk, talk.channel, can_post_messages=False)
            promote(talk, talk.channel, can_post_messages=False, can_edit_messages=False)
            await talk.heard()
        assert talk.texts(talk.editors) == [words.say("ru", "alarm-chat-off", title="Вестник", why="no-rights")]
        talk.telegram.start(talk.admin.id)
        await talk.says(talk.admin, "/channels")
        why = words.say("ru", "off-no-rights")
        assert words.say("ru", "channels-line-off", title="Вестник", why=why) in talk.texts(talk.admin)[-1]


async def test_a_stranger_who_adds_the_bot_forty_times_hears_of_it_once(talk: Talk) -> None:
    group, bot = group_of(talk, talk.admin), talk.telegram.bot().user
    talk.telegram.set_member(group.id, talk.reader.id, "member")
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        before = len(talk.texts(talk.reader))
        for number in range(40):
            talk.telegram.set_member(
                group.id, bot.id, "restricted" if number % 2 else "member", by=talk.reader.id, can_send_messages=True
            )
        await talk.heard()
        assert talk.texts(talk.reader)[before:] == [words.say("ru", "chat-not-admin", title="Соседи")]
        assert talk.texts(talk.editors) == []


async def test_a_group_connected_before_its_channel_gets_nothing_twice(talk: Talk) -> None:
    group = group_of(talk, talk.admin, "Обсуждение")
    talk.telegram.link(talk.channel.id, group.id)
    async with talk.running():
        promote(talk, group)
        await talk.heard()
        promote(talk, talk.channel)
        await talk.heard()
        await talk.feed_is_read()
        await publish(talk, "Раз")
        assert headlines(talk, talk.channel.id) == ["Раз"]
        assert headlines(talk, group.id) == []
        chat = await known(talk, group)
        assert chat is not None
        assert chat.off_because == "linked"


async def test_a_group_that_moved_keeps_what_waits_whichever_update_comes_first(talk: Talk) -> None:
    group = talk.telegram.add_group("Соседи")
    talk.telegram.set_member(group.id, talk.admin.id, "creator")
    async with talk.running():
        promote(talk, group)
        await talk.heard()
        await talk.feed_is_read()
        await talk.says(talk.editor, "/pause", talk.editors)
        talk.portal.publish("Раз", "")
        reads = len(talk.portal.feed_reads)
        await talk.until(lambda: len(talk.portal.feed_reads) >= reads + 3)
        await talk.network_goes()  # so that all four updates are fetched together
        new = talk.telegram.migrate(group.id)
        queue = talk.telegram.bot().queue
        bodies = [{k: v for k, v in update.body.items() if k != "update_id"} for update in queue]
        queue.clear()
        for body in sorted(bodies, key=lambda body: "message" in body):
            talk.telegram.push_update(body)
        await talk.network_comes()
        await handled(talk)
        talk.telegram.says(talk.editor.id, "/resume", talk.editors.id)
        await talk.heard()
        await publish(talk, "Два")
        assert headlines(talk, new.id) == ["Раз", "Два"]


async def test_a_group_that_is_left_is_off(talk: Talk) -> None:
    group, bot = talk.telegram.add_group("Соседи"), talk.telegram.bot().user
    talk.telegram.set_member(group.id, talk.admin.id, "creator")
    async with talk.running():
        promote(talk, group)
        await talk.heard()
        talk.telegram.set_member(group.id, bot.id, "kicked", by=talk.admin.id)
        await talk.heard()
        chat = await known(talk, group)
        assert chat is not None
        assert chat.off_because == "kicked"
