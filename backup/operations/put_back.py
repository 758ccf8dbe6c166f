"""Puts one thing back that a search has found: first the bytes that its rows name, then the rows."""

from __future__ import annotations

import json
from typing import Any

from appliance.agent import search_results
from appliance.agent.operations import performing
from appliance.node import Node
from appliance.paths import Paths
from backup import blobs, settings
from backup.blob import Blob
from backup.operations.back_up import TROUBLE
from backup.portal import manage
from backup.rclone import Vault
from backup.settings import BackupRefused

BLOB = "files.blob"


def main() -> None:
    with performing(*TROUBLE) as journal:
        node = Node.load(Paths.from_environment())
        said, chosen = journal.arguments, settings.load(node.paths)
        reader = str(said["reader"])
        seen, rows = search_results.packed_of(node.paths, str(said["id"]), int(said["number"]), reader)
        title = seen.things[int(said["number"]) - 1].title
        journal.progress(f"Putting back: {title}")
        vault = Vault(node, chosen, chosen.target(seen.target))
        _, missing = blobs.bring_back(vault, blobs_of(rows))
        missing = blobs.bring_back_from_any(vault.others, missing)
        if missing:
            raise BackupRefused(
                f"{len(missing)} of its files are in no backup any more: nothing was changed."
            )
        question = json.dumps({"kind": seen.kind, "rows": rows, "reader": reader})
        done = manage(node, "kept", "put-back", stdin=question, check=False)
        if done.code != 0:
            raise BackupRefused(done.stderr.strip().splitlines()[-1].removeprefix("CommandError: "))
        journal.end("done", f"It is back: {json.loads(done.stdout)}")


def blobs_of(rows: list[dict[str, Any]]) -> list[Blob]:
    """The bytes that these rows name."""
    values = [row["values"] for row in rows if row["model"] == BLOB]
    return [Blob(one["key"], one["size"], one["sha256"]) for one in values]


if __name__ == "__main__":
    main()
