"""The pages for administrators say what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance import cli, config

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("key", config.KEYS)
def test_every_key_of_the_configuration_is_described(key: str) -> None:
    name = config.KEYS[key].name
    assert f"| `{name}` |" in (DOCS / "admin/configuration.md").read_text()


@pytest.mark.parametrize("command", cli.SUBCOMMANDS)
def test_every_command_is_described(command: str) -> None:
    assert f"boxctl {command}" in (DOCS / "admin/boxctl.md").read_text()
