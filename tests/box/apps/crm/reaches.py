"""Whom this room's messages and results reach: of anna's records anna and who observes them, and in what is
searched administrators."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from box.apps.crm.models import Record
from tests import cast as people
from tests.box.apps.crm.conftest import added
from tests.box.reach import Exported, Found, Push, World
from tests.box.visits import CONSOLE, SIGN_IN


def _observed(world: World, slug: str = "deal", word: str = "x") -> Record:
    return added(slug, world.cast.anna, word, observers=[world.cast.boris])


def _writing(world: World) -> object:
    browser: Client = people.browser(world.cast.anna)
    return browser.post(f"{_observed(world).get_absolute_url()}writing/")


def _found(slug: str) -> Callable[[World, str], object]:
    return lambda world, word: added(slug, world.cast.anna, word)


def _own_entity(world: World, word: str) -> object:
    from box.apps.crm.actions.setup import add_type

    kind = add_type("flat", "Flats", has_stages=False, has_client=False, has_amount=False, by=world.cast.olga)
    return added(kind.slug, world.cast.anna, word)


PUSHES = (
    Push("crm", "record", lambda world: added("deal", world.cast.anna, "x"), "olga anna"),
    Push("crm", "record", _observed, "olga anna boris"),
    Push("crm", "writing", _writing, "anna boris"),
)
FOUND = (
    Found("crm.record", _found("contact"), "olga anna"),
    Found("crm.record", lambda world, word: _observed(world, word=word), "olga anna boris"),
    Found("crm.record", _own_entity, "olga anna"),
)
EXPORTS = (
    Exported(
        "box.apps.crm.views.records.records", "crm:list", (200, 403, 403, 403, 404, SIGN_IN),
        of="deals", query="as=csv",
    ),
    Exported(
        "box.apps.crm.views.records.trash", "crm:trash", (403, 404, 404, 404, 404, SIGN_IN),
        of="deals", query="as=csv",
    ),
    Exported(
        "box.apps.crm.views.reports.payments", "crm:payments-list", (200, 403, 403, 403, 404, SIGN_IN),
        query="as=csv",
    ),
    Exported("box.apps.crm.setup.products.products", "crm:setup-products", CONSOLE, query="as=csv"),
)  # fmt: skip
