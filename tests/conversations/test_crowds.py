"""Many people at once: whoever writes too much, or is told to wait, keeps nobody else waiting."""

from bot.app import App
from bot.gateways.telegram import MemoryGate
from newsroom.deliveries import ChatKind
from newsroom.ids import ChatId, UserId
from newsroom.text.limits import TEXT, units
from newsroom.text.words import Words
from sandbox.model import Fault, User
from tests.conversations.conftest import SPEED, Talk

words = Words()
STRANGERS = 8  # as many as the desk has places


def strangers(talk: Talk) -> list[User]:
    people = [talk.telegram.add_user(f"Гость {number}") for number in range(STRANGERS)]
    for person in people:
        talk.telegram.start(person.id)
    return people


def are_told_to_wait(app: App, people: list[User], seconds: float) -> None:
    """Telegram has answered 429 to each of these chats, at different times."""
    gate = app.deliver.gate
    assert isinstance(gate, MemoryGate)
    for person in people:
        gate.throttled(ChatId(person.id), seconds / SPEED)
        gate.pacer.refused = None


async def is_answered(talk: Talk, person: User, text: str, *, within: float) -> None:
    """Within so many seconds of the bot's time."""
    before = len(talk.texts(person))
    talk.telegram.says(person.id, text)
    await talk.until(lambda: len(talk.texts(person)) > before, within / SPEED)


async def connect(talk: Talk, many: int, by: int | None) -> None:
    assert talk.app is not None
    async with talk.app.storage.transaction() as tx:
        for number in range(many):
            chat = ChatId(-1002000000000 - number)
            title = f"Очень длинное название канала {number}"
            await tx.chats.connect(chat, ChatKind.CHANNEL, title, None, by, talk.now())


async def test_eight_people_who_write_without_end_keep_nobody_waiting(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        for person in strangers(talk):
            for _ in range(60):
                talk.telegram.says(person.id, "/help")
        await talk.until(lambda: not talk.telegram.bot().queue)
        await is_answered(talk, talk.reader, "/language", within=20)


async def test_eight_chats_told_to_wait_keep_nobody_waiting_and_are_answered_later(talk: Talk) -> None:
    async with talk.running() as app:
        people = strangers(talk)
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        are_told_to_wait(app, people, 60)
        for person in people:
            talk.telegram.says(person.id, "/help")
        await talk.until(lambda: not talk.telegram.bot().queue)
        await is_answered(talk, talk.reader, "/unsubscribe", within=20)
        assert talk.texts(talk.reader)[-1] == words.say("ru", "unsubscribed")
        await talk.heard()
        await talk.until(lambda: all(talk.texts(person)[-1].startswith("Что я умею") for person in people))


async def test_a_chat_told_to_wait_is_answered_after_a_restart(talk: Talk) -> None:
    async with talk.running() as app:
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        are_told_to_wait(app, [talk.reader], 100 * SPEED)  # longer than a start leaves standing
        talk.telegram.says(talk.reader.id, "/unsubscribe")
        await talk.until(lambda: not talk.telegram.bot().queue)
    async with talk.running():
        await talk.heard()
        assert talk.texts(talk.reader)[-1] == words.say("ru", "unsubscribed")


async def test_answers_that_failed_are_sent_again_and_hold_no_place_meanwhile(talk: Talk) -> None:
    async with talk.running():
        people = strangers(talk)
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        for person in people:
            talk.telegram.faults.add(Fault("html", method="sendMessage", chat_id=person.id, times=3))
            talk.telegram.says(person.id, "/unsubscribe")
        await talk.until(lambda: not talk.telegram.bot().queue)
        await is_answered(talk, talk.reader, "/language", within=20)
        goodbye = words.say("ru", "unsubscribed")
        await talk.until(lambda: all(talk.texts(person)[-1] == goodbye for person in people))


async def test_a_strangers_channels_cost_a_few_questions_and_the_list_says_it_is_not_whole(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.reader.id)
        await talk.heard()
        await connect(talk, 200, by=5)
        before = len(talk.telegram.calls)
        await talk.says(talk.reader, "/channels")
        asked = [call for call in talk.telegram.calls[before:] if call.method == "getChatMember"]
        assert 0 < len(asked) <= 20
        assert words.say("ru", "channels-not-all-asked") in talk.texts(talk.reader)[-1]


async def test_who_added_many_channels_sees_all_of_them(talk: Talk) -> None:
    async with talk.running() as app:
        await connect(talk, 30, by=talk.reader.id)
        managed = await app.chats.channels_of(UserId(talk.reader.id))
        assert len(managed.chats) == 30
        assert managed.all_asked


async def test_a_list_longer_than_a_message_says_how_many_more_there_are(talk: Talk) -> None:
    async with talk.running():
        talk.telegram.start(talk.editor.id)
        await talk.heard()
        await connect(talk, 120, by=5)
        await talk.says(talk.editor, "/channels")
        answer = talk.texts(talk.editor)[-1]
        shown = answer.count("Очень длинное название")
        assert 20 < shown < 120
        assert words.say("ru", "channels-more", count=120 - shown) in answer
        assert units(answer) <= TEXT
