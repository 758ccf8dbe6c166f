"""Blobs into packs and out of them: beside rclone and pgBackRest the third engine, and our own.

It runs as their user, as whatever speaks to a store or a target does: `python -m backup.pack_engine`, with a
`Job` and then a `Part` of it a line as JSON on its standard input, and the remotes of rclone and the keys in
its environment. It answers in lines of JSON, one for each part, and meanwhile says how many bytes have moved.
Nothing is held whole but blobs, which are small, and of these no more than `_AHEAD`, and an index.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import batched
from pathlib import Path
from typing import IO, Any

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from appliance import runner
from appliance.agent.codec import decode
from appliance.runner import CommandFailed
from backup.pack_format import SMALL, Entry, Writer, is_digest, scan, spans
from backup.pack_job import Job, Listed, Part, Store
from backup.volumes import WORTH_A_REQUEST, VolumeIndex, remove_index

LIVE_KEY, LIVE_SECRET = "RCLONE_CONFIG_LIVE_ACCESS_KEY_ID", "RCLONE_CONFIG_LIVE_SECRET_ACCESS_KEY"
_THREADS = 8
_AHEAD = 32
_WORD_SECONDS = 0.5
# rclone's crypt encrypts and authenticates so many bytes at a time: https://rclone.org/crypt/#file-encryption
_CRYPT_BLOCK = 1 << 16
_DAMAGED = ("failed to authenticate", "bad password", "unexpected EOF")
_NOT_THERE = ("NoSuchKey", "NoSuchObject")


class Engine:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._client = _client(job.store)
        self._moved, self._told = 0, time.monotonic()
        self._threads = ThreadPoolExecutor(_THREADS)

    def perform(self, part: Part) -> dict[str, Any]:
        return {
            "pack": self._pack, "repack": self._repack, "give": self._give, "fetch": self._fetch,
            "read": self._read, "scan": self._scan, "list": self._list,
        }[part.do](part)  # fmt: skip

    # --- into packs

    def _pack(self, part: Part) -> dict[str, Any]:
        missing: list[str] = []
        large: list[str] = []

        read = self._out_of_volumes(digest for _, digest in part.blobs)

        def get(blob: tuple[str, str]) -> bytes | None:
            key, digest = blob
            data = read(digest)
            return self._get(key) if data is None else data

        def blobs() -> Iterator[tuple[str, bytes]]:
            for (key, _), data in self._ahead(part.blobs, get):
                if data is None:
                    missing.append(key)
                elif len(data) >= SMALL:
                    large.append(key)
                else:
                    yield key, data

        return self._written(part.pack, blobs()) | {"missing": missing, "large": large}

    def _out_of_volumes(self, hashes: Iterable[str]) -> Callable[[str], bytes | None]:
        """Reads what has one of these hashes, where it lies in volumes of this machine."""
        if not self._job.volumes:
            return lambda _: None
        path, wanted = Path(self._job.volume_index), set(filter(is_digest, hashes))
        try:
            with closing(VolumeIndex(path, dict(self._job.volumes))) as index:
                places = index.find(wanted)
                if lacking := wanted - places.keys():
                    for _ in index.look_through(len(lacking) * WORTH_A_REQUEST):
                        self._say(0)
                    places |= index.find(lacking)
        except sqlite3.DatabaseError:
            # A power cut may take a part of it. It is made anew with the next pack; this one is asked for.
            remove_index(path)
            return lambda _: None
        return lambda digest: index.read(places[digest], digest) if digest in places else None

    def _repack(self, part: Part) -> dict[str, Any]:
        def blobs() -> Iterator[tuple[str, bytes]]:
            for pack, entries in part.sources:
                yield from ((entry.key, data) for entry, data in self._blobs(pack, entries))

        return self._written(part.pack, blobs())

    def _written(self, pack: str, blobs: Iterator[tuple[str, bytes]]) -> dict[str, Any]:
        """Nothing of a pack lies there before there is a first blob for it."""
        first = next(blobs, None)
        if first is None:
            return {"index": None}
        with (
            Path(os.devnull).open("wb") as nowhere,
            runner.fed(self._rclone("rcat", pack), to=nowhere) as out,
        ):
            writer = Writer(out, self._say)
            writer.add(*first)
            for key, data in blobs:
                writer.add(key, data)
            index = writer.close()
        return {"index": index}

    def _get(self, key: str) -> bytes | None:
        """None: the store does not have it. Of what is not small only so much that this can be seen."""
        try:
            answer = self._client.get_object(
                bucket_name=self._job.store.bucket, object_name=key, length=SMALL, offset=0
            )
        except S3Error as error:
            if error.code in _NOT_THERE:
                return None
            if error.code == "InvalidRange":
                # A range of nothing: it is empty.
                return b""
            raise
        try:
            return answer.data
        finally:
            answer.close()
            answer.release_conn()

    # --- out of packs

    def _give(self, part: Part) -> dict[str, Any]:
        def give(one: tuple[Entry, bytes]) -> None:
            entry, data = one
            self._client.put_object(
                bucket_name=self._job.store.bucket,
                object_name=entry.key,
                data=io.BytesIO(data),
                length=len(data),
            )

        given = self._ahead(self._blobs(part.pack, part.entries), give)
        return {"done": [entry.key for (entry, _), _ in given]}

    def _fetch(self, part: Part) -> dict[str, Any]:
        done = []
        for entry, data in self._blobs(part.pack, part.entries):
            file = Path(part.folder) / entry.key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            done.append(entry.key)
        return {"done": done}

    def _read(self, part: Part) -> dict[str, Any]:
        return {"done": [entry.key for entry, _ in self._blobs(part.pack, part.entries)]}

    def _scan(self, part: Part) -> dict[str, Any]:
        with runner.read_from(self._rclone("cat", part.pack, "--retries=1")) as stream:
            return {"index": scan(stream, heard=self._say)}

    def _blobs(self, pack: str, listed: Listed) -> Iterator[tuple[Entry, bytes]]:
        """Those of these that can be read, and are what the index says."""
        for span in spans(Entry(*one) for one in listed):
            yield from self._read_span(pack, span)

    def _read_span(self, pack: str, span: list[Entry]) -> Iterator[tuple[Entry, bytes]]:
        left = deque(span)
        while left:
            at, end = left[0].offset, left[-1].end
            try:
                with self._cat(pack, at, end - at) as stream:
                    while left:
                        entry = left[0]
                        # What lies between is a header, or a hole.
                        skipped = len(stream.read(entry.offset - at))
                        data = stream.read(entry.size)
                        at += skipped + len(data)
                        if at < entry.end:
                            break
                        left.popleft()
                        self._say(len(data))
                        if sha256(data).hexdigest() == entry.sha256:
                            yield entry, data
                if left:
                    # It is shorter than it should be.
                    return
            except CommandFailed as error:
                if not any(words in error.completed.stderr for words in _DAMAGED):
                    return
                # What shares a block with damage cannot be read either; behind it all is well.
                behind = (at // _CRYPT_BLOCK + 1) * _CRYPT_BLOCK
                while left and left[0].offset < behind:
                    left.popleft()

    @contextmanager
    def _cat(self, pack: str, offset: int, count: int) -> Iterator[IO[bytes]]:
        with runner.read_from(
            self._rclone("cat", pack, f"--offset={offset}", f"--count={count}", "--retries=1")
        ) as stream:
            yield stream

    # --- the store

    def _list(self, _: Part) -> dict[str, Any]:
        """In pages, each said by itself: there may be millions."""
        found = self._client.list_objects(bucket_name=self._job.store.bucket, recursive=True)
        for page in batched(found, 1000, strict=False):
            say({"listed": [(one.object_name, one.size) for one in page]})
        return {}

    # --- how

    def _ahead[One, Made](
        self, ones: Iterable[One], make: Callable[[One], Made]
    ) -> Iterator[tuple[One, Made]]:
        """What is made of each in threads, in the same order, no more than `_AHEAD` at a time."""
        waiting: deque[tuple[One, Future[Made]]] = deque()
        for one in ones:
            waiting.append((one, self._threads.submit(make, one)))
            if len(waiting) >= _AHEAD:
                earliest, future = waiting.popleft()
                yield earliest, future.result()
        for earliest, future in waiting:
            yield earliest, future.result()

    def _rclone(self, word: str, pack: str, *options: str) -> list[str]:
        program, *always = self._job.rclone
        return [program, word, *always, *options, f"{self._job.place}/{pack}"]

    def _say(self, count: int) -> None:
        """How much has moved: also that something does."""
        self._moved += count
        if time.monotonic() - self._told >= _WORD_SECONDS:
            self._told = time.monotonic()
            say({"moved": self._moved})


def say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _client(store: Store) -> Minio:
    scheme, _, host = store.address.partition("://")
    found = Minio(
        host.rstrip("/"),
        access_key=os.environ[LIVE_KEY],
        secret_key=os.environ[LIVE_SECRET],
        secure=scheme == "https",
        region=store.region,
        http_client=urllib3.PoolManager(
            maxsize=_THREADS,
            timeout=urllib3.Timeout(connect=5, read=30),
            retries=urllib3.Retry(total=5, backoff_factor=0.3, status_forcelist=[500, 502, 503, 504]),
            ca_certs=store.ca_file or None,
        ),
    )
    if not store.is_path_style:
        found.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    return found


def main() -> None:
    # To its end: whoever answers before that would wait for whoever still asks.
    first, *parts = (json.loads(line) for line in sys.stdin.read().splitlines())
    job = decode(Job, first, place="the job")
    engine = Engine(job)
    try:
        for part in parts:
            asked = Part(**part)
            say({"part": asked.pack, **engine.perform(asked)})
    except (CommandFailed, MinioException, urllib3.exceptions.HTTPError, sqlite3.Error, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
