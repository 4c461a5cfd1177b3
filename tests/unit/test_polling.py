"""A healthy feed is read on time, a failing one ever more rarely, and none against its server's wish."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsroom.polling import next_read

NOW = datetime(2026, 2, 20, 1, 36, tzinfo=UTC)
DAY = timedelta(days=1)
ALMOST = 1 - 2**-53  # the largest chance there is
MICRO = timedelta(microseconds=1)

intervals = st.timedeltas(timedelta(seconds=1), DAY)  # what config.toml allows
chances = st.floats(0, 1, exclude_max=True)
failures = st.integers(0, 5000)
wishes = st.none() | st.floats(0, 86_400)


def wait(every: timedelta, failures: int, retry_after: float | None = None, chance: float = 0.5) -> timedelta:
    return next_read(NOW, every, failures, retry_after, chance) - NOW


@given(every=intervals, chance=chances)
def test_a_healthy_feed_is_read_on_time_give_or_take_a_tenth(every: timedelta, chance: float) -> None:
    assert min(0.9 * every, DAY) - MICRO <= wait(every, 0, chance=chance) <= min(1.1 * every, DAY) + MICRO


@given(every=intervals, failures=st.integers(1, 5000), chance=chances)
def test_a_failing_feed_is_read_in_the_second_half_of_an_interval_that_doubles(
    every: timedelta, failures: int, chance: float
) -> None:
    whole = min(every * 2 ** min(failures, 20), DAY)
    assert whole / 2 - MICRO <= wait(every, failures, chance=chance) <= whole + MICRO


@given(every=intervals, chance=chances)
def test_the_first_failure_is_looked_into_soon(every: timedelta, chance: float) -> None:
    assert wait(every, 1, chance=chance) <= 2 * every + MICRO


@given(every=intervals, failures=failures, retry_after=wishes, chance=chances)
def test_nobody_waits_for_more_than_a_day(
    every: timedelta, failures: int, retry_after: float | None, chance: float
) -> None:
    assert timedelta(0) < wait(every, failures, retry_after, chance) <= DAY


@given(every=intervals, failures=failures, retry_after=st.floats(0, 86_400), chance=chances)
def test_no_server_is_asked_before_it_wants_to_be(
    every: timedelta, failures: int, retry_after: float, chance: float
) -> None:
    waited = wait(every, failures, retry_after, chance)
    assert waited >= timedelta(seconds=retry_after)
    assert waited in {timedelta(seconds=retry_after), wait(every, failures, None, chance)}


@given(every=intervals, failures=st.integers(1, 5000), more=st.integers(0, 50), retry_after=wishes, chance=chances)
def test_another_failure_never_brings_the_next_read_closer(
    every: timedelta, failures: int, more: int, retry_after: float | None, chance: float
) -> None:
    assert wait(every, failures, retry_after, chance) <= wait(every, failures + more, retry_after, chance)


@given(every=intervals, failures=failures, retry_after=wishes, one=chances, other=chances)
def test_a_greater_chance_never_brings_the_next_read_closer(
    every: timedelta, failures: int, retry_after: float | None, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert wait(every, failures, retry_after, low) <= wait(every, failures, retry_after, high)


def test_a_wish_of_more_than_a_day_is_not_granted() -> None:
    assert wait(timedelta(minutes=2), 1, retry_after=1e9) == DAY


@pytest.mark.parametrize(
    ("failures", "earliest", "latest"),
    [(0, 108, 132), (1, 120, 240), (2, 240, 480), (5, 1920, 3840), (9, 30720, 61440), (10, 43200, 86400)],
)
def test_a_feed_read_every_two_minutes(failures: int, earliest: int, latest: int) -> None:
    two_minutes = timedelta(minutes=2)
    assert wait(two_minutes, failures, chance=0) == timedelta(seconds=earliest)
    assert wait(two_minutes, failures, chance=ALMOST) == timedelta(seconds=latest)
