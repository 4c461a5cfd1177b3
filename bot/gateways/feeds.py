"""The feeds of other people's servers: fetched politely, read in processes of our own, found from a page's address."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from bot.gateways.feed_wire import FeedElsewhere, is_known
from bot.gateways.feed_workers import FeedWorkers
from bot.gateways.http import Fetcher, FetchFailed, NotModified, Response
from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, Validators, shown
from newsroom.ports import Clock

log = logging.getLogger(__name__)

BUDGET: Final = 28.0  # seconds for a feed as a whole, whichever of its steps is slow
SMALL: Final = 64 * 1024  # bytes; hashing so many takes less than asking somebody else to
FOUND: Final = "via:"  # the mark on a body's hash that says its address was found on a page


def fetch_time() -> datetime:
    """The Clock of whoever brings none: a feed that says «Сегодня» says it when it is fetched."""
    return datetime.now(UTC)  # noqa: TID251 - this is a Clock


class HttpFeeds:
    """A `FeedSource`; without `workers` it has its own, started at the first feed and ended by `aclose`."""

    def __init__(
        self,
        fetcher: Fetcher,
        timezone: ZoneInfo,
        workers: FeedWorkers | None = None,
        *,
        clock: Clock = fetch_time,
    ) -> None:
        self._fetcher = fetcher
        self._timezone = timezone
        self._workers = FeedWorkers() if workers is None else workers
        self._has_its_own = workers is None
        self._clock = clock
        self._found: dict[str, tuple[str, Validators]] = {}

    async def aclose(self) -> None:
        """End the workers, unless they are somebody else's."""
        if self._has_its_own:
            await self._workers.aclose()

    def found_at(self, url: str) -> str | None:
        """Where the feed of a page is, once it was read from there."""
        found = self._found.get(url)
        return found[0] if found else None

    async def read(self, url: str, validators: Validators) -> FeedRead | FeedUnchanged | FeedFailed:
        """One polite request; the same bytes as last time are not even parsed.

        Where a page comes that names its feed, that one is read; but never in the place of a feed that was read at
        this very address before: an error page names the site's main feed, and readers did not ask for that.
        """
        try:
            async with asyncio.timeout(BUDGET):
                return await self._read(url, validators)
        except TimeoutError:
            return FeedFailed("error", f"{shown(url)} takes more than {BUDGET:g} s to be read.")

    async def _read(self, url: str, validators: Validators) -> FeedRead | FeedUnchanged | FeedFailed:
        try:
            if url in self._found:
                return await self._read_found(url, *self._found[url], validators.body_hash)
            answer = await self._fetcher.get(url, validators=validators)
            if isinstance(answer, NotModified):
                return FeedUnchanged(validators, answer.moved_to)
            result = await self._understood(answer, validators.body_hash)
            if isinstance(result, FeedRead | FeedUnchanged):
                return replace(result, moved_to=answer.moved_to)
            if isinstance(result, FeedFailed):
                return result
            first = validators == Validators() or (validators.body_hash or "").startswith(FOUND)
            if not first or result.url in {url, answer.url}:
                return FeedFailed("not_a_feed", "A web page came instead of a feed.")
            return await self._read_found(url, result.url, Validators(), validators.body_hash)
        except FetchFailed as failure:
            return FeedFailed("error", failure.reason, failure.retry_after)

    async def _read_found(
        self, url: str, place: str, marks: Validators, known: str | None
    ) -> FeedRead | FeedUnchanged | FeedFailed:
        """Read the feed of the page at `url`; what its server said of it is remembered here, not with the page."""
        was_known = self._found.pop(url, None)
        answer = await self._fetcher.get(place, validators=marks)
        if isinstance(answer, NotModified):
            self._found[url] = (place, marks)
            return FeedUnchanged(Validators(body_hash=known))
        result = await self._understood(answer, known)
        if isinstance(result, FeedFailed):
            return result
        if isinstance(result, FeedElsewhere):
            return FeedFailed("not_a_feed", f"The feed this page names, {shown(place)}, is a page too.")
        if was_known is None:
            log.info("the feed of %s is read from %s", shown(url), shown(place))
        self._found[url] = (place, result.validators)
        return replace(result, validators=Validators(body_hash=_via(result.validators.body_hash)))

    async def _understood(
        self, answer: Response, known: str | None
    ) -> FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere:
        known = (known or "").removeprefix(FOUND)
        if len(answer.body) <= SMALL:
            fresh = hashlib.sha256(answer.body).hexdigest()
            if is_known(fresh, known):
                return FeedUnchanged(replace(answer.validators, body_hash=fresh))
        result = await self._workers.read(
            answer.body,
            content_type=answer.content_type,
            base_url=answer.url,
            timezone=self._timezone,
            now=self._clock(),
            known_hash=known,
        )
        if isinstance(result, FeedRead | FeedUnchanged):
            return replace(result, validators=replace(answer.validators, body_hash=result.validators.body_hash))
        return result


def _via(body_hash: str | None) -> str:
    return (FOUND + (body_hash or ""))[:64]  # as long as any hash we keep
