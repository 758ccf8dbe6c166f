"""Writes a set into one encrypted file, which has its name when it is whole. Interrupted, it begins again."""

from __future__ import annotations

from pathlib import Path

from appliance.agent.operations import performing
from appliance.node import Node
from appliance.paths import Paths
from backup import beside, downloading, inside, moments, sets
from backup.operations.back_up import TROUBLE
from backup.progress import size


def main() -> None:
    with performing(*TROUBLE) as journal:
        node = Node.load(Paths.from_environment())
        moments.tell_in(node)
        said = journal.arguments
        file = Path(str(said["file"]))
        part = file.with_name(f"{file.name}.part")
        words = ["backup.downloading", f"--file={part}"]
        words += [f"--{name}={said[name]}" for name in ("target", "set", "recipient")]
        beside.sweep(node, downloading.PLACE)
        sets.sweep_staging(node)
        try:
            heard = inside.hear(node, downloading.PLACE, words, journal)
            missing = sum(said["missing"] for said in heard if "missing" in said)
            part.rename(file)
        finally:
            part.unlink(missing_ok=True)
            beside.sweep(node, downloading.PLACE)
        done = f"{said['set']} is in {file}: {size(file.stat().st_size)}."
        if missing:
            done += f" {missing} files are damaged or missing, and not in it: MISSING in it names them."
        journal.end("done", done)


if __name__ == "__main__":
    main()
