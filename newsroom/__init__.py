"""What a newsroom knows: values and pure rules, with no network and no database."""
