"""Engine `external`: somebody else's S3 server, here a second SeaweedFS with TLS and its own authority."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3
from minio import Minio
from minio.error import S3Error

from appliance import certificates, config, folders, scratch, service_files
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import enabled
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.services.objects import authority, setup
from appliance.services.objects.service import Ports
from appliance.services.portal import FOLDER, public_store_host
from appliance.services.web.service import SERVICE as WEB
from appliance.supervise.supervisord import Supervisord
from tests.appliance.boxes import PATIENCE, wait_until
from tests.ports import hold_store

BUCKET, LOCKED_BUCKET = "somebodys-bucket", "another-bucket"
ADMIN = ("admin", "secret")
CONTENT = b"what is in it" * 1000
KEYS = {"objects_access_key": "portal-access-key", "objects_secret_key": "portal-secret-key-0123456789"}


@dataclass(frozen=True)
class Store:
    """Where it is, and whose word its certificate rests on."""

    endpoint: str
    ca_file: Path
    pid: int


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not pytest's: root's services have users of their own, who cannot enter that.
    path = Path(tempfile.mkdtemp(prefix="korobka-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[int]:
    with (
        (folder / "store.log").open("wb") as log,
        # It lists versions in its own time zone, where the SDK reads UTC alone.
        subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env={**os.environ, "TZ": "UTC"}
        ) as process,
    ):
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    with running_store(folder) as found:
        yield found


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """A store with a bucket, and a key that has rights on its objects only."""
    theirs = Paths(folder / "theirs")
    folders.prepare(theirs)
    certificates.ensure(theirs, "localhost", ("127.0.0.1",))
    pair = theirs.tls / "portal.pem"
    admin = {
        "name": "admin",
        "credentials": [{"accessKey": ADMIN[0], "secretKey": ADMIN[1]}],
        "actions": ["Admin"],
    }
    portal = {
        "name": "portal",
        "credentials": [{"accessKey": KEYS["objects_access_key"], "secretKey": KEYS["objects_secret_key"]}],
        "actions": [
            *(
                f"{action}:{bucket}"
                for action in ("Read", "Write", "List")
                for bucket in (BUCKET, LOCKED_BUCKET)
            ),
            # Longer, that is: to make a lock shorter is a right of its own.
            f"PutObjectRetention:{LOCKED_BUCKET}",
        ],
    }
    (folder / "identities.json").write_text(json.dumps({"identities": [admin, portal]}))
    ports = Ports(hold_store())
    command = [
        str(Path(sys.executable).with_name("weed")),
        *("-logtostderr", "server", f"-dir={theirs.data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-master.telemetry=false", "-master.raftHashicorp", "-volume.max=100", "-filer", "-s3"),
        *(f"-master.port={ports.master}", f"-master.port.grpc={ports.master_grpc}"),
        *(f"-volume.port={ports.volume}", f"-volume.port.grpc={ports.volume_grpc}"),
        *(f"-filer.port={ports.filer}", f"-filer.port.grpc={ports.filer_grpc}"),
        *(f"-s3.port={ports.s3}", f"-s3.port.grpc={ports.s3_grpc}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-s3.cert.file={pair}", f"-s3.key.file={pair}", f"-s3.config={folder / 'identities.json'}"),
        *(f"-filer.localSocket={folder / 'filer.sock'}", f"-s3.localSocket={folder / 's3.sock'}"),
    ]
    client = Minio(
        f"localhost:{ports.s3}",
        *ADMIN,
        region="us-east-1",
        http_client=urllib3.PoolManager(ca_certs=str(theirs.tls / "ca.crt"), retries=False, timeout=PATIENCE),
    )

    def is_ready() -> bool:
        try:
            if not client.bucket_exists(bucket_name=BUCKET):
                client.make_bucket(bucket_name=BUCKET)
            client.put_object(bucket_name=BUCKET, object_name="first", data=io.BytesIO(b"1"), length=1)
        except (S3Error, urllib3.exceptions.HTTPError):
            return False
        return True

    with running(command, folder) as pid:
        wait_until(is_ready)
        yield Store(f"https://localhost:{ports.s3}", theirs.tls / "ca.crt", pid)


@pytest.fixture(scope="module")
def box(folder: Path, store: Store) -> Iterator[Node]:
    """A box that keeps its files there, with its balancer."""
    node = scratch.create(folder / "box")
    keys: dict[str, config.Value] = {
        "objects.engine": "external",
        "objects.endpoint": store.endpoint,
        "objects.ca_file": str(store.ca_file),
        "objects.bucket": BUCKET,
    }
    text = config.set_values(node.paths.box_toml.read_text(), keys, from_console=False)
    node.paths.box_toml.write_text(text)
    config.create_secrets(node.paths, KEYS)
    node = Node.load(node.paths)
    service_files.apply(node, only=(BALANCER,))
    supervisor = Supervisord(node)
    try:
        supervisor.apply()
        supervisor.start("balancer")
        yield node
    finally:
        supervisor.shut_down()


def through_the_balancer(node: Node, method: str, link: str, body: bytes | None = None) -> tuple[int, bytes]:
    """What a browser does: the link's path on the portal's own host."""
    context = ssl.create_default_context(cafile=str(node.paths.tls / "ca.crt"))
    connection = http.client.HTTPSConnection(
        "localhost", node.box.balancer.https_port, context=context, timeout=PATIENCE
    )
    parts = urlsplit(link)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_box_runs_no_store_of_its_own(box: Node) -> None:
    assert "objects" not in [service.name for service in enabled(box)]


def test_a_bucket_that_exists_is_all_that_is_needed(box: Node) -> None:
    setup.set_up(box)
    assert setup.is_set_up(box)


def test_files_go_through_the_balancer_under_the_stores_own_host(box: Node, store: Store) -> None:
    portal = setup.client(box)
    assert public_store_host(box) == urlsplit(store.endpoint).netloc
    key, minute = "folder/наш файл.txt", timedelta(seconds=60)
    up = portal.presigned_put_object(bucket_name=BUCKET, object_name=key, expires=minute)
    down = portal.presigned_get_object(bucket_name=BUCKET, object_name=key, expires=minute)
    assert through_the_balancer(box, "PUT", up, CONTENT)[0] == 200
    assert through_the_balancer(box, "GET", down) == (200, CONTENT)
    assert through_the_balancer(box, "GET", down[:-2] + "00")[0] == 403


def with_objects(node: Node, objects: config.Objects) -> Node:
    return replace(node, box=replace(node.box, objects=objects))


def test_a_store_that_another_authority_vouches_for_is_refused(box: Node) -> None:
    stranger = with_objects(box, replace(box.box.objects, ca_file=str(box.paths.tls / "ca.crt")))
    with pytest.raises(setup.StoreRefused, match=r"not vouched for.*objects\.ca_file"):
        setup.set_up(stranger)
    assert not setup.is_set_up(stranger)


def test_a_bucket_that_is_not_there_is_named(box: Node) -> None:
    with pytest.raises(setup.StoreRefused, match="another-bucket"):
        setup.set_up(with_objects(box, replace(box.box.objects, bucket="another-bucket")))


def test_the_balancer_trusts_no_other_authority_either(box: Node) -> None:
    link = setup.client(box).presigned_get_object(
        bucket_name=BUCKET, object_name="first", expires=timedelta(seconds=60)
    )
    stranger = with_objects(box, replace(box.box.objects, ca_file=str(box.paths.tls / "ca.crt")))

    def take(node: Node) -> None:
        service_files.apply(node, only=(BALANCER,))
        Supervisord(node).reload("balancer")

    assert through_the_balancer(box, "GET", link) == (200, b"1")
    take(stranger)
    try:
        assert through_the_balancer(box, "GET", link)[0] == 503
    finally:
        take(box)


def test_the_stores_authority_is_kept_where_the_named_file_goes(box: Node, store: Store) -> None:
    portal = (WEB, BALANCER)
    service_files.apply(box, only=portal)
    away = store.ca_file.rename(store.ca_file.with_name("away.crt"))
    try:
        assert setup.is_set_up(box)
        assert service_files.apply(box, only=portal) == ()
        told = json.loads((box.generated(FOLDER) / "portal.json").read_text())
        assert Path(told["objects"]["ca_file"]).read_text() == away.read_text()
    finally:
        away.rename(store.ca_file)
    # What is no more named is no more kept.
    without = with_objects(box, replace(box.box.objects, ca_file=""))
    authority.keep(without)
    assert not (box.paths.tls / authority.NAME).exists()
