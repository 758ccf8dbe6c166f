"""A box in a scratch folder, on free ports, as any user: for development and tests.

    python -m appliance.scratch start DIR [SERVICE ...]     database, objects and cache unless named
    python -m appliance.scratch stop DIR

The installer does more (the release, migrations, the first administrator); this is what a portal under test
needs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from appliance import certificates, config, folders, service_files, users
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import named
from appliance.services.database import setup as database_setup
from appliance.services.objects import setup as objects_setup
from appliance.services.objects.service import STORE_PORTS, reserve_ports
from appliance.supervise.base import SupervisorError
from appliance.supervise.supervisord import Supervisord

DEFAULT = ("database", "objects", "cache")


def create(prefix: Path) -> Node:
    """Users, folders, box.toml with free ports, secrets and a certificate; what is there stays."""
    paths = Paths(prefix)
    _refuse_unreachable(prefix)
    users.create()
    folders.prepare(paths)
    if not paths.box_toml.exists():
        store = reserve_ports(paths.prefix, more=2)
        http, https = store + STORE_PORTS, store + STORE_PORTS + 1
        paths.box_toml.write_text(
            'hostname = "localhost"\n\n'
            f"[balancer]\nhttp_port = {http}\nhttps_port = {https}\n\n"
            f"[objects]\nport = {store}\n\n"
            '[node]\nlisten = ["127.0.0.1"]\nweb_workers = 2\n',
            encoding="utf-8",
        )
    config.create_secrets(paths)
    certificates.ensure(paths, config.load(paths).public_name, ("127.0.0.1",))
    return Node.load(paths)


def start(node: Node, *services: str) -> None:
    """Start these services (default: database, objects, cache) and set up the database and the bucket."""
    names = services or DEFAULT
    # The portal's file always: a portal under test is started by whoever tests it.
    service_files.apply(node, only=tuple(named(name) for name in dict.fromkeys((*names, "web"))))
    supervisor = Supervisord(node)
    if "database" in names:
        database_setup.create_cluster(node)
    supervisor.apply()
    supervisor.start(*names)
    if "database" in names:
        database_setup.set_up(node)
    if "objects" in names:
        objects_setup.set_up(node)


def stop(node: Node) -> None:
    """Stop everything of the box, its supervisor too."""
    Supervisord(node).shut_down()


def _refuse_unreachable(prefix: Path) -> None:
    """Root's services have users of their own, who must be able to walk to the box."""
    if not users.are_separated():
        return
    for folder in prefix.parents:
        if folder.exists() and not folder.stat().st_mode & 0o001:
            raise SupervisorError(
                f"The services' users cannot enter {folder}: `chmod o+x {folder}`, or choose another folder."
            )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m appliance.scratch", description=__doc__)
    parser.add_argument("action", choices=("start", "stop"))
    parser.add_argument("prefix", type=Path)
    parser.add_argument("services", nargs="*")
    given = parser.parse_args(arguments)
    prefix = given.prefix.absolute()
    if given.action == "stop":
        stop(Node.load(Paths(prefix)))
        return 0
    node = create(prefix)
    start(node, *given.services)
    sys.stdout.write(f"KOROBKA_PREFIX={prefix}\nKOROBKA_CONFIG={node.generated('portal')}/portal.json\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
