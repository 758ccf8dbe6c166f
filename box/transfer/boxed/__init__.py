"""Bitrix24 boxed as a source: the dump of its MySQL database with its upload folder.

`dump` reads the statements of a dump as a stream, `extract` keeps the rows that can come where they are found
by key, and `answers` says of them what the portal's own REST methods would say. So a dump moves in by the
stages of the cloud. Why so: docs/dev/decisions/0520-dumps-are-read-and-not-run.md.
"""
