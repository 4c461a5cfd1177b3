"""One table says what becomes of a message after each answer, for a first send and for an edit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from newsroom.deliveries import (
    EDIT_RETRY,
    EDIT_RETRY_MOST,
    REPEATS,
    Again,
    ChatKind,
    CloseChat,
    Deferred,
    Halted,
    Lane,
    Message,
    Migrated,
    MoveChat,
    OtherWay,
    Outcome,
    PictureRefused,
    Refused,
    Sent,
    Settle,
    State,
    Step,
    Throttled,
    Unknown,
    Unreachable,
    Vanished,
    next_step,
)
from newsroom.ids import BroadcastId, ChatId, MessageId, RecipientId

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
FIRST = Message(
    id=MessageId(1),
    broadcast=BroadcastId(1),
    recipient=RecipientId(1),
    chat=ChatId(1001),
    kind=ChatKind.PRIVATE,
    lane=Lane.PRIVATE,
    wanted_version=1,
    sent_version=None,
    telegram_id=None,
    attempt=1,
    repeats=0,
    content="{}",
    language=None,
)
EDIT = replace(FIRST, wanted_version=2, sent_version=1, telegram_id=42)
NEW = ChatId(-1001)
SOON = NOON + timedelta(seconds=7)

# what Telegram answered, what it means for a first send, what it means for an edit
TABLE: list[tuple[Outcome, Step, Step]] = [
    (Sent(43), Settle(State.SENT, 43), Settle(State.SENT, 43)),
    (Throttled(7), Again(SOON), Again(SOON)),
    (Throttled(7, everyone=True), Again(SOON), Again(SOON)),
    (Deferred(7), Again(SOON), Again(SOON)),
    (Migrated(NEW), MoveChat(NEW), MoveChat(NEW)),
    (Unreachable("blocked"), CloseChat("blocked"), CloseChat("blocked")),
    (Unreachable("no-rights"), CloseChat("no-rights"), Settle(State.SENT, 42, "no-rights")),
    (Refused("too long"), Settle(State.FAILED, None, "too long"), Settle(State.SENT, 42, "too long")),
    (PictureRefused("no picture"), OtherWay("no picture"), OtherWay("no picture")),
    (PictureRefused("no photos here", here=True), OtherWay("no photos here", True), OtherWay("no photos here", True)),
    (Vanished(), Settle(State.GONE), Settle(State.GONE, 42)),
    (
        Unknown("502"),
        Again(NOON, repeat=True, why="502"),
        Again(NOON + EDIT_RETRY, repeat=True, why="502"),
    ),
    (Halted("401"), Again(NOON, why="401"), Again(NOON, why="401")),
]


@pytest.mark.parametrize(("outcome", "first", "edit"), TABLE, ids=[str(outcome) for outcome, _, _ in TABLE])
def test_every_answer_leads_to_one_step(outcome: Outcome, first: Step, edit: Step) -> None:
    assert next_step(FIRST, outcome, NOON) == first
    assert next_step(EDIT, outcome, NOON) == edit


def test_the_table_knows_every_answer() -> None:
    assert {type(outcome) for outcome, _, _ in TABLE} == set(get_args(Outcome))


def after(message: Message, outcome: Outcome, tries: int) -> list[Step]:
    """The steps of a message that gets the same answer every time, and counts its repeats as the outbox does."""
    steps: list[Step] = []
    for _ in range(tries):
        steps.append(next_step(message, outcome, NOON))
        message = replace(message, repeats=message.repeats + (isinstance(steps[-1], Again) and steps[-1].repeat))
    return steps


def test_an_unknown_first_send_is_sent_one_time_more_and_no_more() -> None:
    again, *left = after(FIRST, Unknown("502"), tries=4)
    assert (again, REPEATS) == (Again(NOON, repeat=True, why="502"), 1)
    assert left == [Settle(State.UNKNOWN, why="502")] * 3


def test_an_unknown_edit_is_repeated_until_it_is_answered_less_and_less_often() -> None:
    steps = after(EDIT, Unknown("502"), tries=40)
    pauses = [step.at - NOON for step in steps if isinstance(step, Again) and step.repeat]
    assert len(pauses) == len(steps)
    assert pauses[:3] == [EDIT_RETRY, 2 * EDIT_RETRY, 4 * EDIT_RETRY]
    assert pauses == sorted(pauses)
    assert pauses[-1] == EDIT_RETRY_MOST


@pytest.mark.parametrize("outcome", [Throttled(7), Deferred(7), Halted("401")], ids=str)
def test_waiting_never_uses_up_the_repeats(outcome: Outcome) -> None:
    assert all(isinstance(step, Again) and not step.repeat for step in after(FIRST, outcome, tries=9))
