"""The real parts that tests speak to: a PostgreSQL, an object store and a memcached of their own.

    python -m tests.parts start     starts them, or finds them running; prints the file for KOROBKA_CONFIG
    python -m tests.parts stop

They are a scratch box's, made by the appliance itself. Tests make databases and buckets of their own, so here
the portal connects as whoever may create them.
"""

from __future__ import annotations

import compileall
import json
import re
import sys
from pathlib import Path

from appliance import scratch
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.database.setup import query
from tests.prefixes import scratch_prefix

ROOT = Path(__file__).resolve().parents[1]
PREFIX = scratch_prefix("tests")


def start() -> Path:
    _compile()
    PREFIX.mkdir(mode=0o755, exist_ok=True)
    if PREFIX.owner() != Path("/proc/self").owner():
        raise SystemExit(f"{PREFIX} is {PREFIX.owner()}'s: remove it, or run the tests as {PREFIX.owner()}.")
    node = scratch.create(PREFIX)
    scratch.start(node)
    # What tests write need not survive the machine. What has to is tested on boxes of their own.
    query(node, "ALTER SYSTEM SET fsync = off", database="postgres")
    query(node, "SELECT pg_reload_conf()", database="postgres")
    portal = json.loads((node.generated("portal") / "portal.json").read_text())
    portal["database"] |= {"user": "postgres", "owner": "postgres"}
    portal["objects"] |= {
        "access_key": node.secrets.objects_admin_access_key,
        "secret_key": node.secrets.objects_admin_secret_key,
    }
    # Nothing is collected in a checkout: pages find the files where they lie.
    portal["static_root"] = str(PREFIX / "static")
    config = PREFIX / "tests.json"
    config.touch(mode=0o600)
    config.write_text(json.dumps(portal, indent=1))
    return config


def _compile() -> None:
    """Once for all the processes that tests start: the portal's own user may write no compiled files here,
    and to compile the portal each time is a quarter of what a start of it costs."""
    for package in ("appliance", "backup", "box", "installer"):
        compileall.compile_dir(ROOT / package, quiet=2, rx=re.compile("node_modules"))


def stop() -> None:
    """Stops what `start` has started; nothing may have been."""
    if PREFIX.is_dir():
        scratch.stop(Node.load(Paths(PREFIX)))


if __name__ == "__main__":
    if sys.argv[1:] == ["stop"]:
        stop()
    else:
        sys.stdout.write(f"{start()}\n")
