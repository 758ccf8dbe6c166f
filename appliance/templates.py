"""Renders the configuration templates that lie beside what they configure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(  # noqa: S701 - configuration files, not HTML
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(template: str, **values: Any) -> str:
    """`template` is named from this folder: `services/database/postgresql.conf.j2`."""
    return _ENVIRONMENT.get_template(template).render(**values)
