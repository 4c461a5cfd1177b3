"""A Telegram of one's own: a strict Bot API server on loopback, with no token and no network."""
