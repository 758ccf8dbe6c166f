"""Pages as PDF, made by a process of its own that takes so much and no more: see `box.lib.pdf.renderer`."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

log = logging.getLogger(__name__)

SECONDS = 60.0
LARGEST_PAGE = 4 * 2**20
_PROGRAM = Path(__file__).with_name("renderer.py")


class NotRendered(Exception):
    """The renderer took more than it may, or found no way to make a PDF of this."""


def pdf_of(html: str) -> bytes:
    """The page as PDF. What it shows stands in it (`data:`): nothing is fetched. Raises NotRendered."""
    page = html.encode()
    if len(page) > LARGEST_PAGE:
        raise NotRendered(f"the page has {len(page)} bytes, at most {LARGEST_PAGE} are rendered")
    command = [sys.executable, "-I", str(_PROGRAM)]
    try:
        done = subprocess.run(
            command, input=page, capture_output=True, env={}, cwd="/", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotRendered(f"the renderer took more than {SECONDS:.0f} s") from None
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise NotRendered(f"the renderer ended with {done.returncode}: {said[-300:]}")
    return done.stdout
