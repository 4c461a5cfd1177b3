"""The version people install and the newest entry they read about are the same."""

import re
import tomllib

from tests.house import REPOSITORY


def headings() -> list[str]:
    """The versions of the changelog, newest first."""
    return re.findall(r"^## \[(.+?)\]", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_changelog_opens_with_what_is_not_yet_released() -> None:
    assert headings()[0] == "Unreleased"


def test_the_newest_release_is_the_project_s_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert headings()[1] == project["version"]
