"""A program of the company's that makes machines and ends them, such as a script for its hypervisor.

It is called `PROGRAM create` and `PROGRAM end`, as root, on the node that decides, with a JSON object on its
standard input, and says in its exit code whether it was done; the last line of its standard error says why
not. `create` is told `name`, how the machine has to be called; `join`, the words of the command that makes it
a node, the token among them, to be run there after Korobka is installed; and `reason`, a sentence. `end` is
told `name`, and may be called again for the same one: a machine that is gone already is ended.
"""

from __future__ import annotations

import json
from pathlib import Path

from appliance.runner import CommandFailed, run

SECONDS = 15 * 60
MOST_WORDS = 300


class ProviderFailed(Exception):
    """It was not done; the text is the program's own last line."""


def create(program: Path, *, name: str, join: tuple[str, ...], reason: str, secret: str) -> None:
    """Have a machine made that joins by itself; `secret` is what of `join` is never said again."""
    _call(program, "create", {"name": name, "join": list(join), "reason": reason}, secret=secret)


def end(program: Path, *, name: str) -> None:
    """Have that machine ended, which is no node any more."""
    _call(program, "end", {"name": name})


def _call(program: Path, verb: str, told: dict[str, object], *, secret: str = "") -> None:
    try:
        done = run([program, verb], stdin=json.dumps(told), timeout=SECONDS, check=False, cwd=Path("/"))
    except TimeoutError:
        raise ProviderFailed(f"{program} {verb} has not ended within {SECONDS // 60} min.") from None
    except (OSError, CommandFailed):
        raise ProviderFailed(f"{program} cannot be run: is it there, and executable?") from None
    if done.code:
        said = (done.stderr.strip().splitlines() or [f"it ended with code {done.code}"])[-1]
        if secret:
            # A script that is being mended often says every word of its own.
            said = said.replace(secret, "[secret]")
        plain = "".join(letter if letter.isprintable() else " " for letter in said)
        raise ProviderFailed(f"{program} {verb}: {plain[:MOST_WORDS]}")
