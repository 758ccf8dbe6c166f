"""Renders the configuration templates that lie beside what they configure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from appliance import quoting

_ENVIRONMENT = Environment(  # noqa: S701 - configuration files, not HTML
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    # No value brings a line of its own, whatever a template does with it.
    finalize=quoting.one_line,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {
    "haproxy": quoting.haproxy,
    "postgresql": quoting.postgresql,
    "toml": quoting.toml,
}


def render(template: str, **values: Any) -> str:
    """`template` is named from this folder: `services/database/postgresql.conf.j2`.

    Raises `quoting.Unwritable` for a value that is more than a line.
    """
    return _ENVIRONMENT.get_template(template).render(**values)
