"""What a drill does, in namespaces of its own: `python -m backup.drill_child`, started by the operation.

First the database recovers and the files come back, for which the repository may have to be reached. Then all
is stopped and started again without any network, which is where the portal itself is let run: whatever it
wants to send, nobody hears it. See `backup.child_messages` for how it speaks.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import http.client
import json
import socket
import ssl
import struct
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from appliance import runner
from appliance.agent.answers import DrillCheck
from appliance.agent.codec import encode
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.objects import setup as objects
from appliance.services.objects.service import LOOPBACK
from appliance.supervise.supervisord import Supervisord
from backup import blobs, row_counts, second_box, sets, settings
from backup.blob import Blob
from backup.child_messages import channel, relay, send, send_progress
from backup.portal import manage
from backup.rclone import Moved, Vault
from backup.sets import BackupSet
from backup.settings import Settings, Target

NAME = "drill"
_STARTED = ("database", "objects", "cache", "web", "push", "balancer")
_SECONDS = 30
_PIECE = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="")
    parser.add_argument("--set", default="")
    parser.add_argument("--file-bytes", type=int, default=0)
    parser.add_argument("--cut-off", action="store_true", help="the second half, without a network")
    given = parser.parse_args()
    node = Node.load(Paths.from_environment())
    with channel():
        if given.cut_off:
            live(Node.load(Paths(second_box.place_of(node, NAME))), json.loads(sys.stdin.readline()))
            return
        chosen = settings.load(node.paths)
        target = chosen.target(given.target)
        one = next(one for one in sets.known(node, target) if one.label == given.set)
        bring_back(node, chosen, target, one, given.file_bytes)


def bring_back(node: Node, chosen: Settings, target: Target, one: BackupSet, file_bytes: int) -> None:
    send_progress("Reading the configuration.")
    copy = second_box.prepare(node, chosen, target, one, NAME)
    send_progress("Bringing the database back.")
    second_box.bring_database(node, copy, target, one)
    found(DrillCheck("database"))
    counted = row_counts.count(copy)
    wrong = row_counts.outside(counted, one.rows)
    rows = sum(table.rows for table in counted.tables.values())
    found(DrillCheck("rows", rows, len(counted.tables), "; ".join(wrong[:10])))
    second_box.bring_up_to_date(copy)
    supervisor = Supervisord(copy)
    supervisor.start("objects", "cache")
    objects.set_up(copy)
    picked = newest(sets.blobs_of(node, Vault(node, chosen, target), one.label), file_bytes)

    def heard(moved: Moved) -> None:
        send_progress("Bringing files back.", moved.done >> 20, max(moved.total >> 20, 1))

    _, missing = blobs.bring_back(Vault(copy, chosen, target), picked, heard)
    asked = json.loads(manage(copy, "drill").stdout)
    keys = {blob.key for blob in picked}
    asked["files"] = [file for file in asked["files"] if file["key"] in keys]
    asked["missing"] = len(missing)
    send_progress("Starting it without a network.")
    supervisor.shut_down()
    words = ["unshare", "--net", "--", str(node.python), "-P", "-m", "backup.drill_child", "--cut-off"]
    for line in runner.stream(words, stdin=json.dumps(asked) + "\n"):
        relay(line)


def newest(listed: Iterator[Blob], most: int) -> list[Blob]:
    """The newest blobs, of altogether so many bytes: those are the ones that are opened afterwards."""
    picked: list[Blob] = []
    for blob in reversed(list(listed)):
        if blob.size <= most:
            picked.append(blob)
            most -= blob.size
    return picked


# --- without a network


def live(copy: Node, asked: dict[str, Any]) -> None:
    """Start all of it but what works of itself, and use it as people do."""
    cards = interfaces()
    if cards != ["lo"]:
        found(DrillCheck("network", problem=f"It would reach {', '.join(cards)}."))
        return
    bring_up_loopback()
    found(DrillCheck("network"))
    Supervisord(copy).start(*_STARTED, progress=send_progress)
    page = Page(copy)
    status, path = page.visit("/")
    is_open = status == 200 and path.startswith(asked["sign_in"])
    found(DrillCheck("portal", problem="" if is_open else f"{path} answers {status}."))
    page.session = asked["session"]
    status, path = page.visit("/")
    is_inside = status == 200 and not path.startswith(asked["sign_in"])
    found(DrillCheck("sign-in", problem="" if is_inside else f"{path} answers {status}."))
    send_progress("Opening files.")
    wrong = [said for file in asked["files"] if (said := page.is_wrong(file))]
    if asked["missing"]:
        wrong.append(f"{asked['missing']} files of the set could not be brought back")
    count = len(asked["files"])
    found(DrillCheck("files", count - len(wrong), count, "; ".join(wrong[:5])))


class Page:
    """The portal as a browser on this machine sees it, through the balancer."""

    def __init__(self, copy: Node) -> None:
        self._host, self._port = copy.box.public_name, copy.box.balancer.https_port
        self.session = ""
        # Nobody else can be here: what is asked is whether it works, not who it is.
        self._trust = ssl.create_default_context()
        self._trust.check_hostname = False
        self._trust.verify_mode = ssl.CERT_NONE

    def visit(self, path: str) -> tuple[int, str]:
        """The status, and the path that it was led to."""
        with self._open(path) as (led_to, answer):
            answer.read()
            return answer.status, led_to

    def is_wrong(self, file: dict[str, Any]) -> str:
        digest, size = hashlib.sha256(), 0
        with self._open(file["path"]) as (_, answer):
            if answer.status != 200:
                return f"{file['path']} answers {answer.status}"
            # It may be larger than all the memory that a second box has.
            while piece := answer.read(_PIECE):
                digest.update(piece)
                size += len(piece)
        if size != file["size"] or file["sha256"] not in ("", digest.hexdigest()):
            return f"{file['path']} is not what it was"
        return ""

    @contextmanager
    def _open(self, path: str, *, hops: int = 5) -> Iterator[tuple[str, http.client.HTTPResponse]]:
        """The path that it is led to, and what is there, to be read within the block."""
        connection = http.client.HTTPSConnection(LOOPBACK, self._port, timeout=_SECONDS, context=self._trust)
        host = self._host if self._port == 443 else f"{self._host}:{self._port}"
        headers = {"Host": host} | ({"Cookie": f"__Host-session={self.session}"} if self.session else {})
        with closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            if answer.status not in (301, 302, 303, 307, 308) or not hops:
                yield path, answer
                return
        with self._open(_path_of(answer.headers["Location"]), hops=hops - 1) as found:
            yield found


def _path_of(address: str) -> str:
    scheme, _, rest = address.partition("://")
    return f"/{rest.partition('/')[2]}" if scheme in ("http", "https") else address


def interfaces() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex())


def bring_up_loopback() -> None:
    """As `ip link set lo up` does: netdevice(7)."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh", b"lo", 0)
        (flags,) = struct.unpack("16xh", fcntl.ioctl(handle, get_flags, request))
        fcntl.ioctl(handle, set_flags, struct.pack("16sh", b"lo", flags | up))


def found(check: DrillCheck) -> None:
    send(check=encode(check))


if __name__ == "__main__":
    main()
