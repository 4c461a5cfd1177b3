"""Countries the newsroom writes about: their names in a feed's words, their flag, their hashtag."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A country; `code` is ISO 3166-1 alpha-2, `names` are lower-case words that mean it (ё written as е)."""

    code: str
    name: str
    names: frozenset[str]

    @property
    def flag(self) -> str:
        """Two regional indicator symbols (Unicode, UTS #51)."""
        return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in self.code)

    @property
    def hashtag(self) -> str:
        return "#" + re.sub(r"\W+", "_", self.name)


def _place(code: str, name: str, *others: str) -> Place:
    return Place(code, name, frozenset({name.lower(), code.lower(), *others}))


PLACES = (
    _place("KZ", "Казахстан", "қазақстан", "kazakhstan"),
    _place("KG", "Кыргызстан", "киргизия", "киргизстан", "кыргызская республика", "kyrgyzstan"),
    _place("UZ", "Узбекистан", "ўзбекистон", "oʻzbekiston", "uzbekistan"),
    _place("TJ", "Таджикистан", "тоҷикистон", "tajikistan"),
    _place("TM", "Туркменистан", "туркмения", "türkmenistan", "turkmenistan"),
    _place("CN", "Китай", "кнр", "china"),
    _place("MN", "Монголия", "mongolia"),
    _place("AF", "Афганистан", "afghanistan"),
    _place("RU", "Россия", "рф", "российская федерация", "russia"),
    _place("IR", "Иран", "iran"),
    _place("TR", "Турция", "türkiye", "turkey"),
    _place("AZ", "Азербайджан", "azerbaijan"),
)
_BY_NAME = {name: place for place in PLACES for name in place.names}


def places_in(categories: Iterable[str]) -> tuple[Place, ...]:
    """The countries a feed's categories or a page's breadcrumb name, in their order, each once."""
    found = (_BY_NAME.get(" ".join(category.lower().replace("ё", "е").split())) for category in categories)
    return tuple(dict.fromkeys(place for place in found if place is not None))
