"""The locks name exact versions with their hashes, and no place to fetch them from."""

import re
import tomllib
from collections.abc import Iterable

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import REPOSITORY

LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(lock: str) -> dict[str, str]:
    """The pinned requirement lines by distribution name, each joined with its hashes."""
    joined = (REPOSITORY / lock).read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return {canonicalize_name(re.split(r"[=<>!~ \[;@]", line, maxsplit=1)[0]): line for line in lines}


def declared(requirements: Iterable[object]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements if isinstance(text, str)}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_no_address(lock: str) -> None:
    text = (REPOSITORY / lock).read_text()
    assert "://" not in text
    assert not re.search(r"--(extra-)?index-url|--find-links|(^|\s)-[if]\s|^\S+ @ ", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    pinned = re.compile(r"[A-Za-z0-9._-]+(\[[^\]]+\])?==[^\s;]+( *;[^#]*?)?( +--hash=sha256:[0-9a-f]{64})+ *")
    loose = [line for line in pins(lock).values() if not pinned.fullmatch(line)]
    assert not loose


def test_the_locks_cover_what_the_project_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    needed = declared(project["project"]["dependencies"]) | declared(groups["build"])
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert needed <= run.keys(), "run `make lock`"
    assert needed | declared(groups["dev"]) <= dev.keys(), "run `make lock`"


def test_both_locks_agree() -> None:
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {distribution: dev.get(distribution) for distribution in run} == run
