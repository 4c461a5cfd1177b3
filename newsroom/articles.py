"""What a feed said, and what it means for us: which articles are new, which changed, which we already know."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from newsroom.ids import FeedId

TRACKING = frozenset(
    {"fbclid", "gclid", "yclid", "ysclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid", "_openstat"}
)
DEFAULT_PORTS = {"http": 80, "https": 443}
HEADLINE = 200  # characters of a lead that stand in for a title nobody wrote
IDENTITY = 512  # characters; PostgreSQL indexes no more than 2704 bytes, and one letter may be four of them
TITLE = 1_000  # characters; a title longer than this is a mistake of the feed
LEAD = 4_000  # characters; a Telegram message holds 4096
LINK = 2_000  # characters; longer addresses are cut off by browsers and servers, and half an address leads nowhere

# PostgreSQL keeps no NUL in a text, and neither database a half of a surrogate pair.
_UNKEEPABLE = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FetchedArticle:
    """One item as the feed gave it; the address, the title and the lead are plain text, times are UTC.

    The link is a web address, or a name («tag:…») that opens nothing, or empty.
    """

    identity: str
    title: str
    link: str
    lead: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    image: str | None = None
    categories: tuple[str, ...] = ()
    graphic: bool = False
    """the site warns of the picture"""
    aliases: tuple[str, ...] = ()
    """further identities: an article known by any of them is known"""
    said: str = ""
    """the content hash of what the feed said, where the article's page has added to it"""

    @property
    def identities(self) -> tuple[str, ...]:
        return (self.identity, *self.aliases)

    @property
    def content_hash(self) -> str:
        """Changes when the words or the address change.

        `updated` is left out: many engines move it on every view or comment, and readers would be told of an edit
        that nobody made. Pictures and categories are left out because a CDN or an editor reshuffles them silently.
        """
        if self.said:
            return self.said
        said = f"{self.title}\x1f{self.lead}\x1f{link_name(self.link)}"
        return hashlib.sha256(said.encode(errors="replace")).hexdigest()

    @property
    def usable(self) -> bool:
        """An item with neither a title nor a link cannot be posted at all."""
        return bool(self.title or self.link)

    @property
    def headline(self) -> str:
        """The title; for an untitled item the beginning of its lead, and at worst its address."""
        if self.title:
            return self.title
        if len(self.lead) <= HEADLINE:
            return self.lead or self.link
        return self.lead[:HEADLINE].rsplit(" ", 1)[0] + "…"


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """What storage remembers of an article, just enough to compare it with the feed."""

    id: int
    feed_id: FeedId
    """the feed that brought it, and the only one that may correct it"""
    identity: str
    """the name it first came under"""
    content_hash: str
    title: str = ""
    published: datetime | None = None
    twin: bool = False
    """the name belongs to a twin, which never corrects what was posted of the first"""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a feed answered with last time, so that next time it may answer «nothing new»."""

    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None


@dataclass(frozen=True, slots=True)
class FeedRead:
    """A feed was read; it may hold no articles at all."""

    title: str
    articles: tuple[FetchedArticle, ...]
    validators: Validators = Validators()
    moved_to: str | None = None
    """where the server says the feed lives from now on"""


@dataclass(frozen=True, slots=True)
class FeedUnchanged:
    """The server said so, or sent the very bytes it sent last time."""

    validators: Validators = Validators()
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class FeedFailed:
    """No feed was read: what came is not one, or nothing came; the reason is one sentence for the editors' log."""

    outcome: Literal["not_a_feed", "error"]
    reason: str
    retry_after: float | None = None
    """seconds for which the server asks to be left alone"""


@dataclass(frozen=True, slots=True)
class New:
    """An article never seen; `announce` is false on a feed's first read, so that the archive is not poured out."""

    article: FetchedArticle
    announce: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A known article whose words or address are different now."""

    id: int
    article: FetchedArticle


@dataclass(frozen=True, slots=True)
class Same:
    """A known article with nothing to correct: it says the same, or another feed than its own says it differently."""

    id: int
    article: FetchedArticle


Decision = New | Changed | Same


def canonical_link(url: str) -> str:
    """One spelling for one address: no fragment, no default port, no marks of whoever advertised it."""
    address = url.strip()
    try:
        parts = urlsplit(address)
        host = _netloc(parts)
    except ValueError:
        return address
    if not parts.netloc:
        return address
    kept = [pair for pair in parts.query.split("&") if pair and not _is_tracking(pair)]
    path = parts.path or "/"
    return f"{parts.scheme.lower()}://{host}{path}" + ("?" + "&".join(kept) if kept else "")


def link_name(url: str) -> str:
    """What a link is called among an article's names: a site that goes to https, or drops its www, keeps them."""
    link = canonical_link(url)
    scheme, separator, rest = link.partition("://")
    return f"link:{rest.removeprefix('www.')}" if separator and scheme in {"http", "https"} else link


def is_global(guid: str) -> bool:
    """Whether a guid names its article everywhere; a bare «7250» may be another site's too."""
    return bool(re.search(r"[:/.@]|^[0-9a-fA-F-]{32,}$", guid))


def _netloc(parts: SplitResult) -> str:
    userinfo, at, _ = parts.netloc.rpartition("@")
    return userinfo + at + _host(parts)


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    if port is not None and port != DEFAULT_PORTS.get(parts.scheme.lower()):
        host = f"{host}:{port}"
    return host


def _is_tracking(pair: str) -> bool:
    name = pair.partition("=")[0].lower()
    return name in TRACKING or name.startswith("utm_")


def identity_of(guid: str | None, link: str) -> str:
    """By what an article is recognised: the feed's own guid as it is written, else its address; a hash if too long."""
    return _bounded(guid or canonical_link(link))


def _bounded(name: str) -> str:
    return name if len(name) <= IDENTITY else "sha256:" + hashlib.sha256(name.encode(errors="replace")).hexdigest()


def storable(article: FetchedArticle) -> FetchedArticle:
    """The article as it may be kept and posted: nothing over-long, nothing that cannot be written down or opened."""
    link = _keepable(article.link)
    return replace(
        article,
        identity=identity_of(_keepable(article.identity), link),
        title=_keepable(article.title)[:TITLE],
        lead=_keepable(article.lead)[:LEAD],
        link=link if len(link) <= LINK and link.lower().startswith(("http://", "https://")) else "",
    )


def _keepable(text: str) -> str:
    return _UNKEEPABLE.sub("", text)


def shown(url: str) -> str:
    """An address fit for a log: without name and password, and with its query left out."""
    try:
        parts = urlsplit(url)
        bare = f"{parts.scheme}://{_host(parts)}{parts.path}" if parts.hostname else parts.path
    except ValueError:
        return "this address"
    return bare + ("?…" if parts.query else "")


def decide(
    known: Mapping[str, KnownArticle], fetched: Sequence[FetchedArticle], *, feed: FeedId, first_read: bool
) -> tuple[Decision, ...]:
    """What becomes of every article of one fetch, known ones in feed order, then new ones from the oldest on.

    A date never decides whether an article is new, so one dated 2099 holds nothing back: it only goes last.
    Two feeds of one site may word an article differently. Only the one that brought it corrects it, or they would
    take turns for ever.
    """
    seen: list[Decision] = []
    fresh: list[FetchedArticle] = []
    listed = _first_of_each(fetched)
    present = {article.identity for article in listed}
    spoken: set[int] = set()
    for article in listed:
        match _known_as(article, known, feed):
            case None:
                fresh.append(_under_a_free_name(article, known, feed))
            case KnownArticle(id=id_, feed_id=owner, identity=first_name, content_hash=before, twin=twin):
                # Of an article listed under two names only one speaks: the name it first came under, if it is there.
                alone = first_name not in present and id_ not in spoken and not twin
                speaks = article.identity == first_name or alone
                spoken.add(id_)
                changed = owner == feed and speaks and before != article.content_hash
                seen.append(Changed(id_, article) if changed else Same(id_, article))
    new = [New(article, announce=not first_read) for article in _oldest_first(fresh)]
    return (*seen, *new)


def _known_as(article: FetchedArticle, known: Mapping[str, KnownArticle], feed: FeedId) -> KnownArticle | None:
    """The article we know by one of these names, unless the name alone says too little."""
    for name in article.identities:
        found = known.get(name)
        if found is None or (name == article.identity and found.feed_id != feed and not is_global(name)):
            continue
        if name.startswith("link:") and _is_another(article, found):
            continue  # a page address that is used again: a live blog, a photo of the day
        return found
    return None


def _under_a_free_name(article: FetchedArticle, known: Mapping[str, KnownArticle], feed: FeedId) -> FetchedArticle:
    """The same article; if another site's bears its guid, its own site stands before it."""
    if article.identity not in known:
        return article
    name = next((one for one in article.aliases if one not in known), f"feed {feed}|{article.identity}")
    return replace(article, identity=name, aliases=tuple(one for one in article.aliases if one != name))


def _is_another(article: FetchedArticle, found: KnownArticle) -> bool:
    """A different guid, headline and date: three signs that only the address is the same."""
    dated = article.published is not None and found.published is not None
    return (
        article.identity != found.identity
        and article.title != found.title
        and dated
        and article.published != found.published
    )


def _first_of_each(fetched: Sequence[FetchedArticle]) -> list[FetchedArticle]:
    met: set[str] = set()
    unique = []
    for article in fetched:
        if article.usable and article.identity and met.isdisjoint(article.identities):
            unique.append(article)
            met.update(article.identities)
    return unique


def with_aliases(articles: Sequence[FetchedArticle], of_site: Callable[[str], str | None]) -> list[FetchedArticle]:
    """Articles with what else they may be known by: the site's own number, and an address that is theirs alone.

    An address alone is no identity when several items of the feed share it (a front page, a live blog).
    """
    listed = {(link_name(article.link), article.identity) for article in articles}
    links = Counter(link for link, _ in listed)
    return [replace(article, aliases=_aliases(article, links, of_site)) for article in articles]


def _aliases(article: FetchedArticle, links: Counter[str], of_site: Callable[[str], str | None]) -> tuple[str, ...]:
    link, guid = link_name(article.link), article.identity
    own = [link] if _place_in_site(article.link) and links[link] == 1 else []
    here = [] if is_global(guid) else [f"{_host_of(article.link)}|{guid}"]
    numbered = of_site(article.link)
    names = [_bounded(name) for name in (*([numbered] if numbered else []), *here, *own)]
    return tuple(name for name in dict.fromkeys(names) if name != article.identity)


def _host_of(link: str) -> str:
    try:
        return (urlsplit(link).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _place_in_site(link: str) -> str:
    """What an address names beyond its site; nothing for a front page."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    return parts.path.strip("/") + parts.query


def _oldest_first(newest_first: Sequence[FetchedArticle]) -> list[FetchedArticle]:
    """Sorts by date; an undated article takes the date of the one below it in the feed, so it keeps its place."""
    keyed: list[tuple[datetime, FetchedArticle]] = []
    last = datetime.min.replace(tzinfo=UTC)
    for article in reversed(newest_first):
        last = article.published or last
        keyed.append((last, article))
    return [article for _, article in sorted(keyed, key=lambda pair: pair[0])]
