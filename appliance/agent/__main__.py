"""`python -m appliance.agent`: serves the socket, watches the disk, takes up what was interrupted."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
from datetime import UTC, datetime

from appliance import certificates, folders, service_files
from appliance.agent import applied_config, operations, scaling_workers
from appliance.agent.applied_config import load_node
from appliance.agent.disk import Guard
from appliance.agent.scaling_workers import WorkerScaler
from appliance.agent.server import Server
from appliance.files import give, open_file, write_atomically
from appliance.paths import Paths
from appliance.periodic import every
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.services.balancer.service import progress_file
from appliance.supervise import supervisor_for

log = logging.getLogger("appliance.agent")

DISK_SECONDS = 1.0
RECOVERY_SECONDS = 5.0
TELLING_SECONDS = 1.0
CERTIFICATE_SECONDS = 6 * 3600.0


def main() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    paths = Paths.from_environment()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folders.prepare(paths)
    lock_file = paths.run / "agent/agent.lock"
    # The portal comes to the socket beside it. Who can open the file could lock it, and keep the agent out.
    with os.fdopen(open_file(lock_file, os.O_WRONLY | os.O_CREAT), "w") as lock:
        give(lock_file, mode=0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another agent serves {paths.run / 'agent'}: stop it with `boxctl stop agent`.")
        guard = Guard(paths)
        every(DISK_SECONDS, guard.tick)
        every(RECOVERY_SECONDS, lambda: operations.recover(paths))
        every(TELLING_SECONDS, lambda: tell_balancer(paths))
        every(CERTIFICATE_SECONDS, lambda: renew_certificate(paths))
        scaler = WorkerScaler(paths)
        every(scaling_workers.TICK_SECONDS, lambda: scaler.tick(datetime.now(UTC)))
        node = load_node(paths)
        if not applied_config.file_of(paths).exists():
            applied_config.remember(paths)
        with Server(paths, node.name) as server:
            log.info("Listening at %s.", server.path)
            server.serve_forever(poll_interval=3600)


def tell_balancer(paths: Paths) -> None:
    """Note how far an operation is that keeps the portal down: the page says it that people see then."""
    file = progress_file(paths)
    # It claims the services alone: only the newest ones can be unfinished.
    for state in operations.list_states(paths, limit=3):
        if state.state == "running" and state.kind in operations.KEEPS_PORTAL_DOWN:
            step = state.progress
            text = f"{step.done}\n{step.total}\n{step.text}\n"
            write_atomically(file, text, mode=0o644)
            return
    file.unlink(missing_ok=True)


def renew_certificate(paths: Paths) -> None:
    """Renew the box's own certificate before its end, and warn in time of the end of a given one."""
    if certificates.current(paths) is None:
        return
    node = applied_config.in_force(paths)
    name = node.box.public_name
    certificates.ensure(paths, name, certificates.addresses_of(name))
    served = node.generated(BALANCER.name) / "portal.pem"
    if served.exists() and served.read_bytes() != (paths.tls / "portal.pem").read_bytes():
        service_files.apply(node, only=(BALANCER,))
        supervisor_for(node).reload(BALANCER.name)
    state = certificates.info(paths)
    days = (state.not_after - datetime.now(UTC)).days
    if not state.is_own and days < certificates.RENEW_BEFORE.days:
        log.warning("The certificate ends in %d days: ask for a new one with `boxctl certificate csr`.", days)


if __name__ == "__main__":
    main()
