"""The clients of a record: its main company and contact, and the contacts beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.actions.merging import merge_records
from box.apps.crm.actions.records import NewRecord, add_record, change_record, delete_records
from box.apps.crm.models import Link, Record
from box.lib.ranks import between
from tests.box.apps.crm.conftest import added

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def linked(record: Record, role: Link.Role = Link.Role.CONTACT) -> list[str]:
    links = record.links.filter(role=role).order_by("rank", "id").select_related("to")
    return [link.to.title for link in links]


def test_nobody_links_whom_they_do_not_see_or_who_is_gone(anna: User, cara: User, deal: Record) -> None:
    oak, rose = added("company", cara, "Oak Ltd"), added("contact", cara, first_name="Rose")
    gone = added("contact", anna, first_name="Ines")
    delete_records([gone], by=None)
    clients: list[dict[str, Any]] = [
        {"company": oak}, {"contact": rose}, {"contacts": [rose]}, {"contact": gone}, {"contacts": [gone]}
    ]  # fmt: skip
    for given in clients:
        with pytest.raises(ValidationError, match="not there any more"):
            add_record(NewRecord(type=deal.type, responsible=anna, title="Tables", **given), by=anna)
        with pytest.raises(ValidationError, match="not there any more"):
            change_record(deal, given, by=anna)
    assert not Link.objects.exists()
    # The portal itself sees whoever is there.
    change_record(deal, {"company": oak, "contacts": [rose]}, by=None)
    with pytest.raises(ValidationError, match="not there any more"):
        change_record(deal, {"contact": gone}, by=None)


def test_a_client_whom_one_does_not_see_keeps_nobody_from_changing_the_rest(anna: User, cara: User) -> None:
    oak, rose = added("company", cara, "Oak Ltd"), added("contact", cara, first_name="Rose")
    deal = added("deal", anna, company=oak, contact=rose)
    change_record(deal, {"title": "Tables", "company": oak}, by=anna)
    deal.refresh_from_db()
    assert (deal.title, deal.company, deal.contact) == ("Tables", oak, rose)


def test_the_main_client_changes_and_the_others_stay_in_their_order(anna: User) -> None:
    rose, paul, ines, mara = (
        added("contact", anna, first_name=name) for name in ("Rose", "Paul", "Ines", "Mara")
    )
    oak, elm = (added("company", anna, name) for name in ("Oak Ltd", "Elm Ltd"))
    deal = added("deal", anna, company=oak, contacts=[rose, paul, ines])
    change_record(deal, {"company": elm}, by=anna)
    assert (linked(deal), linked(deal, Link.Role.COMPANY)) == (["Rose", "Paul", "Ines"], ["Elm Ltd"])
    ranks = dict(deal.links.values_list("to__title", "rank"))
    deal.links.filter(to=ines).update(rank=between(ranks["Rose"], ranks["Paul"]))
    change_record(deal, {"contact": mara}, by=anna)
    assert linked(deal) == ["Mara", "Rose", "Ines", "Paul"]
    assert linked(deal, Link.Role.COMPANY) == ["Elm Ltd"]
    change_record(deal, {"company": None}, by=anna)
    assert (len(linked(deal)), linked(deal, Link.Role.COMPANY)) == (4, [])


def test_clients_that_came_along_with_a_duplicate_stay_when_something_else_is_changed(anna: User) -> None:
    oak, elm = (added("company", anna, name) for name in ("Oak Ltd", "Elm Ltd"))
    first, second = added("deal", anna, company=oak), added("deal", anna, company=elm)
    merge_records(first, [second], by=anna)
    change_record(first, {"title": "Tables"}, by=anna)
    assert set(linked(first, Link.Role.COMPANY)) == {"Oak Ltd", "Elm Ltd"}


def test_the_first_of_several_contacts_is_the_one_whom_one_speaks_with(anna: User) -> None:
    rose, paul = (added("contact", anna, first_name=name) for name in ("Rose", "Paul"))
    made = added("deal", anna, contacts=[rose, paul])
    made.refresh_from_db()
    assert (made.contact, linked(made)) == (rose, ["Rose", "Paul"])
    other = added("deal", anna, contact=paul, contacts=[rose])
    other.refresh_from_db()
    assert (other.contact, linked(other)) == (paul, ["Paul", "Rose"])
