"""How the bot and its feed workers talk: frames of JSON over a socket, each small enough to cause no pause."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, FetchedArticle, Validators

HEAD: Final = struct.Struct(">I")
FRAME: Final = 48 * 1024  # bytes; about so many articles go into one frame, and take half a millisecond to take out
LONGEST: Final = 2 * 2**20  # bytes of one frame; the longest article has far fewer
KNOWN: Final = 60  # digits of a SHA-256; who keeps a mark beside it has no room for all 64
ALL: Final = 48 * 2**20  # bytes of one answer


class Garbage(Exception):
    """What the other side sent cannot be understood."""


@dataclass(frozen=True, slots=True)
class FeedElsewhere:
    """A web page came that names its feed."""

    url: str


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is asked; `size` bytes of the feed follow."""

    size: int
    content_type: str
    base_url: str
    timezone: str
    now: str
    known_hash: str


@dataclass(frozen=True, slots=True)
class Ending:
    """The last frame of an answer; a worker that is spent takes no further job."""

    answer: FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere
    spent: bool


def is_known(fresh: str, known: str) -> bool:
    """Whether a body's hash is the known one, of which the end may be missing."""
    return len(known) >= KNOWN and fresh.startswith(known)


def framed(payload: bytes) -> bytes:
    return HEAD.pack(len(payload)) + payload


def job_frame(job: Job) -> bytes:
    return framed(_packed(asdict(job)))


def job_of(payload: bytes) -> Job:
    return Job(**json.loads(payload))


def answer_frames(answer: FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere, *, spent: bool) -> Iterator[bytes]:
    """The articles some at a time, then what there is to say of the whole."""
    if isinstance(answer, FeedRead):
        group: list[bytes] = []
        for article in answer.articles:
            group.append(_packed(_fields(article)))
            if sum(map(len, group)) >= FRAME:
                yield framed(b"[%s]" % b",".join(group))
                group = []
        if group:
            yield framed(b"[%s]" % b",".join(group))
    yield framed(_packed(_ending(answer) | {"spent": spent}))


def understood(payload: bytes) -> list[FetchedArticle] | Ending:
    """What one frame of an answer says; raises Garbage."""
    try:
        said = json.loads(payload)
        return [_article(*fields) for fields in said] if isinstance(said, list) else _ended(**said)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Garbage from None


def whole(answer: FeedRead, articles: Sequence[FetchedArticle]) -> FeedRead:
    return replace(answer, articles=tuple(articles))


def _packed(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _fields(article: FetchedArticle) -> list[Any]:
    moments = [None if moment is None else moment.isoformat() for moment in (article.published, article.updated)]
    words = [article.identity, article.title, article.link, article.lead]
    return [*words, *moments, article.image, article.categories, article.graphic]


def _article(
    identity: str,
    title: str,
    link: str,
    lead: str,
    published: str | None,
    updated: str | None,
    image: str | None,
    categories: list[str],
    graphic: bool,
) -> FetchedArticle:
    words = [identity, title, link, lead, image or "", *categories]
    if not all(isinstance(word, str) for word in words) or not isinstance(graphic, bool):
        raise Garbage
    moments = _moment(published), _moment(updated)
    return FetchedArticle(identity, title, link, lead, *moments, image, tuple(categories), graphic)


def _moment(written: str | None) -> datetime | None:
    if written is None:
        return None
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise Garbage
    return moment


def _ending(answer: FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere) -> dict[str, Any]:
    match answer:
        case FeedRead(title, _, validators):
            return {"kind": "read", "text": title, "hash": validators.body_hash}
        case FeedUnchanged(validators):
            return {"kind": "unchanged", "text": "", "hash": validators.body_hash}
        case FeedFailed(outcome, reason):
            return {"kind": outcome, "text": reason, "hash": None}
        case FeedElsewhere(url):
            return {"kind": "elsewhere", "text": url, "hash": None}


def _ended(kind: Any, text: Any, hash: Any, spent: Any) -> Ending:  # noqa: A002 - keys of the frame
    if not isinstance(text, str) or not isinstance(hash, str | None) or not isinstance(spent, bool):
        raise Garbage
    match kind:
        case "read":
            return Ending(FeedRead(text, (), Validators(body_hash=hash)), spent)
        case "unchanged":
            return Ending(FeedUnchanged(Validators(body_hash=hash)), spent)
        case "not_a_feed" | "error":
            return Ending(FeedFailed(kind, text), spent)
        case "elsewhere":
            return Ending(FeedElsewhere(text), spent)
        case _:
            raise Garbage
