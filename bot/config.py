"""The shape of config.toml: one strict value, read once, secrets never printed."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from newsroom.errors import ConfigError

UNITS = {"s": 1, "m": 60, "h": 3600}
SHOWN = 16  # characters of an unknown key; no known one is longer
LONGEST = 2000  # characters of an address
HOST = re.compile(r"(?:[^@]*@)?(?:\[([0-9a-fA-F:.]+)\]|([^:@\[\]]+))(?::\d*)?")


def _duration(value: object) -> object:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,9})([smh])", value)):
        return timedelta(seconds=int(found[1]) * UNITS[found[2]])
    if isinstance(value, timedelta):
        return value
    raise ValueError("write a duration like 30s, 2m or 3h")


def _web_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]\S*", value):
        raise ValueError("write an address that begins with https:// or http://")
    if len(value) > LONGEST:
        raise ValueError(f"an address is no longer than {LONGEST} characters")
    try:
        _host_and_port(value)
    except ValueError as error:
        raise ValueError("no server can have this address: look at its name and port") from error
    return value


def _host_and_port(address: str) -> str:
    """As a request would write them, in ASCII. Raises ValueError when there can be no such server."""
    parts = urlsplit(address)
    found = HOST.fullmatch(parts.netloc)
    if found is None:
        raise ValueError(address)
    port = f":{parts.port}" if parts.port else ""
    if found[1]:
        return f"[{IPv6Address(found[1])}]{port}"
    host = found[2].lower().encode("idna").decode("ascii")
    if not re.fullmatch(r"[\w.-]+", host):
        raise ValueError(address)
    return host + port


def _age(value: timedelta) -> timedelta:
    if not timedelta(hours=1) <= value <= timedelta(hours=87600):
        raise ValueError("from 1h to 87600h, which is ten years")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Age = Annotated[Duration, AfterValidator(_age)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Telegram(_Strict):
    token: SecretStr
    api: WebAddress = "https://api.telegram.org"
    editors_chat: int | None = None
    owners: tuple[int, ...] = ()

    @field_validator("token")
    @classmethod
    def _looks_like_a_token(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[1-9]\d*:[\w-]+", value.get_secret_value()):
            raise ValueError("this is not a bot token (it looks like 123456:ABC…, from @BotFather)")
        return value

    @field_validator("api")
    @classmethod
    def _ends_without_a_slash(cls, value: str) -> str:
        return value.rstrip("/")


class Selectors(_Strict):
    title: str = ""
    lead: str = ""
    image: str = ""
    breadcrumb: str = ""


class Site(_Strict):
    name: str = "News"
    url: WebAddress | None = None
    adapter: Literal["news-asia", "generic"] = "generic"
    one_article: bool = True
    comments: str = "#comments"
    timezone: str = "UTC"
    languages: tuple[Literal["ru", "en"], ...] = Field(default=("ru", "en"), min_length=1)
    selectors: Selectors = Selectors()

    @field_validator("comments")
    @classmethod
    def _goes_after_an_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"[#/?][^\s\x00-\x1f]{1,100}", value):
            raise ValueError('write what follows the address of an article, like "#comments", or nothing')
        return value

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones, a name too long for a file
            raise ValueError("no such time zone (write one like Asia/Bishkek)") from error
        return value


class Posts(_Strict):
    preview: Literal["off", "small", "large"] = "small"
    hold_above: int = Field(default=20, ge=0)
    old_after: Age = timedelta(hours=24)
    never_after: Age = timedelta(hours=168)


class Feed(_Strict):
    url: WebAddress
    every: Duration = timedelta(minutes=2)

    @field_validator("every")
    @classmethod
    def _in_range(cls, value: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= value <= timedelta(hours=24):
            raise ValueError("from 1s to 24h")
        return value


class Channel(_Strict):
    chat: int | str

    @field_validator("chat")
    @classmethod
    def _is_a_chat(cls, value: int | str) -> int | str:
        if isinstance(value, str) and not re.fullmatch(r"@\w{4,32}", value):
            raise ValueError("write @name or a number like -1001234567890")
        return value


class StorageAt(_Strict):
    url: str = Field(default="sqlite+aiosqlite:///elchi.db", repr=False)  # it may hold a password


class Secrets(_Strict):
    key_file: Path = Path("elchi.key")


class Fetch(_Strict):
    contact: WebAddress | None = None
    allow_private: bool = False


class Config(_Strict):
    telegram: Telegram
    site: Site = Site()
    posts: Posts = Posts()
    feeds: tuple[Feed, ...] = Field(min_length=1)
    channels: tuple[Channel, ...] = ()
    storage: StorageAt = StorageAt()
    secrets: Secrets = Secrets()
    fetch: Fetch = Fetch()

    @property
    def contact(self) -> str:
        """Where those whose servers we ask can find us: as it is written, else the site, else where the feed is."""
        address = self.fetch.contact or self.site.url or self.feeds[0].url
        parts = urlsplit(address)
        whole = self.fetch.contact is not None or self.site.url is not None
        return f"{parts.scheme}://{_host_and_port(address)}{quote(parts.path, safe='/%') if whole else '/'}"


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration of this run; the environment's token wins. Raises ConfigError with one sentence."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist: copy config.example.toml and fill it in") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read") from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\((at [^()]*)\)$", str(error))  # and no more: the rest may quote a key that is a token
        raise ConfigError(f"{path} is not valid TOML{f': {place[1]}' if place else ''}") from None
    if token := environ.get("ELCHI_TELEGRAM_TOKEN"):
        telegram = data.setdefault("telegram", {})
        if isinstance(telegram, dict):
            telegram["token"] = token
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    # A misspelt key comes before what is missing because of it.
    first = min(error.errors(include_input=False, include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {_unknown(first['loc'])}"
    if first["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def _unknown(loc: tuple[int | str, ...]) -> str:
    """An unknown key and its nearest known one; what does not look like a key may be a secret in the wrong place."""
    model: type[BaseModel] = Config
    for part in loc[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            inner = model.model_fields[part].annotation
            arguments = getattr(inner, "__args__", (inner,))
            model = next(a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel))
    above, key = [str(part) for part in loc[:-1]], str(loc[-1])
    known = f"(known: {', '.join(model.model_fields)})"
    if not re.fullmatch(r"[\w-]{1,40}", key):
        return f"in {'.'.join(above)} {known}" if above else known
    where = ".".join([*above, key if len(key) <= SHOWN else f"{key[:SHOWN]}…"])
    close = difflib.get_close_matches(key, model.model_fields, n=1, cutoff=0.4)
    return f"{where} (did you mean {close[0]}?)" if close else f"{where} {known}"
