"""What people press: a Telegram update becomes one service call and an answer."""
