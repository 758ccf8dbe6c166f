"""axe-core: what a machine can tell about whether everybody can use a page."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.e2e.boxes import ROOT

AXE = ROOT / "box/frontend/node_modules/axe-core/axe.min.js"
GRAVE = ("serious", "critical")


@cache
def _axe() -> str:
    assert AXE.exists(), f"{AXE} is missing: `make frontend` brings it."
    return AXE.read_text(encoding="utf-8")


def problems(page: Page) -> list[str]:
    """What is serious or critical on the page as it is shown now."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found: dict[str, Any] = page.evaluate(
        "() => axe.run(document, { resultTypes: ['violations'], elementRef: false })"
    )
    return [
        f"{violation['impact']} {violation['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
