"""Moments as people are told them, and type them back: in the company's time, with its offset."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from appliance.node import Node

_zone: tzinfo = UTC


def use_zone_of(node: Node) -> None:
    """Whatever this program says from now on, it says in the time of this box's company."""
    global _zone  # noqa: PLW0603 - a program speaks to one company
    _zone = ZoneInfo(node.box.time_zone)


def shown(at: datetime) -> str:
    """Such as `2026-11-24 17:30:00+03:00`, which `--to` takes."""
    return at.astimezone(_zone).isoformat(sep=" ", timespec="seconds")


def understood(text: str, zone: tzinfo) -> datetime:
    """What somebody typed; without an offset it is meant in this zone. Raises `ValueError`."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
