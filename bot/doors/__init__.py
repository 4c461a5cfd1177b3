"""Where things come in: updates by long poll, and the way from the inbox to a handler."""
