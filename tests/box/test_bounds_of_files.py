"""Every address that takes a file is sent pictures, tables, calendars and cards holding more than they weigh.

None answers with an error of ours; what it takes of processor and memory, with the processes that it starts,
is bounded and printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import reverse

from tests.box import test_permissions
from tests.box.odd_files import FILES, LARGEST
from tests.box.oddities import (
    ADDRESSES,
    ASKED,
    Taken,
    arguments_of,
    browser_of,
    files_asked_for,
    names_asked_for,
    visitor,
)
from tests.box.test_permissions import World
from tests.box.visits import Visit
from tests.randomness import chosen

pytestmark = pytest.mark.django_db

# Fixtures, by the names that tests ask for them.
globals().update({name: getattr(test_permissions, name) for name in ("_without_an_agent", "_world", "world")})


@dataclass(frozen=True)
class Taking:
    """An address that looks for files in what it is sent."""

    visit: Visit
    files: set[str]
    """Their names."""
    fields: dict[str, str]
    """What it wants to know besides, so that it comes to look at the file."""


@pytest.fixture
def taking(world: World) -> list[Taking]:
    found = list[Taking]()
    for visit in ADDRESSES:
        if visit.method != "POST":
            continue
        address = reverse(visit.route, args=arguments_of(visit, world.things))
        given = {"nonce": str(uuid4()), **visit.data}
        for _round in range(ASKED):
            with files_asked_for() as files, names_asked_for() as fields, transaction.atomic():
                browser_of(visitor(visit), world).post(address, given)
                transaction.set_rollback(True)
            if not files or fields <= given.keys():
                break
            given = {**dict.fromkeys(fields - files, "1"), **given}
        if files:
            found.append(Taking(visit, files, given))
    return found


def test_files_are_taken_at_addresses_that_are_known(taking: list[Taking]) -> None:
    """Else nothing is sent at all."""
    found = {one.visit.route: one.files for one in taking}
    assert found.items() >= {"imports:imports": {"table"}, "people:photo-of": {"photo"}}.items()
    assert found.items() >= {"feed:badges": {"upload"}, "console:directory:sign-in": {"keytab"}}.items()


@pytest.mark.parametrize("name", chosen("files", [*FILES]))
def test_no_address_breaks_over_the_file_that_it_is_sent(
    name: str, world: World, taking: list[Taking]
) -> None:
    called, content = FILES[name][0], FILES[name][1]()
    assert len(content) < 2 * LARGEST
    broken, taken = list[str](), Taken()
    for one in taking:
        files = {key: SimpleUploadedFile(called, content) for key in one.files}
        address = reverse(one.visit.route, args=arguments_of(one.visit, world.things))
        client = browser_of(visitor(one.visit), world)
        with taken.by(str(one.visit)), transaction.atomic():
            answer = client.post(address, {**one.fields, **files})
            transaction.set_rollback(True)
        if answer.status_code >= 500:
            broken.append(f"{one.visit}: {answer.status_code}")
    taken.tell(name)
    assert broken == []
    assert taken.too_much() == []
