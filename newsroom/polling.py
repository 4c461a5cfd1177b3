"""When a feed is read next: on time while it is well, ever more rarely while it fails, and as its server wishes."""

from datetime import datetime, timedelta
from typing import Final

JITTER: Final = 0.1  # of the interval, to either side: the feeds of one newsroom must not all be read in one second
LONGEST: Final = timedelta(days=1)  # a feed that failed for a month is still looked at every day
DOUBLINGS: Final = 64  # a second doubled so often is beyond any limit, and still a number


def next_read(now: datetime, every: timedelta, failures: int, retry_after: float | None, chance: float) -> datetime:
    """The moment of the next read after `failures` failed ones in a row; `chance` is drawn from 0 to 1, 1 excluded.

    While it fails the interval doubles each time, and a read comes in its second half, wherever chance puts it.
    `retry_after` is how many seconds the server asked to be left alone; what is over a day is not granted.
    """
    if failures > 0:
        whole = min(every.total_seconds() * 2.0 ** min(failures, DOUBLINGS), LONGEST.total_seconds())
        wait = whole * (0.5 + 0.5 * chance)
    else:
        wait = every.total_seconds() * (1 - JITTER + 2 * JITTER * chance)
    return now + min(max(timedelta(seconds=wait), timedelta(seconds=retry_after or 0)), LONGEST)
