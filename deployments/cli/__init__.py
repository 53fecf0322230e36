"""The `small4` command: `app` joins its subcommands, and `main` runs it."""
