"""A process that dies in the middle of a change has changed nothing, and trying again does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from box.apps.drive.actions.sharing import share_item
from box.apps.drive.actions.trash import bring_back, purge, throw_away
from box.apps.drive.actions.tree import add_files, make_folder, move_items
from box.apps.drive.models import Item, Share, Version
from box.core.access.principals import code_of
from box.core.events.models import Event
from box.core.files.models import File
from tests.box.apps.drive.conftest import put, uploaded
from tests.box.apps.drive.test_invariants import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    pass


def picture() -> list[list[tuple[Any, ...]]]:
    return [list(model._base_manager.order_by("pk").values_list()) for model in (Item, Share, Version, File)]


@pytest.fixture
def acts(anna: User, boris: User, annas: Item, company: Item) -> dict[str, Callable[[], object]]:
    """Each of several steps."""
    letters = make_folder(annas, "letters", by=anna)
    plan = put(make_folder(letters, "inner", by=anna), by=anna)
    one, two = put(annas, "one", by=anna), put(annas, "two", by=anna)
    old, older = put(annas, "old", by=anna), make_folder(annas, "older", by=anna)
    put(older, "inside", by=anna)
    throw_away([old, older], by=anna)
    put(annas, "old", by=anna)
    fresh = [uploaded(anna, "fresh").pk, uploaded(anna, "one").pk]

    def gone(*items: Item) -> list[Item]:
        return list(Item.objects.select_related("drive", "parent").filter(pk__in=[item.pk for item in items]))

    return {
        "move": lambda: move_items([letters, one, two], company, by=anna),
        "share": lambda: share_item(letters, [code_of(boris)], can_edit=True, by=anna),
        "throw away": lambda: throw_away([letters, one], by=anna),
        "bring back": lambda: bring_back(gone(older)[0], by=anna),
        "purge": lambda: purge(gone(older)[0], by=anna),
        "add": lambda: add_files(annas, fresh, by=anna),
        "move one": lambda: move_items([plan], company, by=anna),
    }


@pytest.mark.parametrize("name", ["move", "share", "throw away", "bring back", "purge", "add", "move one"])
def test_killed_anywhere_it_has_done_nothing(name: str, acts: dict[str, Callable[[], object]]) -> None:
    act, before, events = acts[name], picture(), Event.objects.count()
    with transaction.atomic(), CaptureQueriesContext(connection) as whole:
        act()
        transaction.set_rollback(True)
    writes = [
        number
        for number, query in enumerate(whole)
        if any(word in query["sql"] for word in ("UPDATE ", "DELETE ", "INSERT "))
    ]
    assert len(writes) > 2
    for last in writes:
        left = iter(range(last + 1))

        def dies(execute: Any, *call: Any, left: Iterator[int] = left) -> Any:
            result = execute(*call)
            if next(left, None) is None:
                raise Killed
            return result

        with pytest.raises(Killed), transaction.atomic(), connection.execute_wrapper(dies):
            act()
            # The last of its writes was the last of its statements.
            raise Killed
        assert picture() == before
        assert Event.objects.count() == events
    act()
    assert picture() != before
    File.objects.filter(attached_at=None).delete()
    check()
