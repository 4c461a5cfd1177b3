"""Every sentence Elchi says, by key and language, from the Fluent files beside this one."""

from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from fluent.runtime import FluentBundle, FluentResource

LANGUAGES = ("ru", "en")


@cache
def _bundle(language: str) -> FluentBundle:
    bundle = FluentBundle([language], use_isolating=False)
    source = files("newsroom.text").joinpath("locales", language, "elchi.ftl").read_text(encoding="utf-8")
    bundle.add_resource(FluentResource(source))
    return bundle


@dataclass(frozen=True, slots=True)
class Words:
    """The texts in the languages of this newsroom; the first language is the default."""

    languages: tuple[str, ...] = LANGUAGES

    def language(self, wanted: str | None) -> str:
        """The nearest language we speak."""
        short = (wanted or "").split("-")[0]
        return short if short in self.languages else self.languages[0]

    def say(self, language: str | None, key: str, **given: str | int) -> str:
        """The sentence as Telegram HTML; what is filled in is escaped here."""
        bundle = _bundle(self.language(language))
        pattern = bundle.get_message(key).value
        if pattern is None:
            raise LookupError(f"{key} has no text")
        filled = {
            name: escape(value, quote=False) if isinstance(value, str) else value for name, value in given.items()
        }
        text, problems = bundle.format_pattern(pattern, filled)
        if problems:
            raise LookupError(f"{key}: {problems[0]}")
        return str(text)
