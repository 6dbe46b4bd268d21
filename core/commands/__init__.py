"""The `iceblock` command: one thin module a subcommand, imported only when called."""
