"""The proofs: what the tests can only sample is done here at length, with a seed that is printed.

`python -m bench.proofs --sample` (what `make check` runs), `--long --write docs/proofs.md` (what `make prove` runs).
"""

import argparse
import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.kills import Figures, Plan, prove
from tests.servers import start_postgres

LONG = {"sqlite": Plan(100, 1000, 20, 30), "postgres": Plan(30, 1000, 20, 30)}
SAMPLE = {"sqlite": Plan(4, 60, 5, 10), "postgres": Plan(2, 60, 5, 10)}
STEPS = {True: 20_000, False: 1_500}

KILLS = (
    "The real `elchi run`, as a process of its own, is killed with SIGKILL at random moments while the outbox never "
    "runs empty: Telegram's rates apply (30 messages a second), some readers subscribe, leave and change language all "
    "the time. Promised: no message is lost; a message is sent again only if its request was open, or its answer not "
    "yet on disk, at a kill; within every chat the articles first appear in the order of publication; what the bot has "
    "acknowledged holds. “Left unknown” counts what was killed while open twice: it is marked so, never dropped in "
    "silence."
)
MACHINE = (
    "Random histories of the outbox (announcing, correcting, subscribing, leaving, sending, every outcome, a kill "
    "between any two steps) are compared with a model after each step."
)


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof that was run: its figures as rows, and what it found broken."""

    name: str
    promise: str
    rows: tuple[tuple[str, str], ...]
    broken: tuple[str, ...]


def _rows(plan: Plan, figures: Figures, seconds: float) -> tuple[tuple[str, str], ...]:
    return (
        ("kills", f"{figures.kills:,}"),
        ("readers, channels, undecided readers", f"{plan.readers:,}, {plan.channels}, {plan.restless}"),
        ("articles", f"{figures.articles:,}"),
        ("messages wanted by steady chats", f"{figures.wanted:,}"),
        ("messages accepted by Telegram, in all", f"{figures.accepted:,}"),
        ("lost", f"{figures.lost:,}"),
        ("left unknown", f"{figures.unknown:,}"),
        ("sent again", f"{figures.repeats:,} (at most {figures.unflushed:,} could be)"),
        ("unsure at one kill, at most", f"{figures.most_unflushed:,}"),
        ("sent again with no kill to explain it", f"{figures.unexplained:,}"),
        ("chats out of order", f"{figures.disordered:,}"),
        ("commands acknowledged, and not held", f"{figures.answers:,}, {figures.broken_answers:,}"),
        ("refused with 429", f"{figures.refused:,}"),
        ("took", f"{seconds:.0f} s"),
    )


def kill(database: str, plan: Plan, seed: int) -> Proof:
    """The proof by killing on one kind of database."""
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"    {line}", flush=True)

    if database == "postgres":
        with start_postgres() as server:
            figures = asyncio.run(prove(plan, seed, say, server.create_database("kills")))
    else:
        figures = asyncio.run(prove(plan, seed, say))
    rows = _rows(plan, figures, time.monotonic() - began)
    return Proof(f"kills on {database}", KILLS, rows, tuple(figures.broken))


def machine(steps: int, seed: int) -> Proof:
    """The state machine of the outbox against its model."""
    from tests.storage.test_outbox_machine import run_long

    began = time.monotonic()
    broken: tuple[str, ...] = ()
    try:
        steps = run_long(steps, seed)
    except AssertionError as error:
        broken = (" ".join(str(error).split())[:300] or "the model and the outbox disagree",)
    rows = (("steps", f"{steps:,}"), ("took", f"{time.monotonic() - began:.0f} s"))
    return Proof("outbox against its model", MACHINE, rows, broken)


def written(proofs: list[Proof], seed: int, *, long: bool) -> str:
    """docs/proofs.md."""
    git = ("git", "rev-parse", "HEAD")
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    today = datetime.now(UTC).date()  # noqa: TID251 - this is the report's Clock
    again = f"`python -m bench.proofs {'--long' if long else '--sample'} --seed {seed}`"
    lines = [
        "# Proofs",
        "",
        f"Written by `make prove`. Commit `{commit}`, seed {seed}, {today.isoformat()}. The same again: {again}.",
        "The seed fixes what is decided; when a process dies also depends on the machine.",
    ]
    said = ""
    for proof in proofs:
        lines += ["", f"## {proof.name[:1].upper()}{proof.name[1:]}: {'✘' if proof.broken else '✔'}", ""]
        if proof.promise != said:
            lines += [proof.promise, ""]
            said = proof.promise
        lines += ["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in proof.rows)]
        lines += [f"\n**Broken:** {'; '.join(proof.broken)}."] if proof.broken else []
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the proofs; 1 when any promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--sample", action="store_true", help="at most 60 s apiece (the default)")
    size.add_argument("--long", action="store_true", help="100 kills on SQLite, 30 on PostgreSQL, 20,000 steps")
    parser.add_argument("--only", choices=("sqlite", "postgres", "machine"), help="one of the proofs")
    parser.add_argument("--write", type=Path, help="where to write the figures (docs/proofs.md)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    given = parser.parse_args()
    plans = LONG if given.long else SAMPLE
    todo: dict[str, Callable[[], Proof]] = {
        "sqlite": lambda: kill("sqlite", plans["sqlite"], given.seed),
        "postgres": lambda: kill("postgres", plans["postgres"], given.seed),
        "machine": lambda: machine(STEPS[given.long], given.seed),
    }
    print(f"proofs, {'long' if given.long else 'sample'}, --seed {given.seed}", flush=True)
    proofs = []
    for name, run in todo.items():
        if given.only in (None, name):
            proofs.append(run())
            print(f"{'✘' if proofs[-1].broken else '✔'} {proofs[-1].name}")
            for row in (*proofs[-1].rows, *(("BROKEN", why) for why in proofs[-1].broken)):
                print(f"    {row[0]:40} {row[1]}", flush=True)
    if given.write:
        given.write.parent.mkdir(exist_ok=True)
        given.write.write_text(written(proofs, given.seed, long=given.long), encoding="utf-8")
    return 1 if any(proof.broken for proof in proofs) else 0


if __name__ == "__main__":
    sys.exit(main())
