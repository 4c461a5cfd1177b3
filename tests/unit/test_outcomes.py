"""Every answer of Telegram's has one meaning, whatever its wording, and none of them can break us."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateways.telegram import CLOSED, RESTART_PAUSE, outcome_of
from newsroom.deliveries import (
    Deferred,
    Halted,
    Migrated,
    Outcome,
    PictureRefused,
    Refused,
    Sent,
    Throttled,
    Unknown,
    Unreachable,
    Vanished,
)
from newsroom.ids import ChatId

EDITED = 42
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
# Words as in the Bot API server's and TDLib's source.
HALTS = [
    (401, "Unauthorized"),
    (401, "Unauthorized: invalid token specified"),
    (404, "Not Found"),
    (421, "Misdirected Request: unallowed token specified"),
]
CLOSES = [
    (403, "Forbidden: bot was blocked by the user", "blocked"),
    (403, "Forbidden: user is deactivated", "deactivated"),
    (403, "Forbidden: bot can't initiate conversation with a user", "never started"),
    (403, "Forbidden: the bot can't send messages to the bot", "a bot"),
    (403, "Forbidden: bot can't send messages to bots", "a bot"),
    (403, "Forbidden: bot was kicked from the group chat", "kicked"),
    (403, "Forbidden: bot was kicked from the supergroup chat", "kicked"),
    (403, "Forbidden: bot was kicked from the channel chat", "kicked"),
    (403, "Forbidden: bot is not a member of the group chat", "not a member"),
    (403, "Forbidden: bot is not a member of the supergroup chat", "not a member"),
    (403, "Forbidden: bot is not a member of the channel chat", "not a member"),
    (403, "Forbidden: the group chat was deleted", "deleted"),
    (400, "Bad Request: chat not found", "not found"),
    (400, "Bad Request: PEER_ID_INVALID", "not found"),
    (400, "Bad Request: CHAT_WRITE_FORBIDDEN", "no-rights"),
    (400, "Bad Request: have no write access to the chat", "no-rights"),
    (400, "Bad Request: have no rights to send a message", "no-rights"),
    (400, "Bad Request: need administrator rights in the channel chat", "no-rights"),
    (400, "Bad Request: not enough rights to send text messages to the chat", "no-rights"),
    (400, "Bad Request: not enough rights to send the rich message to the chat", "no-rights"),
    (400, "Bad Request: CHAT_ADMIN_REQUIRED", "no-rights"),
]
REFUSES = [
    (404, "Not Found: method not found"),
    (400, "Bad Request: chat_id is empty"),
    (400, "Bad Request: TOPIC_CLOSED"),
    (400, "Bad Request: message thread not found"),
    (400, "Bad Request: message text is empty"),
    (400, "Bad Request: text must be non-empty"),
    (400, "Bad Request: text is too long"),
    (400, "Bad Request: message is too long"),
    (400, "Bad Request: MESSAGE_TOO_LONG"),
    (400, 'Bad Request: can\'t parse entities: Unsupported start tag "br" at byte offset 5'),
    (400, "Bad Request: strings must be encoded in UTF-8"),
    (400, "Bad Request: message to be replied not found"),
    (400, "Bad Request: message can't be edited"),
    (400, "Bad Request: there is no text in the message to edit"),
    (400, "Bad Request: BUTTON_DATA_INVALID"),
    (400, "Bad Request: text buttons are unallowed in the inline keyboard"),
    (400, 'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'),
    (400, "Bad Request: object expected as reply markup"),
    (400, "Bad Request: can't parse reply keyboard markup JSON object"),
    (400, "Bad Request: reply markup is too long"),
]
NO_PHOTOS = "Bad Request: not enough rights to send photos to the chat"
NO_PICTURE = [
    (413, "Request Entity Too Large"),
    (400, "Bad Request: wrong file identifier/HTTP URL specified"),
    (400, "Bad Request: wrong remote file identifier specified: can't unserialize it"),
    (400, "Bad Request: wrong HTTP URL specified"),
    (400, "Bad Request: failed to get HTTP URL content"),
    (400, "Bad Request: wrong type of the web page content"),
    (400, "Bad Request: IMAGE_PROCESS_FAILED"),
    (400, "Bad Request: PHOTO_INVALID_DIMENSIONS"),
    (400, "Bad Request: PHOTO_SAVE_FILE_INVALID"),
    (400, "Bad Request: there is no photo in the request"),
    (400, "Bad Request: file is too big"),
]
ANSWERS: list[tuple[int, str, Outcome]] = [
    *[(status, words, Halted(words)) for status, words in HALTS],
    *[(status, words, Unreachable(why)) for status, words, why in CLOSES],
    *[(status, words, Refused(words)) for status, words in REFUSES],
    *[(status, words, PictureRefused(words)) for status, words in NO_PICTURE],
    (400, NO_PHOTOS, PictureRefused(NO_PHOTOS, here=True)),
    (500, "Internal Server Error: restart", Deferred(RESTART_PAUSE)),
    (500, "Internal Server Error: sent too early", Unknown("Internal Server Error: sent too early")),
]
EDITS: list[tuple[str, Outcome]] = [
    (NOT_MODIFIED, Sent(EDITED)),
    ("Bad Request: message to edit not found", Vanished()),
    ("Bad Request: MESSAGE_ID_INVALID", Vanished()),
]


def refusal(status: int, words: str, **parameters: Any) -> dict[str, Any]:
    body = {"ok": False, "error_code": status, "description": words}
    return {**body, "parameters": parameters} if parameters else body


def said(status: int, words: str, *, message_id: int = 0, **parameters: Any) -> Outcome:
    return outcome_of(status, refusal(status, words, **parameters), message_id=message_id)


@pytest.mark.parametrize("message_id", [0, EDITED], ids=["send", "edit"])
@pytest.mark.parametrize(("status", "words", "outcome"), ANSWERS, ids=[words for _, words, _ in ANSWERS])
def test_an_error_means_the_same_for_a_first_send_and_an_edit(
    status: int, words: str, outcome: Outcome, message_id: int
) -> None:
    assert said(status, words, message_id=message_id) == outcome


@pytest.mark.parametrize(("words", "outcome"), EDITS, ids=[words[:40] for words, _ in EDITS])
def test_an_edit_may_find_nothing_to_do(words: str, outcome: Outcome) -> None:
    assert said(400, words, message_id=EDITED) == outcome
    assert said(400, words) == Refused(words)


@pytest.mark.parametrize("words", [words for _, words, _ in CLOSES])
def test_the_wording_may_drift(words: str) -> None:
    meaning = said(403, words)
    drifted = (words.upper(), words.lower(), f"Nope! {words} (again, {words.split()[0]})")
    assert [said(status, one) for one in drifted for status in (400, 403)] == [meaning] * 6


@pytest.mark.parametrize(("words", "outcome"), EDITS, ids=[words[:40] for words, _ in EDITS])
def test_the_wording_of_an_edit_may_drift(words: str, outcome: Outcome) -> None:
    assert said(400, f"NOPE: {words.upper()}!", message_id=EDITED) == outcome


def test_every_sign_of_a_closed_chat_has_been_heard() -> None:
    heard = [words.lower() for _, words, _ in CLOSES]
    assert not [sign for sign in CLOSED if not any(sign in words for words in heard)]


def test_too_many_requests_say_how_long() -> None:
    words = "Too Many Requests: retry after 7"
    assert said(429, words, retry_after=7) == Throttled(7)
    assert outcome_of(429, refusal(429, words, retry_after=7), speed=10) == Throttled(0.7)
    assert said(429, words) == outcome_of(429, None) == Throttled(1)


def test_a_restart_is_waited_for_at_the_speed_of_the_test() -> None:
    body = refusal(500, "Internal Server Error: restart")
    assert outcome_of(500, body, speed=4) == Deferred(RESTART_PAUSE / 4)


@pytest.mark.parametrize("status", [200, 500, 502, 504])
def test_what_is_not_json_leaves_the_outcome_unknown(status: int) -> None:
    assert outcome_of(status, None, message_id=0) == Unknown(f"{status} without JSON")


def test_a_group_that_moved_says_where() -> None:
    words = "Bad Request: group chat was upgraded to a supergroup chat"
    assert said(400, words, migrate_to_chat_id=-1001) == Migrated(ChatId(-1001))


def test_what_was_sent_has_a_number() -> None:
    assert outcome_of(200, {"ok": True, "result": {"message_id": 7, "text": "x"}}) == Sent(7)


def test_an_edit_that_answers_only_true_keeps_its_number() -> None:
    assert outcome_of(200, {"ok": True, "result": True}, message_id=EDITED) == Sent(EDITED)


@pytest.mark.parametrize(
    "result", [{}, {"message_id": "7"}, {"message_id": None}, [], [{"message_id": 7}], "sent", None]
)
def test_what_was_accepted_is_never_sent_again(result: object) -> None:
    assert outcome_of(200, {"ok": True, "result": result}) == Sent(0)
    assert outcome_of(200, {"ok": True}) == Sent(0)


@pytest.mark.parametrize("body", [{}, {"ok": "yes"}, {"ok": "false", "result": {"message_id": 7}}, {"result": []}])
def test_a_success_that_does_not_say_so_is_unknown(body: dict[str, Any]) -> None:
    assert outcome_of(200, body) == Unknown("200 of no known shape")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARAMETERS = st.fixed_dictionaries({}, optional={"retry_after": JSON, "migrate_to_chat_id": JSON})
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "ok": st.booleans() | JSON,
        "result": st.fixed_dictionaries({"message_id": JSON}) | JSON,
        "description": JSON,
        "parameters": PARAMETERS | JSON,
    },
)


@given(st.sampled_from([200, 400, 401, 403, 404, 413, 421, 429, 500, 502]), BODIES, st.sampled_from([0, EDITED]))
def test_no_shape_of_an_answer_breaks_us(status: int, body: dict[str, Any], message_id: int) -> None:
    assert isinstance(outcome_of(status, body, message_id=message_id), Outcome)
