"""Thousands listen to one process: it holds what it needs and nothing beside."""

from __future__ import annotations

import os
import subprocess
import sys

# Each takes megabytes, in every process that has loaded it.
HEAVY = ("openpyxl", "PIL", "minio", "ldap3", "ldap", "gssapi", "webauthn", "phonenumbers")


def test_the_push_service_loads_no_library_that_it_never_uses() -> None:
    script = f"import sys, box.asgi; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
