"""A box with the portal's tables, its blobs in the store, and backups on a folder."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import pytest

from appliance import folders
from appliance.agent import operations
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.objects import setup as objects
from appliance.supervise import supervisor_for
from backup import moments, pgbackrest, settings, setup
from backup.keys import RecoveryKey
from backup.ledger import ledger_of
from backup.portal import manage
from backup.settings import Settings, Target
from backup.timeouts import Patience
from tests import require
from tests.appliance.boxes import query, running_box, wait_until

MARKER = "a sentence that nobody else has written"
PATIENCE = Patience(20)
"""The least that a box may have: silence is waited through."""
_TROUBLES = ("problem", "blob_problem", "drill_problem", "gap", "wanted", "attempt_at")


@dataclass
class Kept:
    """A box whose backups are set up, and what a test wants of it."""

    node: Node
    folder: Path
    key: RecoveryKey
    first: Settings | None = field(default=None, repr=False)
    """As they were when it was made."""
    noted: set[str] = field(default_factory=set, repr=False)
    """What a test wants to find again."""
    contents: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> Settings:
        return settings.load(self.node.paths)

    @property
    def target(self) -> Target:
        return self.settings.target("disk")

    @property
    def free_number(self) -> int:
        """For a target more: one that no target of another test has had."""
        return setup.next_number(self.node, self.settings)

    @property
    def repository(self) -> Path:
        return self.folder / self.target.repository

    def settle_down(self, key: RecoveryKey) -> None:
        """What was rotated stays so for the tests that follow in this box."""
        self.key, self.first = key, self.settings

    def rest(self) -> None:
        """Nothing works of itself: a restore has started the service that begins what is due."""
        supervisor_for(self.node).stop("backup")
        wait_until(lambda: not self.has_begun_one(), seconds=500)
        with ledger_of(self.node, self.target) as ledger:
            ledger.write(wanted="")

    def has_begun_one(self) -> bool:
        """Whether something goes on that nobody has asked for."""
        going_on = operations.unfinished(self.node.paths)
        return any(journal.state().asked_by == "the schedule" for journal in going_on)

    def begin_anew(self) -> None:
        """Forget what the tests of another file have done to targets, keys and warnings, and what one that
        failed has left to be sent."""
        assert self.first is not None
        if self.settings != self.first:
            settings.save(self.node.paths, self.first)
            setup.write_ring(self.node, self.first)
        pgbackrest.write_config(self.node, self.first)
        with ledger_of(self.node, self.target) as ledger:
            ledger.write(**dict.fromkeys(_TROUBLES, ""))
        (self.node.data("backup") / "drills.json").unlink(missing_ok=True)
        query(self.node, "delete from notify_queuedletter; delete from rest_sending")

    def add_person(self, login: str, *, is_administrator: bool = False) -> None:
        """Somebody who signs in, whoever has made them first."""
        if query(self.node, f"select 1 from accounts_user where login = '{login}'"):
            return
        more = ["--administrator"] if is_administrator else []
        manage(self.node, "user", "create", f"{login}@example.com", "--login", login, *more)

    def forget_files(self) -> None:
        """Nobody has any: their bytes stay."""
        query(self.node, "delete from feed_postfile; delete from files_file")

    def add_blobs(self, count: int, *, size: int = 3000) -> list[str]:
        """New blobs as the portal makes them: the object first, then the row."""
        store, keys, rows = objects.client(self.node), list[str](), list[str]()
        for _ in range(count):
            key = f"2026/11/{secrets.token_hex(16)}"
            data = os.urandom(size) + MARKER.encode()
            store.put_object(
                bucket_name=self.node.box.objects.bucket,
                object_name=key,
                data=io.BytesIO(data),
                length=len(data),
            )
            digest = hashlib.sha256(data).hexdigest()
            rows.append(f"('{key}', {len(data)}, now(), '{digest}', '', 0)")
            self.contents[key] = data
            keys.append(key)
        columns = "key, size, created_at, sha256, content_type, picture_attempts"
        query(self.node, f"insert into files_blob ({columns}) values {', '.join(rows)}")
        return keys

    def add_private_file(self, login: str) -> str:
        """`plan.txt` in a post to nobody but its author; the key of its blob."""
        (key,) = self.add_blobs(1)
        query(
            self.node,
            "with t as (insert into discussion_thread (kind, comments_count, likes_count, dislikes_count)"
            " values ('feed.post', 0, 0, 0) returning id),"
            " p as (insert into feed_post (author_id, text, html, created_at, thread_id, kind, version,"
            " audience, is_private) select u.id, 'The plan', '<p>The plan</p>', now(), t.id, 'post', 1,"
            f" array['U' || u.id], true from accounts_user u, t where login = '{login}' returning id),"
            " f as (insert into files_file"
            " (owner_id, name, blob_id, created_at, attached_at, audience, is_private)"
            " select u.id, 'plan.txt', b.id, now(), now(), array['U' || u.id], true from accounts_user u,"
            f" files_blob b where login = '{login}' and key = '{key}' returning id)"
            " insert into feed_postfile (post_id, file_id, position) select p.id, f.id, 0 from p, f",
        )
        return key

    def keys(self) -> set[str]:
        return set(query(self.node, "select key from files_blob").split())

    def stored(self, key: str) -> bytes | None:
        """What the portal's store has under a key."""
        from minio.error import S3Error

        try:
            answer = objects.client(self.node).get_object(
                bucket_name=self.node.box.objects.bucket, object_name=key
            )
        except S3Error:
            return None
        with answer:
            return answer.read()

    def lose(self, key: str) -> None:
        """The store loses an object, as a broken disk would."""
        objects.client(self.node, as_admin=True).remove_object(
            bucket_name=self.node.box.objects.bucket, object_name=key
        )


@contextmanager
def box_with_backups() -> Iterator[Kept]:
    """A box with one target, a folder, to which nothing has gone yet."""
    require.programs("pgbackrest", "rclone", cure="apt-get install pgbackrest rclone")
    folder = Path(tempfile.mkdtemp(prefix="korobka-target-"))
    folder.chmod(0o755)
    parts = ("database", "objects", "cache")
    with running_box(*parts, has_tables=True, backup__patience_seconds=PATIENCE.seconds) as node:
        with acting_in(node):
            chosen, key = setup.begin()
            target = Target(1, "disk", "folder", str(folder))
            # Without `keep_up`: the tests say themselves what is done and when.
            chosen = setup.add_target(node, chosen, target, lambda _: None)
        yield Kept(node, folder, key, chosen)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _kept() -> Iterator[Kept]:
    """Making one takes longer than most tests: each worker has one, for all modules."""
    with box_with_backups() as kept:
        yield kept


@pytest.fixture(scope="module")
def kept(_kept: Kept) -> Iterator[Kept]:
    """With its one target, and no bad days remembered. Sets, blobs and people may be there already."""
    with acting_in(_kept.node):
        _kept.begin_anew()
        yield _kept


@pytest.fixture(scope="session")
def _rotated() -> Iterator[Kept]:
    with box_with_backups() as kept:
        yield kept


@pytest.fixture
def rotated(_rotated: Kept) -> Iterator[Kept]:
    """A box for new keys: what is closed by them stays, which tests of other things do not expect. What a
    test of this has closed may be there already."""
    with acting_in(_rotated.node):
        _rotated.begin_anew()
        yield _rotated


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test says in its company's time the next one doesn't."""
    monkeypatch.setattr(moments, "_zone", UTC)


@pytest.fixture(autouse=True)
def _at_rest(request: pytest.FixtureRequest) -> Iterator[None]:
    """No backup of its own stands in the way of the next test's."""
    boxes = [request.getfixturevalue(name) for name in ("kept", "rotated") if name in request.fixturenames]
    yield
    for kept in boxes:
        kept.rest()


@contextmanager
def acting_in(node: Node) -> Iterator[None]:
    """What is run here is run in this box."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KOROBKA_PREFIX", str(node.paths.prefix))
        yield


@pytest.fixture
def second(kept: Kept) -> Iterator[Target]:
    """Another folder, with a repository of its own in which nothing is yet."""
    place = Path(tempfile.mkdtemp(prefix="korobka-second-"))
    place.chmod(0o755)
    target = Target(kept.free_number, "second", "folder", str(place))
    setup.add_target(kept.node, kept.settings, target, lambda _: None)
    yield target
    setup.remove_target(kept.node, kept.settings, target.name, lambda _: None)
    shutil.rmtree(place)


@pytest.fixture
def empty_machine() -> Iterator[Paths]:
    """Folders of a box, and nothing else: here another folder is another machine."""
    with tempfile.TemporaryDirectory(prefix="korobka-") as folder:
        Path(folder).chmod(0o755)
        paths = Paths(Path(folder))
        folders.prepare(paths)
        yield paths
