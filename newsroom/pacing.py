"""How fast Elchi may speak: Telegram's rates as arithmetic on seconds, with no clock of its own.

Sources: Bot API FAQ, approximate: 30 messages a second overall, one a second to a chat (short bursts pass),
20 a minute to a group or channel.
"""

from collections import deque
from dataclasses import dataclass, field

from newsroom.deliveries import ChatKind, Lane
from newsroom.ids import ChatId

OVERALL = 30
WINDOW = 1.02  # 20 ms over the second: a late answer must not put 31 into Telegram's own second
CHAT_SPACING = 1.0
CHAT_BURST = 3
GROUP_PER_MINUTE = 20
GROUP_WINDOW = 60.5
TWO_CHATS_WITHIN = 5.0
FLOORS = {Lane.ANSWERS: 5, Lane.BREAKING: 5, Lane.CHANNELS: 5, Lane.PRIVATE: 0}
CORRECTIONS_FLOOR = 3
FORGET_EVERY = 4096


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: so many seconds, because of this chat's own limit or because of the whole bot's."""

    seconds: float
    chat_only: bool


@dataclass(slots=True)
class _Chat:
    ready: float = 0.0  # theoretical arrival time of a one-a-second stream with a burst
    minute: deque[float] = field(default_factory=deque)
    paused_until: float = 0.0


@dataclass(slots=True)
class Pacer:
    """All of Telegram's rates at once: a call is charged to every one of them, or to none."""

    sent: deque[tuple[float, object]] = field(default_factory=deque)
    chats: dict[ChatId, _Chat] = field(default_factory=dict)
    waiting: dict[object, float] = field(default_factory=dict)
    paused_until: float = 0.0
    debt_until: float = 0.0
    refused: tuple[ChatId, float] | None = None
    _asked: int = 0

    def ask(self, chat: ChatId, kind: ChatKind, queue: Lane | str, now: float, cost: int = 1) -> Wait | None:
        """None when the call may go now (and is charged), else how long to wait before asking again."""
        self._forget(now)
        record = self.chats.get(chat)
        if record is None:
            record = _Chat()
        wait = max(self.paused_until, self.debt_until) - now
        if wait > 0:
            return Wait(wait, chat_only=False)
        wait = max(record.paused_until - now, self._chat_wait(record, kind, now, cost))
        if wait > 0:
            return Wait(wait, chat_only=True)
        wait = self._overall_wait(queue, now, cost)
        if wait > 0:
            self.waiting[queue] = now + 2 * WINDOW
            return Wait(wait, chat_only=False)
        self._charge(record, chat, kind, queue, now, cost)
        return None

    def _chat_wait(self, record: _Chat, kind: ChatKind, now: float, cost: int) -> float:
        burst = (CHAT_BURST - min(cost, CHAT_BURST)) * CHAT_SPACING
        wait = record.ready - burst - now
        if kind is not ChatKind.PRIVATE:
            while record.minute and record.minute[0] <= now - GROUP_WINDOW:
                record.minute.popleft()
            over = len(record.minute) + min(cost, GROUP_PER_MINUTE) - GROUP_PER_MINUTE
            if over > 0:
                wait = max(wait, record.minute[over - 1] + GROUP_WINDOW - now)
        return max(wait, 0.0)

    def _overall_wait(self, queue: Lane | str, now: float, cost: int) -> float:
        while self.sent and self.sent[0][0] <= now - WINDOW:
            self.sent.popleft()
        self.waiting = {other: until for other, until in self.waiting.items() if until > now}
        kept = sum(max(0, floor_of(other) - self._used(other)) for other in self.waiting if other != queue)
        room = OVERALL - len(self.sent) - (kept if self._used(queue) >= floor_of(queue) else 0)
        if room >= min(cost, OVERALL):
            return 0.0
        return max(self.sent[0][0] + WINDOW - now, 0.001) if self.sent else 0.005

    def _used(self, queue: object) -> int:
        return sum(1 for _, by in self.sent if by == queue)

    def _charge(self, record: _Chat, chat: ChatId, kind: ChatKind, queue: Lane | str, now: float, cost: int) -> None:
        self.chats[chat] = record
        record.ready = max(record.ready, now) + CHAT_SPACING * cost
        if kind is not ChatKind.PRIVATE:
            record.minute.extend([now] * cost)
        self.sent.extend([(now, queue)] * cost)
        if cost > OVERALL:
            self.debt_until = now + cost / OVERALL * WINDOW
        if self._used(queue) >= floor_of(queue):
            self.waiting.pop(queue, None)

    def owed(self, queue: Lane | str, now: float) -> int:
        """How many of its floor a queue has not used in the last window."""
        used = sum(1 for at, by in self.sent if by == queue and at > now - WINDOW)
        return max(0, floor_of(queue) - used)

    def throttled(self, chat: ChatId | None, seconds: float, now: float) -> bool:
        """Learn from a 429; True when the whole bot has to wait: no chat named, or two chats within 5 s."""
        if chat is not None:
            record = self.chats.setdefault(chat, _Chat())
            record.paused_until = max(record.paused_until, now + seconds)
            other = self.refused
            self.refused = (chat, now)
            if other is None or other[0] == chat or now - other[1] > TWO_CHATS_WITHIN:
                return False
        self.pause(seconds, now)
        return True

    def pause(self, seconds: float, now: float) -> None:
        """Nothing goes out for this long."""
        self.paused_until = max(self.paused_until, now + seconds)

    def _forget(self, now: float) -> None:
        """Memory stays flat over a million chats: a chat at rest needs no record."""
        self._asked += 1
        if self._asked % FORGET_EVERY:
            return
        self.chats = {
            chat: r
            for chat, r in self.chats.items()
            if r.ready > now or r.paused_until > now or (r.minute and r.minute[-1] > now - GROUP_WINDOW)
        }


def floor_of(queue: object) -> int:
    """How many a second a queue keeps while it waits (corrections are a queue of their own)."""
    return FLOORS[queue] if isinstance(queue, Lane) else CORRECTIONS_FLOOR
