"""The real stores that tests run against, and what stands between a browser and them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
import urllib3
from minio import Minio

from box.bridges.storage.client import Account, S3Store
from box.core.files.store import StoreError

ENGINES = ("configured", "minio")

_http = urllib3.PoolManager(retries=False, timeout=20)


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
def minio_server(folder: Path) -> Iterator[Account]:
    """A MinIO of our own, on a free port; skips where there is no `minio`."""
    program = shutil.which("minio")
    if program is None:
        pytest.skip("no `minio` on PATH: go install github.com/minio/minio@latest")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    account = Account(
        endpoint=f"http://{address}",
        region="us-east-1",
        bucket="unused",
        access_key="test-access-key",
        secret_key=uuid4().hex,
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MINIO_ROOT_USER": account.access_key,
        "MINIO_ROOT_PASSWORD": account.secret_key,
        "MINIO_UPDATE": "off",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "server", "--address", address, str(folder / "data")],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(account)
        yield account
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(account: Account) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            S3Store(account).objects()
        except StoreError as error:
            if "NoSuchBucket" in str(error):
                return
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
