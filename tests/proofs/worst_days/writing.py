"""Somebody writes all the time, and notes what was acknowledged: rows with blobs, as the portal has them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import secrets
import threading
import time
from collections.abc import Iterator

import psycopg
import urllib3
from minio import Minio
from minio.error import MinioException

from appliance.node import Node
from appliance.services.database.names import NAME, OWNER
from appliance.services.objects import setup as objects
from tests.proofs.worst_days.judge import Found, Write

FOLDER = "worst"
PAUSE = 0.3
_SIZE = 2000


@contextlib.contextmanager
def _connected(node: Node) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        host=str(node.run("database")), port=node.box.database.port, dbname=NAME, user=OWNER,
        password=node.secrets.database_owner_password, autocommit=True, connect_timeout=5,
    ) as connection:  # fmt: skip
        yield connection


class Writer:
    """Writes from `start` to `stop`, and again. Whatever is away is tried again with the next number."""

    def __init__(self, node: Node) -> None:
        self._node, self._number, self._lock = node, 0, threading.Lock()
        self._store = objects.client(node)
        self._written: list[Write] = []
        self._is_to_stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def written(self) -> tuple[Write, ...]:
        with self._lock:
            return tuple(self._written)

    def start(self) -> None:
        self._is_to_stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_to_stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._is_to_stop.is_set():
            with contextlib.suppress(psycopg.Error), _connected(self._node) as connection:
                while not self._is_to_stop.is_set():
                    self._write(connection)
                    self._is_to_stop.wait(PAUSE)
            self._is_to_stop.wait(PAUSE)

    def _write(self, connection: psycopg.Connection) -> None:
        """The object first, then the row; raises `psycopg.Error` where the database does not acknowledge."""
        self._number += 1
        number, data = self._number, secrets.token_bytes(_SIZE)
        key, digest = f"{FOLDER}/{number}-{secrets.token_hex(8)}", hashlib.sha256(data).hexdigest()
        try:
            self._store.put_object(
                bucket_name=self._node.box.objects.bucket,
                object_name=key,
                data=io.BytesIO(data),
                length=_SIZE,
            )
        except (MinioException, urllib3.exceptions.HTTPError):
            return
        begun_at, is_acknowledged = time.time(), False
        try:
            connection.execute(
                "insert into files_blob (key, size, created_at, sha256, content_type, picture_attempts)"
                " values (%s, %s, now(), %s, '', 0)",
                (key, _SIZE, digest),
            )
            is_acknowledged = True
        finally:
            with self._lock:
                self._written.append(Write(number, digest, begun_at, time.time(), is_acknowledged))


def look(node: Node) -> Found:
    """What a box has of it; which sets it offers is not looked for."""
    with _connected(node) as connection:
        keys = [
            key
            for (key,) in connection.execute("select key from files_blob where key like %s", (f"{FOLDER}/%",))
        ]
    store, bucket = objects.client(node), node.box.objects.bucket
    numbered = [(int(key.removeprefix(f"{FOLDER}/").partition("-")[0]), key) for key in keys]
    hashes = {number: _hash(store, bucket, key) for number, key in numbered}
    return Found(tuple(number for number, _ in numbered), hashes)


def _hash(store: Minio, bucket: str, key: str) -> str | None:
    try:
        answer = store.get_object(bucket_name=bucket, object_name=key)
    except MinioException:
        return None
    with answer:
        return hashlib.sha256(answer.read()).hexdigest()
