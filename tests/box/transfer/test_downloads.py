"""Files come several at once, and never more; what becomes of each is told where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier, Lock
from typing import IO

import pytest
from django.utils import translation

from box.apps.drive.models import Item
from box.core.accounts.models import User
from box.core.files.store import StoreUnavailable
from box.lib.egress import Fetched, Unreachable
from box.transfer.cloud import Cloud, CloudAway, Loader
from box.transfer.downloads import AT_ONCE, fetch_each
from tests.box.transfer.moving import Move
from tests.cast import person
from tests.cloud.companies import small_company

# Until a test gives up: those that should be on their way at once are not.
PATIENCE = 60.0


class Meter:
    """How many are on their way at once, at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        yield
        with self.lock:
            self.now -= 1


def cloud(load: Loader) -> Cloud:
    return Cloud("https://company.bitrix24.com/rest/1/abc123/", loader=load, sleep=lambda seconds: None)


def text(key: int, content: IO[bytes], fetched: Fetched) -> tuple[int, bytes, str]:
    return key, content.read(), fetched.name


def test_several_come_at_once_never_more_and_in_their_order() -> None:
    meter, together = Meter(), Barrier(AT_ONCE)

    def load(address: str, into: IO[bytes]) -> Fetched:
        with meter.one():
            # Nobody passes before so many are here.
            together.wait(PATIENCE)
            into.write(address.rpartition("/")[2].encode())
            return Fetched(1, "a.txt")

    wanted = {number: f"/file/{number}" for number in range(3 * AT_ONCE)}
    found = fetch_each(cloud(load), wanted, text)
    assert list(found.items()) == [(number, (number, str(number).encode(), "a.txt")) for number in wanted]
    assert meter.most == AT_ONCE


def test_one_that_does_not_come_is_named_and_the_others_come() -> None:
    def load(address: str, into: IO[bytes]) -> Fetched:
        if address.endswith("/2"):
            into.write(b"half of it")
            raise Unreachable("HTTP 404")
        return Fetched(into.write(b"x"), "")

    found = fetch_each(cloud(load), {1: "/1", 2: "/2", 3: "/3"}, text)
    assert isinstance(found[2], CloudAway) and "404" in str(found[2])
    assert [found[1], found[3]] == [(1, b"x", ""), (3, b"x", "")]


def test_a_store_that_is_away_ends_all_of_it() -> None:
    def load(address: str, into: IO[bytes]) -> Fetched:
        return Fetched(0, "")

    def keep(key: int, content: IO[bytes], fetched: Fetched) -> None:
        raise StoreUnavailable("it is away")

    with pytest.raises(StoreUnavailable):
        fetch_each(cloud(load), {number: f"/{number}" for number in range(20)}, keep)


def test_each_thread_speaks_the_language_of_the_migration() -> None:
    def load(address: str, into: IO[bytes]) -> Fetched:
        return Fetched(0, translation.get_language() or "")

    with translation.override("ru"):
        found = fetch_each(cloud(load), {1: "/1", 2: "/2"}, text)
    assert [one[2] for one in found.values() if isinstance(one, tuple)] == ["ru", "ru"]


@pytest.mark.django_db
def test_files_of_small_folders_come_at_once(store: object) -> None:
    company = small_company()
    together, folders = Barrier(AT_ONCE), 2 * AT_ONCE
    names = [f"plan-{number}.txt" for number in range(folders)]
    for name in names:
        company.file(("folder", company.folder(("storage", 1), f"Of {name}", 1)), name, 1, b"A plan")
    move = Move(person("Olga", is_administrator=True), company)
    load = move._load

    def waited_for(address: str, into: IO[bytes]) -> Fetched:
        if company.content(address) == b"A plan":
            together.wait(PATIENCE)
        return load(address, into)

    move._load = waited_for  # type: ignore[method-assign]
    move.bring()
    assert Item.objects.filter(name__in=names).count() == folders
    assert User.objects.count() == len(company.people) + 1
