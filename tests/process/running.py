"""The real command line as a process of its own, started, killed and stopped from a test or a proof."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOKEN = "4242:AAthisTokenOpensOnlyTheSandbox_00000"
PYTHON = (sys.executable, "-P", "-m", "bot")


def write_config(
    folder: Path,
    *,
    api: str,
    feed: str,
    database: str = "",
    token: str = TOKEN,
    editors: int | None = None,
    channels: tuple[int, ...] = (),
) -> Path:
    """A config.toml in `folder` that reads one feed every second."""
    lines = [
        "[telegram]",
        f'token = "{token}"',
        f'api = "{api}"',
        *([f"editors_chat = {editors}"] if editors is not None else []),
        "[[feeds]]",
        f'url = "{feed}"',
        'every = "1s"',
        *(line for channel in channels for line in ("[[channels]]", f"chat = {channel}")),
        "[storage]",
        f'url = "{database or f"sqlite+aiosqlite:///{folder}/elchi.db"}"',
        "[secrets]",
        f'key_file = "{folder}/elchi.key"',
        "[fetch]",
        "allow_private = true",
    ]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def until(holds: Callable[[], bool], seconds: float = 10.0, why: str = "") -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come true within {seconds} s: {why}")
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class Elchi:
    """One `elchi` command; what all its processes said is kept: `said` is everything, `output` and `errors` a half."""

    arguments: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    root: Path = ROOT
    program: tuple[str, ...] = PYTHON
    longest: int = 2**20  # bytes of one line
    said: str = ""
    output: str = ""
    errors: str = ""
    process: asyncio.subprocess.Process | None = None
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def last_words(self) -> str:
        """The one line that says why it gave up: there is exactly one, and no mistake of ours shows anywhere."""
        assert "Traceback" not in self.said, self.said
        assert "it ended by a mistake" not in self.said, self.said
        lines = [line for line in self.errors.splitlines() if line.startswith("elchi: ")]
        assert len(lines) == 1, self.said
        return lines[0]

    async def start(self) -> None:
        """Start it (again)."""
        assert not self.alive
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ELCHI_")}
        ours = {"PYTHONPATH": str(self.root), "PYTHONWARNINGS": "default", "NO_COLOR": "1", "COLUMNS": "200"}
        self.process = await asyncio.create_subprocess_exec(
            *self.program,
            *self.arguments,
            cwd=self.root,
            env={**clean, **ours, **self.environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=self.longest,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._listening = [
            asyncio.create_task(self._listen(self.process.stdout, is_error=False)),
            asyncio.create_task(self._listen(self.process.stderr, is_error=True)),
        ]

    async def _listen(self, pipe: asyncio.StreamReader, *, is_error: bool) -> None:
        while line := (await pipe.readline()).decode(errors="replace"):
            self.said += line
            if is_error:
                self.errors += line
            else:
                self.output += line

    async def ends(self, seconds: float = 15.0) -> int:
        """Wait for its end; the exit code."""
        assert self.process is not None
        code = await asyncio.wait_for(self.process.wait(), seconds)
        await asyncio.gather(*self._listening)
        return code

    def told_to_stop(self) -> None:
        """SIGTERM; `ends` follows."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    async def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM; the exit code."""
        self.told_to_stop()
        return await self.ends(seconds)

    def kill_now(self) -> None:
        """SIGKILL, with no word of warning; `ends` follows."""
        assert self.process is not None
        self.process.kill()

    async def kill(self) -> None:
        """SIGKILL; nothing of it is left afterwards."""
        if self.alive:
            self.kill_now()
            await self.ends()


async def elchi(
    *arguments: str | Path, seconds: float = 30.0, environ: Mapping[str, str] | None = None, root: Path = ROOT
) -> tuple[int, Elchi]:
    """Run one command to its end: its exit code, and the command with everything it said."""
    command = Elchi(tuple(str(argument) for argument in arguments), environ or {}, root)
    await command.start()
    try:
        return await command.ends(seconds), command
    finally:
        await command.kill()
