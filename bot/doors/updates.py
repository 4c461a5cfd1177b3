"""The shape of an update: read with care, because whatever Telegram hands over has to be stored first."""

import json
from typing import Any

from storage.database import Storage
from storage.inbox import Incoming

ALLOWED = ("message", "callback_query", "my_chat_member")
OTHER = "other"
BIGGEST = 2**63 - 1  # what a database keeps; Telegram's own numbers have 52 bits
POLL_ID = 64


def update_id_of(raw: object) -> int | None:
    """The number an update is acknowledged by; None for what is no update at all."""
    return _number(_field(raw, "update_id"))


def incoming_of(raw: object, bot_id: int, storage: Storage) -> Incoming:
    """An update of any shape as it is stored: sealed, and findable only by keyed hash."""
    kind = next((key for key in raw if key != "update_id"), OTHER) if isinstance(raw, dict) else OTHER
    body = _field(raw, kind)
    return Incoming(
        bot_id=bot_id,
        update_id=update_id_of(raw) or 0,
        kind=kind if kind.isascii() and kind.isidentifier() and len(kind) <= 40 else OTHER,
        order_key=storage.keyring.lookup(f"order:{_order(kind, body)}"),
        payload=storage.keyring.seal(_written(raw)),
        poll_id=_poll_id(_field(body, "id")) if kind == "poll" else None,
    )


def _order(kind: str, body: object) -> str:
    """Who must be served in order: a person in a chat; in what becomes of a chat as a whole, the chat."""
    message = _field(body, "message") if kind == "callback_query" else body
    chat = _number(_field(_field(message, "chat"), "id")) or 0
    user = _number(_field(_field(body, "from"), "id")) or 0
    moved = _field(body, "migrate_to_chat_id") or _field(body, "migrate_from_chat_id")
    return f"{chat}:0" if chat < 0 and (kind == "my_chat_member" or moved) else f"{chat}:{user}"


def _written(raw: object) -> bytes:
    try:
        return json.dumps(raw).encode()
    except (RecursionError, ValueError):
        return b"{}"  # nested deeper than anybody could read: it is put aside like all that makes no sense


def _field(holder: object, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else None


def _number(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > BIGGEST:
        return None
    return value


def _poll_id(value: object) -> str | None:
    if not isinstance(value, str) or not (value.isascii() and value.isalnum()) or len(value) > POLL_ID:
        return None
    return value
