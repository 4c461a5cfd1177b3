"""What every test may ask for: a fresh database, on SQLite while working and on PostgreSQL too in `make test`."""

import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers import Postgres, start_postgres

DATABASES = {"sqlite": ["sqlite"], "postgres": ["postgres"], "both": ["sqlite", "postgres"]}

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=False, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--databases",
        choices=sorted(DATABASES),
        default="sqlite",
        help="which databases the tests that need one run on (default: sqlite; `make test` says both)",
    )
    parser.addoption("--bless", action="store_true", help="rewrite the golden files with what is made now")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """In CI one random seed is chosen here and printed, so that a failure can be had again."""
    if config.getoption("--hypothesis-profile") == "ci" and config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = random.SystemRandom().randrange(2**32)


def pytest_report_header(config: pytest.Config) -> str:
    seed = config.getoption("--hypothesis-seed")
    return f"databases: {config.getoption('--databases')}" + (f", --hypothesis-seed={seed}" if seed is not None else "")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        chosen = DATABASES[metafunc.config.getoption("--databases")]
        metafunc.parametrize("database_url", chosen, indirect=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One server for each test process; started when the first test asks for it."""
    with start_postgres() as server:
        yield server


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with nothing in it, dropped after the test."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'test.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    name = f"test_{os.getpid()}_{uuid.uuid4().hex[:12]}"
    yield server.create_database(name)
    server.drop_database(name)
