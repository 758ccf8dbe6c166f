"""Another user of the machine, who looks at what there is of a box."""

from __future__ import annotations

import json

from .living import Box

PYTHON = "/usr/bin/python3"

# Prints what of the folders can be read or written, links and sockets aside, one JSON line each.
_LOOK = """
import json, os, stat, sys
for folder in sys.argv[1:]:
    for place, folders, files in os.walk(folder):
        for name in (*files, *folders, "."):
            path = os.path.normpath(os.path.join(place, name))
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if stat.S_ISLNK(mode) or stat.S_ISSOCK(mode):
                continue
            if os.access(path, os.W_OK):
                print(json.dumps(["w", path]))
            if stat.S_ISREG(mode) and os.access(path, os.R_OK):
                print(json.dumps(["r", path]))
"""

# Prints those of the sockets that let it in.
_CONNECT = """
import socket, sys
for path in sys.argv[1:]:
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(2)
            s.connect(path)
        print(path)
    except OSError:
        pass
"""


def run_as(box: Box, user: str, program: str, *arguments: str, stdin: str = "") -> str:
    return box.run([PYTHON, "-c", program, *arguments], user=user, stdin=stdin).stdout


def found_by(box: Box, user: str, *folders: str) -> set[tuple[str, str]]:
    """What this user may read ("r") or write ("w"), each with its path."""
    return {(way, path) for way, path in map(json.loads, run_as(box, user, _LOOK, *folders).splitlines())}


def let_in(box: Box, user: str, *sockets: str) -> list[str]:
    """Those of the sockets that do."""
    return run_as(box, user, _CONNECT, *sockets).split()
