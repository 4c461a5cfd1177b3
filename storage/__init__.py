"""SQL and nothing but SQL: gives and takes newsroom values."""
