"""What pages load of Tabler is what they use of it: see box/frontend/build.mjs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "box/frontend"
WHOLE = FRONTEND / "node_modules/@tabler/core/dist/css/tabler.min.css"
CUT = FRONTEND / "dist/vendor/tabler.css"
TEMPLATES = [path for path in (ROOT / "box").rglob("jinja2/**/*.html") if "node_modules" not in path.parts]


def classes_of(sheet: Path) -> set[str]:
    text = re.sub(
        r"/\*.*?\*/|url\([^)]*\)|\"[^\"]*\"", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return set(re.findall(r"\.(-?[a-zA-Z_][\w-]*)", text))


def classes_in(template: str) -> set[str]:
    """Written out, or as the words of an expression within."""
    return {
        word for value in re.findall(r'class="([^"]*)"', template) for word in re.findall(r"[\w-]+", value)
    }


def test_every_class_of_tabler_that_a_template_names_is_there() -> None:
    whole, cut = classes_of(WHOLE), classes_of(CUT)
    used = set[str]().union(*(classes_in(path.read_text(encoding="utf-8")) for path in TEMPLATES)) & whole
    assert len(used) > 20
    assert used - cut == set()
    assert len(cut) < len(whole) / 2


def test_no_template_makes_up_the_name_of_a_class() -> None:
    """One that is put together stands nowhere whole, and would be cut. Those of tints and depths are ours."""
    texts = [path.read_text(encoding="utf-8") for path in TEMPLATES]
    values = [value for text in texts for value in re.findall(r'class="([^"]*)"', text)]
    begun = {start for value in values for start in re.findall(r"([\w-]+-)\{\{", value)}
    assert begun == {"depth-", "tint-", "tint-of-"}
