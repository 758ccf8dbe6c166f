"""The real stores that tests run against, and what stands between a browser and them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import urllib3
from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from appliance.services.objects.service import STORE_PORTS
from box.bridges.storage.client import Account, S3Store
from box.core.files.store import StoreError
from tests.ports import hold, hold_store

# MinIO is distributed as source only: it is tested on machines that have it, and is no gap where they don't.
ENGINES = ("seaweedfs", "minio") if shutil.which("minio") else ("seaweedfs",)

_http = urllib3.PoolManager(retries=False, timeout=120)


def send(
    account: Account, method: str, link: str, data: bytes | None = None, *, host: str | None = None
) -> urllib3.BaseHTTPResponse:
    """Does with a link what a browser and the balancer do: asks the store, under the link's host.

    `host` is for a balancer that sets another.
    """
    asked, store = urlsplit(link), urlsplit(account.endpoint)
    assert asked.scheme == "https"
    there = urlunsplit((store.scheme, store.netloc, asked.path, asked.query, ""))
    return _http.request(method, there, body=data, headers={"Host": host or asked.netloc})


def upload(store: S3Store, key: str, *parts: bytes) -> None:
    """Stores an object the way that browsers do."""
    upload_id = store.begin(key)
    etags = []
    for number, data in enumerate(parts, start=1):
        answer = send(
            store.account, "PUT", store.part_link(key, upload_id, number, host="portal.example.com"), data
        )
        assert answer.status == 200
        etags.append(answer.headers["ETag"].strip('"'))
    store.complete(key, upload_id, etags)


@contextmanager
def own_bucket(account: Account) -> Iterator[Account]:
    """The account with a bucket that nobody else has, removed afterwards."""
    account = replace(account, bucket=f"test-{uuid4().hex[:16]}")
    url = urlsplit(account.endpoint)
    client = Minio(
        url.netloc,
        account.access_key,
        account.secret_key,
        secure=url.scheme == "https",
        region=account.region,
    )
    client.make_bucket(account.bucket)
    try:
        yield account
    finally:
        for found in client.list_objects(account.bucket, recursive=True):
            client.remove_object(account.bucket, str(found.object_name))
        client.remove_bucket(account.bucket)


@contextmanager
def seaweedfs_server(folder: Path) -> Iterator[Account]:
    """A SeaweedFS of our own, on free ports: buckets take volumes, of which a box's store has few."""
    s3, *ports = range(first := hold_store(), first + STORE_PORTS)
    account = Account(
        endpoint=f"http://127.0.0.1:{s3}",
        region="us-east-1",
        bucket="unused",
        access_key="test-access-key",
        secret_key=uuid4().hex,
    )
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": account.access_key, "secretKey": account.secret_key}],
        "actions": ["Admin"],
    }
    (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
    names = ("master.port", "volume.port", "filer.port")
    named = [*names, *(f"{name}.grpc" for name in names), "s3.port.grpc"]
    command = [
        str(Path(sys.executable).with_name("weed")),
        *("-logtostderr", "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=200"),
        *("-filer", "-s3", f"-s3.port={s3}", f"-s3.config={folder / 'identities.json'}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-{name}={port}" for name, port in zip(named, ports, strict=True)),
    ]
    with _running(command, account, folder, {"WEED_S3_SSE_KEK_PASSPHRASE": uuid4().hex}):
        yield account


@contextmanager
def minio_server(folder: Path) -> Iterator[Account]:
    """A MinIO of our own, on a free port."""
    address = f"127.0.0.1:{hold()}"
    account = Account(
        endpoint=f"http://{address}",
        region="us-east-1",
        bucket="unused",
        access_key="test-access-key",
        secret_key=uuid4().hex,
    )
    environment = {
        "MINIO_ROOT_USER": account.access_key,
        "MINIO_ROOT_PASSWORD": account.secret_key,
        "MINIO_UPDATE": "off",
    }
    command = ["minio", "server", "--address", address, str(folder / "data")]
    with _running(command, account, folder, environment):
        yield account


@contextmanager
def _running(
    command: list[str], account: Account, folder: Path, environment: dict[str, str]
) -> Iterator[None]:
    """The server, from when it answers until we are done."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(account)
        yield
    finally:
        process.kill()
        process.wait(10)


def _wait_for(account: Account) -> None:
    """Until an object can be written: a store answers before it can."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with own_bucket(account) as tried:
                S3Store(tried).write("a", b"a", content_type="text/plain")
        except (StoreError, MinioException, HTTPError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
