"""The store keeps objects for those who have the key, and for nobody else on the machine."""

from __future__ import annotations

import http.client
import io
import os
import re
import shutil
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
import urllib3
from minio.error import S3Error

from appliance import runner, users
from appliance.node import Node
from appliance.services.objects import recovery, setup
from appliance.services.objects.service import SERVICE, Ports, program
from appliance.supervise.supervisord import Supervisord
from tests.appliance.boxes import PATIENCE, traced, wait_until

NOBODY = users.Account("nobody", 65534, 65534)
CONTENT = b"the salary list"


@pytest.fixture
def ports(box: Node) -> Ports:
    return Ports(box.box.objects.port)


@pytest.fixture
def stored(box: Node) -> Iterator[str]:
    key = f"blobs/{os.urandom(8).hex()}"
    setup.client(box).put_object(
        bucket_name=box.box.objects.bucket, object_name=key, data=io.BytesIO(CONTENT), length=len(CONTENT)
    )
    yield key
    found = setup.client(box).get_object(bucket_name=box.box.objects.bucket, object_name=key)
    assert found.read() == CONTENT, "somebody without a key changed the object"


def store_process(node: Node) -> psutil.Process:
    status = Supervisord(node).status("objects", with_health=False)[0]
    assert status.pid
    return psutil.Process(status.pid)


def asked(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_listens_where_it_says_and_on_loopback_only(box: Node, ports: Ports) -> None:
    listening = {
        (c.laddr.ip, c.laddr.port)
        for c in store_process(box).net_connections("tcp")
        if c.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", port) for port in ports.all}


def test_no_port_gives_lists_or_deletes_an_object_without_a_key(box: Node, ports: Ports, stored: str) -> None:
    """Over plain HTTP on every port: what any user of the machine can send."""
    bucket = box.box.objects.bucket
    # Where the content really lies in the volume server, which only the certificate's owner can find out.
    chunks = re.findall(r'"fileId": *"([^"]+)"', setup.shell(box, f"fs.meta.cat /buckets/{bucket}/{stored}"))
    assert chunks
    for port in ports.all:
        for method, path in (
            ("GET", f"/{bucket}/{stored}"),
            ("GET", f"/buckets/{bucket}/{stored}"),
            ("GET", f"/{bucket}?list-type=2"),
            ("GET", f"/buckets/{bucket}/?limit=100"),
            ("GET", "/"),
            ("DELETE", f"/{bucket}/{stored}"),
            ("DELETE", f"/buckets/{bucket}/?recursive=true"),
            ("PUT", f"/{bucket}/{stored}"),
            ("POST", f"/buckets/{bucket}/{stored}"),
            ("GET", "/dir/assign"),
            ("GET", f"/dir/lookup?collection={bucket}&volumeId=1&fileId=1,01"),
            ("POST", "/submit"),
            ("GET", f"/col/delete?collection={bucket}"),
            ("GET", "/vol/vacuum"),
            *((method, f"/{chunk}") for chunk in chunks for method in ("GET", "PUT", "DELETE")),
        ):
            try:
                status, body = asked(port, method, path, b"changed" if method in ("PUT", "POST") else None)
            except (OSError, http.client.HTTPException):
                continue  # gRPC with certificates does not even speak to us
            assert CONTENT not in body
            is_echo = stored in path  # an error names what was asked for
            assert is_echo or stored.encode() not in body, f"{method} {path} on {port} lists objects"
            # The master's front page names volumes, which are no objects; everything else is refused.
            allowed = (port, method, path) == (ports.master, "GET", "/")
            assert status >= 400 or allowed, f"{method} {path} on {port} answered {status}"


def test_grpc_wants_the_boxs_certificate(box: Node, ports: Ports) -> None:
    context = ssl.create_default_context(cadata=box.secrets.objects_grpc_ca)
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    for port in (ports.master_grpc, ports.volume_grpc, ports.filer_grpc, ports.s3_grpc):
        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain,
            context.wrap_socket(plain) as connection,
        ):
            # In TLS 1.3 the refusal arrives with the first answer.
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert connection.recv(1) == b"", "answered without a certificate"
            raise ConnectionError("closed")


@pytest.mark.usefixtures("as_root")
def test_its_unix_sockets_are_closed_to_others(box: Node) -> None:
    sockets = {
        Path(str(c.laddr))
        for c in store_process(box).net_connections("unix")
        if c.laddr and c.status == "NONE"
    }
    assert sockets
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    for path in sockets:
        tried = runner.run(["/usr/bin/python3", "-c", connect, path], user=NOBODY, check=False)
        assert "PermissionError" in tried.stderr, path


@pytest.mark.usefixtures("as_root")
def test_keys_are_readable_by_the_store_alone(box: Node) -> None:
    for path in box.generated("objects").iterdir():
        assert path.stat().st_mode & 0o777 == 0o400
        assert runner.run(["cat", path], user=NOBODY, check=False).code != 0
        assert runner.run(["cat", path], user=users.account(users.PORTAL), check=False).code != 0


def test_no_secret_is_in_its_arguments(box: Node) -> None:
    arguments = " ".join(store_process(box).cmdline())
    for name in (
        "objects_secret_key",
        "objects_admin_secret_key",
        "objects_signing_key",
        "objects_encryption_key",
    ):
        assert getattr(box.secrets, name) not in arguments


def test_the_portals_key_opens_its_bucket_and_nothing_else(box: Node, stored: str) -> None:
    portal = setup.client(box)
    assert stored in [
        o.object_name for o in portal.list_objects(bucket_name=box.box.objects.bucket, recursive=True)
    ]
    with pytest.raises(S3Error, match="AccessDenied"):
        portal.make_bucket(bucket_name="another-one")
    with pytest.raises(S3Error, match="AccessDenied"):
        portal.remove_bucket(bucket_name=box.box.objects.bucket)


def test_a_signed_link_works_and_a_changed_one_does_not(box: Node, stored: str) -> None:
    link = setup.client(box).presigned_get_object(
        bucket_name=box.box.objects.bucket, object_name=stored, expires=timedelta(seconds=60)
    )
    assert urllib3.request("GET", link).data == CONTENT
    assert urllib3.request("GET", link.replace(stored, stored + "x")).status == 403
    assert urllib3.request("GET", link[:-2]).status == 403


def test_setting_up_again_changes_nothing(box: Node, stored: str) -> None:
    assert setup.is_set_up(box)
    setup.set_up(box)
    assert setup.is_set_up(box)


def test_an_object_is_on_the_disk_when_it_is_acknowledged(box: Node, tmp_path: Path) -> None:
    with traced(store_process(box).pid, tmp_path / "calls", "fsync", "fdatasync") as calls:
        setup.client(box).put_object(
            bucket_name=box.box.objects.bucket,
            object_name="durable",
            data=io.BytesIO(CONTENT),
            length=len(CONTENT),
        )
    assert any("sync(" in line and ".dat>" in line for line in calls()), "no fsync of a volume"
    assert any("sync(" in line and "/filer.db>" in line for line in calls()), "no fsync of the name"


def test_what_was_acknowledged_is_found_after_a_power_cut(box: Node) -> None:
    """The store syncs volumes and not their indexes: these fall back to what they were a while ago, one has a
    hole. Behind the last file of one volume lies a half of another one, behind that of the next zeros."""
    supervisor, place = Supervisord(box), box.data("objects")
    before = {index: index.read_bytes() for index in place.glob("*.idx")}
    kept = {f"power/{number}": os.urandom(900 + 7 * number) for number in range(50)}
    put(box, kept | {"power/gone": CONTENT})
    setup.client(box).remove_object(bucket_name=box.box.objects.bucket, object_name="power/gone")
    supervisor.stop("objects")
    # The store spreads the files over its volumes as it likes: the longest index has a middle.
    longest = max(place.glob("*.idx"), key=lambda index: index.stat().st_size)
    written, entry = longest.read_bytes(), 17
    before[longest] = written[:entry] + bytes(len(written) - 2 * entry) + written[-entry:]
    for index in place.glob("*.idx"):
        index.write_bytes(before.get(index, b""))
        shutil.rmtree(index.with_suffix(".ldb"), ignore_errors=True)
    first, second, *_ = sorted(place.glob(f"{box.box.objects.bucket}_*.dat"))
    length = first.stat().st_size
    with first.open("ab") as volume:
        # Of a file that is said to have a thousand bytes.
        volume.write(bytes(4) + (1 << 40).to_bytes(8) + (1000).to_bytes(4) + bytes(100))
    os.truncate(second, second.stat().st_size + 5000)
    supervisor.start("objects")
    assert {name: found(box, name) for name in kept} == kept
    assert first.stat().st_size == length
    assert first.with_suffix(f".torn-{length}").stat().st_size == 116
    assert "ReadOnly:true" not in setup.shell(box, "volume.list")
    more = {f"power/later/{number}": CONTENT for number in range(30)}
    put(box, more | {"power/gone": CONTENT})
    setup.client(box).remove_object(bucket_name=box.box.objects.bucket, object_name="power/gone")
    log = box.paths.log / "objects.log"
    before_that = log.read_text().count("made anew")
    supervisor.restart("objects")
    for name, content in (kept | more).items():
        assert found(box, name) == content
    assert log.read_text().count("made anew") == before_that > 0
    for torn in place.glob("*.torn-*"):
        torn.unlink()


def test_what_no_file_can_be_ends_the_recovery_of_no_other_volume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hole of two gigabytes behind a head of garbage, as a bad disk may show it."""
    length = 0x90000000 + (1 << 20)
    head = bytes((3, *bytes(7)))
    (tmp_path / "a_1.dat").write_bytes(head + bytes(4) + (7).to_bytes(8) + (0x90000000).to_bytes(4))
    os.truncate(tmp_path / "a_1.dat", length)
    one = bytes(4) + (7).to_bytes(8) + (4).to_bytes(4) + bytes(4 + 12 + 8)
    (tmp_path / "a_2.dat").write_bytes(head + one)
    recovery.recover(tmp_path)
    assert (tmp_path / "a_1.dat").stat().st_size == length
    assert not (tmp_path / "a_1.idx").exists()
    assert (tmp_path / "a_2.idx").read_bytes() == (7).to_bytes(8) + (1).to_bytes(4) + bytes(1) + (4).to_bytes(
        4
    )
    assert "a_1.dat are no files: it stays as it is" in capsys.readouterr().err


def found(box: Node, name: str) -> bytes | None:
    return wait_until(lambda: read_or_none(box, name))


def put(box: Node, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        setup.client(box).put_object(
            bucket_name=box.box.objects.bucket,
            object_name=name,
            data=io.BytesIO(content),
            length=len(content),
        )


def test_minio_is_told_everything_that_seaweedfs_is(box: Node, tmp_path: Path) -> None:
    """Names by MinIO's reference of `minio server` and of its environment variables."""
    program = tmp_path / "minio"
    program.touch()
    objects = replace(box.box.objects, engine="minio", program=str(program))
    node = replace(box, box=replace(box.box, objects=objects))
    address = f"127.0.0.1:{objects.port}"
    command = SERVICE.command(node, "1")
    assert command == (str(program), "server", "--quiet", "--address", address, str(node.data("objects")))
    environment = SERVICE.environment(node)
    assert environment["MINIO_CONFIG_ENV_FILE"] == str(node.generated("objects") / "minio.env")
    assert (environment["MINIO_BROWSER"], environment["MINIO_UPDATE"]) == ("off", "off")
    assert environment["MINIO_SITE_REGION"] == objects.region
    [file] = SERVICE.files(node)
    secrets = box.secrets
    assert file.name == "minio.env"
    assert file.content.splitlines() == [
        f"MINIO_ROOT_USER={secrets.objects_admin_access_key}",
        f"MINIO_ROOT_PASSWORD={secrets.objects_admin_secret_key}",
    ]
    assert not {secrets.objects_admin_secret_key} & {*command, *environment.values()}
    assert [str(listener) for listener in SERVICE.listeners(node, 1)] == [address]


def test_it_stops_at_once_and_loses_nothing(box: Node, stored: str) -> None:
    """Asked to stop, it would wait 15 s for streams that its own parts keep open."""
    supervisor, log = Supervisord(box), box.paths.log / "objects.log"
    before = log.stat().st_size
    supervisor.stop("objects")
    supervisor.start("objects")
    assert "Gracefully stopping" not in log.read_bytes()[before:].decode()
    read = wait_until(lambda: read_or_none(box, stored))
    assert read == CONTENT


def read_or_none(box: Node, name: str) -> bytes | None:
    """An object's content; None while the store is not quite there."""
    try:
        answer = setup.client(box).get_object(bucket_name=box.box.objects.bucket, object_name=name)
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise
        return None
    with answer:
        return bytes(answer.read())


def test_it_does_not_phone_home(box: Node) -> None:
    command = store_process(box).cmdline()
    assert "-master.telemetry=false" in command
    assert program(box).exists()


def test_a_store_that_was_started_and_no_more_is_set_up_when_it_is_asked_again(box: Node) -> None:
    """As an installation leaves it that is cut short between the two."""
    admin, bucket = setup.client(box, as_admin=True), box.box.objects.bucket
    for found in admin.list_objects(bucket_name=bucket, recursive=True):
        admin.remove_object(bucket_name=bucket, object_name=found.object_name or "")
    admin.remove_bucket(bucket_name=bucket)
    assert not setup.is_set_up(box)
    setup.set_up(box)
    assert setup.is_set_up(box)
