"""Colleagues in phones: an address book to be read only."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from box.core.accounts.actions import suspend_user
from tests.box.bridges.dav.phones import Phone

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


def test_colleagues_are_cards_and_who_leaves_is_none(
    anna: User, boris: User, erik: User, olga: User, sales: Department
) -> None:
    boris.phone, boris.position, boris.email = "+7 495 123-45-67", "Seller", "boris@korobka.test"
    boris.birthday_on, boris.birthday_shown = date(1990, 5, 6), "year"
    boris.save()
    phone = Phone(anna)
    book = f"{phone.home}people/"
    kind = phone.properties(book, "D:resourcetype", "D:current-user-privilege-set")[book]
    assert "addressbook" in kind["resourcetype"]
    assert "write" not in kind["current-user-privilege-set"]
    token, known = phone.sync(book)
    assert f"{boris.pk}.vcf" in known
    assert f"{erik.pk}.vcf" not in known
    card = phone.text(f"{book}{boris.pk}.vcf")
    lines = ("TEL;TYPE=WORK:+7 495 123-45-67", "TITLE:Seller", "BDAY:1990-05-06", "boris@korobka.test")
    assert [one for one in (*lines, sales.name) if one not in card] == []
    assert phone.ask("PUT", f"{book}{boris.pk}.vcf", card).status_code == 403
    boris.birthday_shown = "day"
    boris.save()
    assert phone.sync(book, token)[1] == {f"{boris.pk}.vcf": 200}
    assert "BDAY" not in phone.text(f"{book}{boris.pk}.vcf")
    suspend_user(boris, by=olga)
    assert phone.sync(book, token)[1] == {f"{boris.pk}.vcf": 404}
