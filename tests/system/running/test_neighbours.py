"""Who else is on the network or on the machine gets nothing: no object, cache entry, row or operation."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from appliance.peer_certificates import new_pair
from appliance.services.objects.service import Ports

from ..intruder import found_by, let_in, run_as
from ..living import Box, PrefixBox
from ..poster import Person

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
TCP_LISTEN, UDP_UNCONNECTED = "0A", "07"
# Of the store: how it is and how much room it has, but not what is in it.
STATUS_PAGES = ("/", "/healthz", "/status", "/cluster/status", "/ui/index.html")
PUBLIC_FILES = ("etc/korobka/box.toml", "etc/korobka/tls/ca.crt")

# Run as an ordinary user: every way into the store that needs no key. Prints what came back.
ROB = """
import http.client, itertools, json, sys
ports, keys = json.loads(sys.argv[1])
for port, key, method in itertools.product(ports, keys, ("GET", "HEAD", "PUT", "POST", "DELETE")):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        c.request(method, key, b"mine now" if method in ("PUT", "POST") else None)
        r = c.getresponse()
        print(json.dumps([port, method, key, r.status, r.read(100_000).decode(errors="replace")]))
    except Exception as error:
        print(json.dumps([port, method, key, 0, type(error).__name__]))
    finally:
        c.close()
"""

# Run as an ordinary user: says hello in HTTP/2 with a certificate, and prints how each port received it.
GREET = """
import json, socket, ssl, sys, tempfile
ports, certificate, key = json.load(sys.stdin)
with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
    pair.write(certificate + key)
    pair.flush()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(pair.name)
    context.set_alpn_protocols(["h2"])
for port in ports:
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5)) as connection:
            connection.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes(3) + bytes([4]) + bytes(5))
            print("welcome" if connection.recv(9) else "refused")
    except OSError:
        print("refused")
"""


# --- from the network


def test_nothing_but_the_balancer_listens_outside(box: Box) -> None:
    if isinstance(box, PrefixBox):
        found = list(_listening(box))
        balancer = {process.pid for process in box.processes("balancer")}
        outside = {(pid in balancer, port) for pid, address, port in found if address not in LOOPBACK}
        settings = json.loads(box.boxctl("config", "show", "balancer", "--json").stdout)
        assert outside == {(True, settings["balancer.http_port"]), (True, settings["balancer.https_port"])}
        assert len({port for _, address, port in found if address in LOOPBACK}) >= 8, "the store's, at least"
    else:
        # The whole machine: whoever listens there, was brought by the box.
        outside_ports = {port for address, port in _machine_sockets(box) if address not in LOOPBACK}
        assert outside_ports == {80, 443}


def _listening(box: Box) -> Iterator[tuple[int, str, int]]:
    for process in box.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            for connection in process.net_connections("inet"):
                waits = connection.status == psutil.CONN_LISTEN
                waits = waits or (connection.type == socket.SOCK_DGRAM and not connection.raddr)
                if waits and connection.laddr:
                    yield process.pid, connection.laddr.ip, connection.laddr.port


def _machine_sockets(box: Box) -> Iterator[tuple[str, int]]:
    """Every socket of the machine's network that waits for somebody, from its /proc/net."""
    folder = Path(f"/proc/{box.everything()[0].pid}/net")
    for table, state in (("tcp", TCP_LISTEN), ("tcp6", TCP_LISTEN), ("udp", UDP_UNCONNECTED),
                         ("udp6", UDP_UNCONNECTED)):  # fmt: skip
        for line in (folder / table).read_text().splitlines()[1:]:
            _, local, _, found, *_ = line.split()
            if found == state:
                address, port = local.split(":")
                yield _address(address), int(port, 16)


def _address(text: str) -> str:
    """The kernel writes addresses as 32-bit words in the machine's own order."""
    words = bytes.fromhex(text)
    straight = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
    return socket.inet_ntop(socket.AF_INET if len(straight) == 4 else socket.AF_INET6, straight)


# --- from the machine: `nobody` stands for any other user


def test_no_socket_lets_another_user_in(prefix_box: PrefixBox) -> None:
    sockets = [str(path) for path in prefix_box.path("run/korobka").rglob("*") if path.is_socket()]
    named = " ".join(sockets)
    for needed in ("agent.sock", ".s.PGSQL.", "memcached.sock", "web/1.sock", "web/2.sock", "push.sock",
                   "admin.sock", "supervisor.sock"):  # fmt: skip
        assert needed in named, f"this test knows of {needed}, and it is not there"
    assert let_in(prefix_box, "nobody", *sockets) == []
    opened = let_in(prefix_box, "root", *sockets)
    assert set(opened) == set(sockets), "they do answer root, so that the refusals above mean something"


def test_no_socket_is_in_the_abstract_namespace(prefix_box: PrefixBox) -> None:
    """Such sockets have no owner and no mode: whoever knows the name is let in."""
    for process in prefix_box.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            names = [str(connection.laddr) for connection in process.net_connections("unix")]
            assert [name for name in names if name.startswith(("@", "\0"))] == [], process.name()


def test_another_user_reads_and_writes_no_file_of_the_box(prefix_box: PrefixBox) -> None:
    root = str(prefix_box.root)
    assert [path for way, path in found_by(prefix_box, "nobody", root) if way == "w"] == []
    private = [f"{root}/{name}" for name in ("etc", "var", "run")]
    seen = found_by(prefix_box, "nobody", *private)
    assert {path.removeprefix(f"{root}/") for _, path in seen} == set(PUBLIC_FILES)


@pytest.fixture
def object_of_olga(prefix_box: PrefixBox) -> Iterator[tuple[str, str]]:
    """A file's text and the key of its object."""
    olga, text = prefix_box.administrator(), f"for olga only {uuid4().hex}"
    file = olga.upload("private.txt", text)
    ((key,),) = prefix_box.query(
        f"SELECT blob.key FROM files_blob blob JOIN files_file file ON file.blob_id = blob.id"
        f" WHERE file.id = {file}"
    )
    yield text, key
    assert _read(olga, file) == text, "it is still there, and still the same"


def test_another_user_reaches_no_object(prefix_box: PrefixBox, object_of_olga: tuple[str, str]) -> None:
    text, key = object_of_olga
    settings = json.loads(prefix_box.boxctl("config", "show", "objects", "--json").stdout)
    bucket, ports = settings["objects.bucket"], Ports(settings["objects.port"])
    needle = "/1,01637037d6"  # as the store itself names what it keeps
    paths = (
        f"/{bucket}/{key}", f"/{bucket}/", f"/{bucket}?list-type=2", f"/buckets/{bucket}/{key}",
        f"/buckets/{bucket}/", "/buckets/", "/etc/", needle, "/dir/assign", "/dir/lookup?volumeId=1",
        "/dir/status", "/vol/grow?count=1", "/vol/vacuum", f"/col/delete?collection={bucket}", "/submit",
        *STATUS_PAGES,
    )  # fmt: skip
    robbery = json.dumps([list(ports.all), paths])
    said = run_as(prefix_box, "nobody", ROB, robbery).splitlines()
    answers = [json.loads(line) for line in said]
    assert len(answers) == len(ports.all) * len(paths) * 5
    refusals = {(port, path): status for port, method, path, status, _ in answers if method == "GET"}
    assert refusals[ports.s3, f"/{bucket}/{key}"] == 403
    assert refusals[ports.volume, needle] == 401
    served = {path for _, _, path, status, _ in answers if 200 <= status < 400}
    assert served <= set(STATUS_PAGES), "somebody without a key was served"
    assert not any(text in body for *_, body in answers)
    # A refusal may repeat what was asked for.
    assert not any(key in body for _, _, path, _, body in answers if key not in path)


def test_another_user_does_not_get_into_the_stores_shell(
    prefix_box: PrefixBox, object_of_olga: tuple[str, str]
) -> None:
    """gRPC, at which the store's own tools work without any key of S3."""
    _, key = object_of_olga
    ports = Ports(json.loads(prefix_box.boxctl("config", "show", "objects", "--json").stdout)["objects.port"])
    weed = str(prefix_box.prefix / "opt/korobka/current/venv/bin/weed")
    servers = [f"-master=127.0.0.1:{ports.master}.{ports.master_grpc}",
               f"-filer=127.0.0.1:{ports.filer}.{ports.filer_grpc}"]  # fmt: skip
    shell = ["env", "HOME=/nonexistent", "timeout", "10", weed, "shell", *servers]
    commands = "fs.ls -l /buckets\nfs.ls /etc\nvolume.list\ns3.bucket.list\nexit\n"
    said = prefix_box.run(shell, user="nobody", stdin=commands, check=False)
    for secret in ("korobka-files", key.rpartition("/")[2], "DataNode"):
        assert secret not in said.stdout + said.stderr.replace(" ".join(servers), "")


def test_another_user_gets_nothing_by_grpc_with_a_certificate_of_their_own(prefix_box: PrefixBox) -> None:
    ports = Ports(json.loads(prefix_box.boxctl("config", "show", "objects", "--json").stdout)["objects.port"])
    grpc = [ports.s3_grpc, ports.master_grpc, ports.volume_grpc, ports.filer_grpc]
    _, certificate, key = new_pair("localhost")
    forged = run_as(prefix_box, "nobody", GREET, stdin=json.dumps([grpc, certificate, key]))
    assert forged.split() == ["refused"] * 4
    own = prefix_box.path("etc/korobka/generated/objects")
    genuine = [grpc, (own / "grpc.crt").read_text(), (own / "grpc.key").read_text()]
    assert run_as(prefix_box, "root", GREET, stdin=json.dumps(genuine)).split() == ["welcome"] * 4


def _read(person: Person, file: int) -> str:
    link = person.get(f"/files/{file}/content").headers["Location"]
    return person.get(link.removeprefix(person.site.origin)).text


def test_files_have_the_owners_and_modes_that_keep_others_out(prefix_box: PrefixBox) -> None:
    etc = prefix_box.path("etc/korobka")
    assert _mode(etc / "secrets.toml") == ("root", 0o600)
    assert _mode(etc / "tls/ca.key") == ("root", 0o600)
    assert _mode(etc / "tls/portal.pem") == ("root", 0o600)
    owners = {"database": "korobka-db", "objects": "korobka-objects", "balancer": "korobka-balancer",
              "portal": "korobka", "supervisor": "root"}  # fmt: skip
    generated = etc / "generated"
    assert {folder.name for folder in generated.iterdir()} == set(owners)
    for service, owner in owners.items():
        for file in (generated / service).iterdir():
            assert _mode(file) == (owner, 0o400), file
    for path in etc.rglob("*"):
        assert not path.lstat().st_mode & 0o022, f"{path} can be written by others"
    assert _mode(prefix_box.path("var/log/korobka"))[1] & 0o007 == 0


def _mode(path: Path) -> tuple[str, int]:
    found = os.lstat(path)
    return path.owner(), stat.S_IMODE(found.st_mode)
