"""The timetable: a handful of interval ticks; each asks storage what is due."""

from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler


def timetable(
    read_due: Callable[[], Awaitable[None]], sweep: Callable[[], Awaitable[None]], *, speed: float = 1.0
) -> AsyncIOScheduler:
    """A scheduler ready to start: feeds are looked at every second, the cellar is swept every hour."""
    defaults = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    scheduler = AsyncIOScheduler(job_defaults=defaults, timezone="UTC")
    scheduler.add_job(read_due, "interval", seconds=1 / speed, max_instances=50)  # slow feeds hold back no others
    scheduler.add_job(sweep, "interval", hours=1)
    return scheduler
