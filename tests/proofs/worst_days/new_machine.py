"""A box is brought onto an empty machine by the steps of `install.sh --restore` that its data takes.

A process of its own: it has the new machine's time zone, locale and umask, dies, and is begun again. What is
asked comes as JSON on standard input, what came of it goes as JSON to standard output.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from typing import Any

from appliance import config, folders, service_files, users
from appliance.backup_file import is_set_up
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import named
from appliance.services.database.setup import set_up
from appliance.services.objects import setup as objects
from appliance.supervise.supervisord import Supervisord
from backup import disaster_recovery
from backup.keys import RecoveryKey

_SERVICES = ("database", "objects", "cache", "web")


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    os.umask(int(asked["umask"], 8))
    paths, said = Paths.from_environment(), list[str]()
    users.create()
    folders.prepare(paths)
    if not disaster_recovery.is_under_way(paths) and not is_set_up(paths):
        place = disaster_recovery.place(asked["place"], **asked["access"])
        moment = datetime.fromisoformat(asked["moment"]) if asked["moment"] else None
        disaster_recovery.begin(
            paths, place, RecoveryKey.parse(asked["key"]), moment=moment, version="0.1.0", say=said.append,
            host_key=asked["host_key"],
        )  # fmt: skip
    if asked["store_port"]:
        text = paths.box_toml.read_text(encoding="utf-8")
        paths.box_toml.write_text(
            config.set_value(text, "objects.port", asked["store_port"], from_console=False), encoding="utf-8"
        )
    node = Node.load(paths)
    service_files.apply(node, only=tuple(map(named, _SERVICES)))
    supervisor = Supervisord(node)
    supervisor.apply()
    is_to_do = disaster_recovery.is_under_way(paths)
    if is_to_do and not disaster_recovery.is_database_back(node):
        disaster_recovery.recover_database(node, said.append)
    supervisor.start("database", "objects", "cache")
    set_up(node)
    objects.set_up(node)
    missing = disaster_recovery.recover_files(node, said.append).missing if is_to_do else 0
    json.dump({"missing": missing, "said": said}, sys.stdout)


if __name__ == "__main__":
    main()
