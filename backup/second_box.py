"""A second box beside the box, made from a set: to see whether it lives, or to take one thing out of it.

It has folders, ports and processes of its own and knows no repository, so that it can neither archive nor
copy anything. What it does, it does in namespaces of the kernel: when whoever made it dies, all of its
processes die, and its folder is removed by the next one, or by the service.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from appliance import as_owner, certificates, config, folders, service_files, users
from appliance.agent import operations
from appliance.files import ensure_folder, write_atomically
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import named
from appliance.services.database import setup
from appliance.services.database.names import cluster
from appliance.services.objects.service import LOOPBACK, reserve_ports
from appliance.supervise import processes, supervisor_for
from appliance.supervise.supervisord import Supervisord
from backup import pgbackrest, sets, store_authorities
from backup.operations.restore import wait_until_recovered
from backup.portal import manage
from backup.rclone import Vault
from backup.sets import BackupSet
from backup.settings import BackupRefused, Settings, Target

_MEMORY_MB = 2048
_SWEEP_SECONDS = 60.0
_SERVICES = ("database", "objects", "cache", "web", "push", "balancer")


def place_of(node: Node, name: str) -> Path:
    """Where the second box called `name` lies."""
    return node.paths.data / "beside" / name


def command(node: Node, name: str, *words: str) -> list[str]:
    """The command that runs `python -m backup.second_box WORDS`, all of whose processes die with it."""
    if not users.are_separated():
        raise BackupRefused("A second box beside this one needs root, who alone can cut it off.")
    # unshare itself would not hear a gentler word, and what it has started hangs on it.
    launch = ["setpriv", "--pdeathsig", "KILL", "--"]
    launch += ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    if supervisor_for(node).__class__ is not Supervisord:
        # Not in the agent's own unit, whose memory is bounded by what an agent needs.
        launch = [
            "systemd-run", "--scope", "--quiet", "--collect", f"--unit=korobka-{name}",
            f"--property=MemoryMax={_MEMORY_MB}M", "--", *launch,
        ]  # fmt: skip
    return [*launch, str(node.python), "-P", "-m", *words]


def sweep(node: Node, name: str) -> None:
    """Remove what is left of one that was interrupted."""
    place = place_of(node, name)
    if not place.exists():
        return
    deadline = time.monotonic() + _SWEEP_SECONDS
    while place.exists():
        if time.monotonic() > deadline:
            raise BackupRefused(f"{place} cannot be removed: is it mounted, or used by somebody?")
        # They are dying already, with what has started them; until they are dead they write.
        processes.end(processes.marked(place), seconds=5)
        shutil.rmtree(place, ignore_errors=True)
        time.sleep(0.1)


def sweep_left(node: Node) -> None:
    """Remove those that nobody works at any more: an operation that was cancelled, or given up."""
    folder = node.paths.data / "beside"
    busy = {journal.kind for journal in operations.unfinished(node.paths)}
    for place in folder.iterdir() if folder.is_dir() else ():
        if place.name not in busy:
            sweep(node, place.name)


# PostgreSQL recovers with no fewer than there were when the log was written (its manual, "Hot Standby").
_OF_THE_SET = ("database.max_connections",)


def prepare(node: Node, chosen: Settings, target: Target, one: BackupSet, name: str) -> Node:
    """A box of its own for the data of a set, configured as this one is, with what would reach out of it left
    out. Its secrets and its certificate are its own.

    Of the configuration of the set it has what its data cannot be read without, and nothing else: whoever has
    written into the repository says neither what root reads here nor what is started.
    """
    place = place_of(node, name)
    paths = Paths(place)
    ensure_folder(place.parent, mode=0o755)
    ensure_folder(place, mode=0o755)
    folders.prepare(paths)
    _, held = sets.configuration_of(node, Vault(node, chosen, target), one)
    values: dict[str, config.Value] = {
        **{name: config.value_of(node.box, name) for name in config.KEYS},
        **{name: config.value_of(held.box, name) for name in _OF_THE_SET},
        "objects.engine": "seaweedfs" if node.box.objects.engine == "external" else node.box.objects.engine,
        "objects.port": reserve_ports(place),
        "telephony.phones": (),
        "telephony.ca_file": "",
        "database.memory_mb": 256,
        "node.listen": (LOOPBACK,),
        "node.web_workers": 1,
    }
    write_atomically(paths.box_toml, config.text_of(values), mode=0o644)
    config.create_secrets(paths, {"secret_key": held.secret_key})
    beside = Node.load(paths)
    certificates.ensure(paths, beside.box.public_name)
    if (bundle := store_authorities.bundle(node)).exists():
        write_atomically(store_authorities.bundle(beside), bundle.read_bytes(), mode=0o644)
    return beside


def bring_database(node: Node, beside: Node, target: Target, one: BackupSet) -> None:
    """The database as it was when the set was made, recovered and running."""
    into = cluster(beside)
    as_owner.make_folder(into, users.account(users.DATABASE))
    pgbackrest.restore(
        node,
        target,
        one.label,
        into,
        moment=None,
        timeline=None,
        is_another_box=True,
        heard=lambda _, __: None,
    )
    service_files.apply(beside, only=tuple(named(name) for name in _SERVICES))
    supervisor = Supervisord(beside)
    supervisor.apply()
    wait_until_recovered(beside, supervisor)


def bring_up_to_date(beside: Node) -> None:
    """Roles, and the tables as this version has them: what a restore does as well."""
    setup.set_up(beside)
    if manage(beside, "migrate", "--check", check=False).code != 0:
        manage(beside, "migrate", "--noinput", as_owner=True)
