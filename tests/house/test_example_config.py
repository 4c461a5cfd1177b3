"""The example configuration works as it stands, and shows every key there is."""

import re
from pathlib import Path

from pydantic import BaseModel

from bot.config import Config, load

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def keys(model: type[BaseModel]) -> set[str]:
    found = set(model.model_fields)
    for field in model.model_fields.values():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= keys(part)
    return found


def test_it_loads() -> None:
    assert load(EXAMPLE, {}).feeds[0].url.startswith("https://")


def test_it_shows_every_key_with_a_comment() -> None:
    shown = set(re.findall(r"^(?:# )?(?:\[+)?(\w+)", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))
    assert keys(Config) <= shown


def test_what_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    text = re.sub(r"^# (?=\w+ = |\[)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    whole = tmp_path / "config.toml"
    whole.write_text(text, encoding="utf-8")
    assert load(whole, {}).channels[0].chat == "@news_asia"
