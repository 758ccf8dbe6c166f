"""The root daemon: typed operations over a Unix socket. It decides nothing and runs nothing free."""
