"""Addresses that come with a request: in headers, which anybody writes, and in fields."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(address: str) -> SplitResult:
    """As `urlsplit`, which raises for some of what is no address (`http://[`): here that has no parts."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
