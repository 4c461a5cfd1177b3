"""A mistake in config.toml is one sentence that names the place, and no sentence ever names a secret."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check_command import clock_finding, site_finding
from bot.config import Channel, Config, Feed, load
from bot.gateways.http import user_agent
from newsroom.errors import ConfigError

SECRET = "AAFk3dQwErTyUiOpAsDfGhJkLzXcVbNm1"
TOKEN = f"123456:{SECRET}"
TELEGRAM = f'[telegram]\ntoken = "{TOKEN}"\n'
FEEDS = '[[feeds]]\nurl = "https://www.example.org/rss"\n'
SMALLEST = TELEGRAM + FEEDS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def loaded(path: Path, text: str, token: str = "") -> Config:
    path.write_text(text, encoding="utf-8")
    return load(path, {"ELCHI_TELEGRAM_TOKEN": token})


def complaint(path: Path, text: str, token: str = "") -> str:
    """What is said about a configuration that cannot be used, without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        loaded(path, text, token)
    return str(caught.value).removeprefix(str(path)).removeprefix(": ")


def test_a_token_and_a_feed_are_enough(path: Path) -> None:
    config = loaded(path, SMALLEST)
    assert config.telegram.token.get_secret_value() == TOKEN
    assert (config.feeds[0].every, config.site.languages) == (timedelta(minutes=2), ("ru", "en"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"colour = 1\n{SMALLEST}",
            "unknown key colour (known: telegram, site, posts, feeds, channels, storage, secrets, fetch)",
        ),
        (f'{SMALLEST}[storag]\nurl = "x"', "unknown key storag (did you mean storage?)"),
        (f"{TELEGRAM}editor_chat = -1\n{FEEDS}", "unknown key telegram.editor_chat (did you mean editors_chat?)"),
        (f'{SMALLEST}evry = "1m"', "unknown key feeds.0.evry (did you mean every?)"),
        (f'{SMALLEST}[[channels]]\nchat = "@news"\ntitel = "x"', "unknown key channels.0.titel (known: chat)"),
        (f'{SMALLEST}[site]\ntime_zone = "UTC"', "unknown key site.time_zone (did you mean timezone?)"),
        (f'[telegram]\ntokn = "{TOKEN}"\n{FEEDS}', "unknown key telegram.tokn (did you mean token?)"),
        (f'{TELEGRAM}[[feed]]\nurl = "https://e.kg"', "unknown key feed (did you mean feeds?)"),
        (f'{SMALLEST}[fetch]\n"{TOKEN}" = 1', "unknown key in fetch (known: contact, allow_private)"),
        (f"{SMALLEST}[fetch]\n{'a' * 41} = 1", "unknown key in fetch (known: contact, allow_private)"),
        (f"{SMALLEST}[fetch]\n{SECRET} = 1", f"unknown key fetch.{SECRET[:16]}… (known: contact, allow_private)"),
        (
            f'"{TOKEN}" = 1\n{SMALLEST}',
            "unknown key (known: telegram, site, posts, feeds, channels, storage, secrets, fetch)",
        ),
    ],
)
def test_an_unknown_key_is_told_its_nearest_known_one(path: Path, text: str, said: str) -> None:
    assert complaint(path, text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "telegram is missing"),
        (FEEDS, "telegram is missing"),
        (TELEGRAM, "feeds is missing"),
        (f"[telegram]\n{FEEDS}", "telegram.token is missing"),
        (f'{TELEGRAM}[[feeds]]\nevery = "2m"', "feeds.0.url is missing"),
        (f"{SMALLEST}[[channels]]", "channels.0.chat is missing"),
    ],
)
def test_what_is_missing_is_named(path: Path, text: str, said: str) -> None:
    assert complaint(path, text) == said


@pytest.mark.parametrize("every", ["2", "2 m", "-2m", "2d", "two minutes", "1h30m", ""])
def test_a_duration_is_a_number_and_a_unit(path: Path, every: str) -> None:
    assert complaint(path, f'{SMALLEST}every = "{every}"') == "feeds.0.every: write a duration like 30s, 2m or 3h"


def test_a_bare_number_is_no_duration(path: Path) -> None:
    assert complaint(path, f"{SMALLEST}every = 120") == "feeds.0.every: write a duration like 30s, 2m or 3h"


@given(st.integers(0, 10**6), st.sampled_from(["s", "m", "h"]))
def test_a_feed_is_read_at_least_daily_and_at_most_every_second(number: int, unit: str) -> None:
    seconds = number * {"s": 1, "m": 60, "h": 3600}[unit]
    if 1 <= seconds <= 86_400:
        assert Feed.model_validate({"url": "https://e.kg", "every": f"{number}{unit}"}).every.total_seconds() == seconds
    else:
        with pytest.raises(ValueError, match="from 1s to 24h"):
            Feed.model_validate({"url": "https://e.kg", "every": f"{number}{unit}"})


@pytest.mark.parametrize("every", ["99999999999999h", "9" * 5000 + "s", "0" * 20 + "1s"])
def test_a_duration_of_too_many_digits_is_none(path: Path, every: str) -> None:
    assert complaint(path, f'{SMALLEST}every = "{every}"') == "feeds.0.every: write a duration like 30s, 2m or 3h"


@pytest.mark.parametrize(
    "zone",
    ["Mars/Base", "", "Asia/Bishkek/x", "../../etc/passwd", "/etc/localtime", "\\u0000", "Europe", "x" * 300],
)
def test_a_time_zone_exists(path: Path, zone: str) -> None:
    said = "site.timezone: no such time zone (write one like Asia/Bishkek)"
    assert complaint(path, f'{SMALLEST}[site]\ntimezone = "{zone}"') == said


@pytest.mark.parametrize(
    "token", ["", "ABC", "123456", "123456:", ":ABC", "0123:ABC", "123456:A/C", "bot123456:ABC", "1:A C"]
)
def test_a_token_looks_like_one(path: Path, token: str) -> None:
    said = "telegram.token: this is not a bot token (it looks like 123456:ABC…, from @BotFather)"
    assert complaint(path, f'[telegram]\ntoken = "{token}"\n{FEEDS}') == said


@pytest.mark.parametrize(
    "address",
    [
        "",
        "www.example.org",
        "ftp://example.org",
        "https://",
        "https:///rss",
        "file:///etc",
        "https://a b",
        "https://a\\n",
    ],
)
def test_an_address_is_a_web_address(path: Path, address: str) -> None:
    said = "write an address that begins with https:// or http://"
    assert complaint(path, f'{TELEGRAM}[[feeds]]\nurl = "{address}"') == f"feeds.0.url: {said}"
    assert complaint(path, f'{TELEGRAM}api = "{address}"\n{FEEDS}') == f"telegram.api: {said}"


@pytest.mark.parametrize(
    "host",
    [
        "a:abc", "a:99999", "a:-1", "[bad", "bad]", "[::1", "[::g]", "[::1]x", "[v1.a]", "[fe80::1%25eth0]", "a..b",
        ".a", "a" * 64 + ".kg", ":80", "u:p@", "?x", "#a", "a(b)", "a\u2100b", "*", "a\u007f", "::1", "\U000e0001",
    ],
)  # fmt: skip
@pytest.mark.parametrize("rest", ["", "/rss"])
def test_an_address_has_a_host_that_can_be(path: Path, host: str, rest: str) -> None:
    said = "no server can have this address: look at its name and port"
    address = f'"http://{host}{rest}"'.replace("\x7f", "\\u007f")
    assert complaint(path, f"{TELEGRAM}[[feeds]]\nurl = {address}") == f"feeds.0.url: {said}"
    assert complaint(path, f"{SMALLEST}[site]\nurl = {address}") == f"site.url: {said}"
    assert complaint(path, f"{SMALLEST}[fetch]\ncontact = {address}") == f"fetch.contact: {said}"
    assert complaint(path, f"{TELEGRAM}api = {address}\n{FEEDS}") == f"telegram.api: {said}"


def test_an_address_has_an_end(path: Path) -> None:
    longest = f"https://e.kg/{'a' * 1987}"
    assert loaded(path, f'{TELEGRAM}[[feeds]]\nurl = "{longest}"').feeds[0].url == longest
    said = "feeds.0.url: an address is no longer than 2000 characters"
    assert complaint(path, f'{TELEGRAM}[[feeds]]\nurl = "{longest}a"') == said


@pytest.mark.parametrize(
    ("address", "contact"),
    [
        ("http://[::1]:8000/rss", "http://[::1]:8000/"),
        ("http://u:p@[2001:DB8::1]/rss", "http://[2001:db8::1]/"),
        ("https://u:p@Новости.рф:443/rss?key=1", "https://xn--b1amnebsh.xn--p1ai:443/"),
        ("http://127.0.0.1:0/", "http://127.0.0.1/"),
        ("https://a_b.kg.?x", "https://a_b.kg./"),
    ],
)
def test_whoever_is_asked_is_told_an_address_in_ascii(path: Path, address: str, contact: str) -> None:
    config = loaded(path, f'{TELEGRAM}[[feeds]]\nurl = "{address}"')
    assert config.contact == contact
    assert contact in user_agent("1", config.contact)


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_an_address_that_is_taken_can_be_told(address: str) -> None:
    feed = {"url": f"http://{address}"}
    try:
        config = Config.model_validate(
            {"telegram": {"token": TOKEN}, "feeds": [feed], "fetch": {"contact": feed["url"]}}
        )
    except ValueError:
        return
    assert user_agent("1", config.contact)


@pytest.mark.parametrize("key", ["old_after", "never_after"])
def test_news_grow_old_in_an_hour_at_least_and_ten_years_at_most(path: Path, key: str) -> None:
    for age in ("0s", "59m", "87601h", "999999999h"):
        said = f"posts.{key}: from 1h to 87600h, which is ten years"
        assert complaint(path, f'{SMALLEST}[posts]\n{key} = "{age}"') == said
    for age in ("60m", "87600h"):
        assert loaded(path, f'{SMALLEST}[posts]\n{key} = "{age}"')


def test_a_selector_is_looked_at_before_a_page_is(path: Path) -> None:
    good = site_finding(loaded(path, f"{SMALLEST}[site.selectors]\nlead = 'p.lead'"))
    assert (good.good, good.said) == (True, "News (generic)")
    bad = site_finding(loaded(path, f"{SMALLEST}[site.selectors]\nlead = 'p[['"))
    assert (bad.good, bad.said) == (False, "site.selectors.lead: «p[[» is not a CSS selector")


@pytest.mark.parametrize(
    ("date", "good", "said"),
    [
        ("Tue, 06 Jan 2026 12:00:00 GMT", True, "as Telegram's"),
        ("Tue, 06 Jan 2026 12:01:00 GMT", True, "as Telegram's"),
        ("Tue, 06 Jan 2026 12:01:01 -0000", False, "61 s behind Telegram's: set it, and keep it right with NTP"),
        ("Tue, 06 Jan 2026 11:00:00 GMT", False, "3600 s ahead of Telegram's: set it, and keep it right with NTP"),
        ("", True, "not compared: Telegram's answer has no date"),
        ("yesterday", True, "not compared: Telegram's answer has no date"),
    ],
)
def test_the_clock_is_compared_with_telegram_s(date: str, good: bool, said: str) -> None:
    finding = clock_finding(date, datetime(2026, 1, 6, 12, tzinfo=UTC))
    assert (finding.good, finding.said) == (good, said)


def test_the_api_s_address_ends_without_a_slash(path: Path) -> None:
    config = loaded(path, f'{TELEGRAM}api = "http://127.0.0.1:8081/"\n{FEEDS}')
    assert config.telegram.api == "http://127.0.0.1:8081"


@pytest.mark.parametrize("chat", ["news", "@ab", "@two words", "https://t.me/news", "-1001", "@" + "a" * 33])
def test_a_channel_is_a_name_or_a_number(path: Path, chat: str) -> None:
    said = "channels.0.chat: write @name or a number like -1001234567890"
    assert complaint(path, f'{SMALLEST}[[channels]]\nchat = "{chat}"') == said


@pytest.mark.parametrize("chat", ["@news_asia", -1001234567890])
def test_a_channel_is_kept_as_it_is_written(chat: str | int) -> None:
    assert Channel(chat=chat).chat == chat


def test_only_languages_elchi_speaks_are_taken(path: Path) -> None:
    assert complaint(path, f'{SMALLEST}[site]\nlanguages = ["de"]').startswith("site.languages.0: ")


def test_a_site_without_a_word_about_it_is_any_site(path: Path) -> None:
    site = loaded(path, SMALLEST).site
    assert (site.url, site.adapter, site.one_article, site.comments) == (None, "generic", True, "#comments")
    assert not any(site.selectors.model_dump().values())


def test_a_site_may_be_told_how_to_read_its_pages(path: Path) -> None:
    text = f'{SMALLEST}[site]\nurl = "https://e.kg/"\nadapter = "news-asia"\none_article = false\ncomments = ""\n'
    site = loaded(path, f'{text}[site.selectors]\nlead = "p.lead"\n').site
    assert (site.url, site.adapter, site.one_article, site.comments) == ("https://e.kg/", "news-asia", False, "")
    assert (site.selectors.title, site.selectors.lead) == ("", "p.lead")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('url = "e.kg"', "site.url: write an address that begins with https:// or http://"),
        ('adapter = "news-asya"', "site.adapter: Input should be 'news-asia' or 'generic'"),
        ("[site.selectors]\nx = 'h1'", "unknown key site.selectors.x (known: title, lead, image, breadcrumb)"),
        ("[site.selectors]\nled = 'p'", "unknown key site.selectors.led (did you mean lead?)"),
    ],
)  # fmt: skip
def test_a_mistake_about_the_site_is_named(path: Path, text: str, said: str) -> None:
    assert complaint(path, f"{SMALLEST}[site]\n{text}") == said


@pytest.mark.parametrize("comments", ["comments", "#", "# a", "https://e.kg", "#a\\n", "#" + "a" * 101])
def test_what_leads_to_the_comments_goes_after_an_address(path: Path, comments: str) -> None:
    said = 'site.comments: write what follows the address of an article, like "#comments", or nothing'
    assert complaint(path, f'{SMALLEST}[site]\ncomments = "{comments}"') == said


@pytest.mark.parametrize("text", [f"feeds = []\n{TELEGRAM}", f"{SMALLEST}[site]\nlanguages = []"])
def test_an_empty_list_is_told_that_it_needs_one(path: Path, text: str) -> None:
    assert "at least 1 item" in complaint(path, text)


def test_the_environment_s_token_wins(path: Path) -> None:
    assert loaded(path, SMALLEST, token="7:ENV").telegram.token.get_secret_value() == "7:ENV"
    assert loaded(path, FEEDS, token="7:ENV").telegram.token.get_secret_value() == "7:ENV"
    assert loaded(path, SMALLEST, token="").telegram.token.get_secret_value() == TOKEN


def test_a_bad_token_from_the_environment_is_no_better(path: Path) -> None:
    assert "this is not a bot token" in complaint(path, SMALLEST, token=f"{TOKEN} ")


def test_the_token_is_not_shown(path: Path) -> None:
    config = loaded(path, SMALLEST)
    shown = (repr(config), str(config), f"{config.telegram}", repr(config.model_dump()), config.model_dump_json())
    assert not [said for said in shown if SECRET in said]


def test_the_password_of_the_database_is_not_shown(path: Path) -> None:
    url = "postgresql+asyncpg://elchi:hunter2@db/elchi"
    config = loaded(path, f'{SMALLEST}[storage]\nurl = "{url}"')
    assert config.storage.url == url
    assert "hunter2" not in f"{config!r} {config} {config.storage!r}"


@pytest.mark.parametrize(
    "text",
    [
        f'[telegram]\ntoken = "{TOKEN}!"\n{FEEDS}',
        f'[telegram]\n"{TOKEN}" = 1\n{FEEDS}',
        f"[telegram]\n{SECRET} = 1\n{FEEDS}",
        f'["{TOKEN}"]\n["{TOKEN}"]\n',
        f'[telegram]\ntoken = ["{TOKEN}"]\n{FEEDS}',
        f'[telegram]\ntoken = "{TOKEN}"\ntokn = "{TOKEN}"\n{FEEDS}',
        f'telegram = "{TOKEN}"\n{FEEDS}',
        f'[telegram]\ntoken = "{TOKEN}\n',
        f"[telegram]\ntoken = {TOKEN}\n",
        f"[telegram]\n{TOKEN}\n",
        f'[telegram]\ntoken = "{TOKEN}"\ntoken = "{TOKEN}"\n',
        f'{TELEGRAM}editors_chat = "{TOKEN}"\n{FEEDS}',
        f'{SMALLEST}[[channels]]\nchat = "{TOKEN}"\n',
        f'{SMALLEST}every = "{TOKEN}"\n',
    ],
)
def test_no_complaint_quotes_the_token(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"


def test_a_file_that_is_not_toml_says_where(path: Path) -> None:
    assert complaint(path, "[telegram\ntoken").endswith("is not valid TOML: at line 1, column 10")


def test_a_file_that_is_not_there_says_what_to_do(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not exist: copy config\.example\.toml"):
        load(path, {})


def test_a_file_that_cannot_be_read_is_said(path: Path) -> None:
    path.write_bytes("[site]\nname = «Вести»".encode("cp1251"))
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path.parent, {})
