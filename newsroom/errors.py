"""Everything that can go wrong by name.

ElchiError
├── ConfigError         the configuration cannot be used
├── KeyProblem          the key outside the database is missing, wrong or unreadable
├── StorageError
│   ├── SchemaTooOld    the database waits for `elchi migrate`
│   ├── SchemaTooNew    the database was made by a later Elchi
│   └── StorageBusy     the database is locked, full or gone
├── SecondInstance      another process already works for this bot token
├── AlreadyDone         the update behind this fact has been handled before
├── Unanswered          Telegram was asked, and what came back is no answer
└── TokenRefused        Telegram does not know the token
"""


class ElchiError(Exception):
    """Elchi cannot go on with what it was doing."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").split("\n")[0]


class ConfigError(ElchiError):
    """The configuration cannot be used."""


class KeyProblem(ElchiError):
    """The key outside the database is missing, wrong or unreadable."""


class StorageError(ElchiError):
    """The database cannot be used."""


class SchemaTooOld(StorageError):
    """The database is older than this Elchi: run `elchi migrate -c config.toml`, then start again."""


class SchemaTooNew(StorageError):
    """The database was made by a later Elchi: install that version, or restore a backup."""


class StorageBusy(StorageError):
    """The database is locked, full or gone."""


class SecondInstance(ElchiError):
    """Another process already works for this bot token: stop it first."""


class AlreadyDone(ElchiError):
    """This update has been handled before."""


class Unanswered(ElchiError):
    """Telegram did not answer the question: ask again later."""


class TokenRefused(ElchiError):
    """Telegram refuses the token: ask @BotFather for a new one."""
