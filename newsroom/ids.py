"""The names of things: one type per kind of number, so that a chat is never taken for a row."""

from typing import NewType

ChatId = NewType("ChatId", int)
"""A chat as Telegram numbers it: negative for groups and channels."""
UserId = NewType("UserId", int)
"""A person as Telegram numbers them; also the id of their private chat."""
RecipientId = NewType("RecipientId", int)
"""Our own number for somebody who can be written to; deliveries are ordered by it."""
ArticleId = NewType("ArticleId", int)
FeedId = NewType("FeedId", int)
BroadcastId = NewType("BroadcastId", int)
MessageId = NewType("MessageId", int)
"""Our own row for one message to one recipient, not Telegram's message_id."""
Arrived = NewType("Arrived", int)
"""Our own sequence of incoming updates; Telegram's restarts at random after a quiet week."""
StormId = NewType("StormId", int)
