"""Writes a set into one encrypted file, which has its name when it is whole. Interrupted, it begins again."""

from __future__ import annotations

from pathlib import Path

from appliance.agent.operations import performing
from appliance.node import Node
from appliance.paths import Paths
from backup import child_messages, download_file, drills, moments, second_box, sets, settings
from backup.operations.back_up import TROUBLE
from backup.progress import size
from backup.rclone import Vault


def main() -> None:
    with performing(*TROUBLE) as journal:
        node = Node.load(Paths.from_environment())
        moments.use_zone_of(node)
        said = journal.arguments
        file = Path(str(said["file"]))
        part = file.with_name(f"{file.name}.part")
        words = ["backup.download_file", f"--file={part}"]
        words += [f"--{name}={said[name]}" for name in ("target", "set", "recipient")]
        second_box.sweep(node, download_file.PLACE)
        sets.sweep_staging(node)
        chosen = settings.load(node.paths)
        target = chosen.target(str(said["target"]))
        one = sets.chosen(sets.known(node, target), str(said["set"]))
        listed = sets.blobs_of(node, Vault(node, chosen, target), one.label)
        drills.require_room(node, one, more=download_file.passing(node, one, listed, file))
        try:
            heard = child_messages.receive(node, download_file.PLACE, words, journal)
            missing = sum(said["missing"] for said in heard if "missing" in said)
            part.rename(file)
        finally:
            part.unlink(missing_ok=True)
            second_box.sweep(node, download_file.PLACE)
        done = f"{said['set']} is in {file}: {size(file.stat().st_size)}."
        if missing:
            done += f" {missing} files are damaged or missing, and not in it: MISSING in it names them."
        journal.end("done", done)


if __name__ == "__main__":
    main()
