"""The subcommands of `boxctl backup`."""
