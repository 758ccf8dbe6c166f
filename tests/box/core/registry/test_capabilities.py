from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from box.core.registry.capabilities import console_pages, menu

SPRITE = Path(settings.BASE_DIR) / "box/frontend/dist/icons.svg"


def test_the_icon_of_every_menu_entry_is_built() -> None:
    built = set(re.findall(r'<symbol id="([a-z0-9-]+)"', SPRITE.read_text()))
    assert {entry.icon for entry in (*menu, *console_pages)} <= built
