"""House tests: what is true of the whole repository, checked rather than remembered."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "handlers", "services", "storage", "newsroom", "sandbox")


def modules(*packages: str) -> list[Path]:
    """Every Python file of the given packages, in a steady order."""
    return sorted(path for package in packages for path in (REPOSITORY / package).rglob("*.py"))


def name(path: Path) -> str:
    """How a failing test calls a file."""
    return str(path.relative_to(REPOSITORY))
