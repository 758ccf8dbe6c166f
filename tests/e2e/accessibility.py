"""axe-core: what a machine can tell about whether everybody can use a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.e2e.boxes import ROOT

AXE = ROOT / "box/frontend/node_modules/axe-core/axe.min.js"
GRAVE = ("serious", "critical")
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules on which another theme has a bearing."""


@cache
def _axe() -> str:
    assert AXE.exists(), f"{AXE} is missing: `make frontend` brings it."
    return AXE.read_text(encoding="utf-8")


def problems(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What is serious or critical on the page as it is shown now, by all rules or by these."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    options: dict[str, Any] = {"resultTypes": ["violations"], "elementRef": False}
    if rules:
        options["runOnly"] = list(rules)
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{violation['impact']} {violation['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
