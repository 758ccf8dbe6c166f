"""Devices: a password each, shown once, that opens what its person sees and ends with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from box.bridges.dav.actions import MOST, add_device, forget_states, remove_device, revoke_everybodys
from box.bridges.dav.models import KEPT_STATES, Device, SyncState
from box.bridges.dav.passwords import DevicePassword, device_of
from box.bridges.dav.session import LARGEST_REQUEST
from box.core.access.actions import employees_role, set_rights
from box.core.accounts.actions import return_user, suspend_user
from box.core.accounts.models import User
from box.core.accounts.throttle import MOST_OF_LOGIN
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from tests.box.bridges.dav.phones import Phone

if TYPE_CHECKING:
    from django.test import Client

    from tests.clock import Clock

type Browser = Callable[[User | None], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HERE = "192.0.2.7"


def test_a_password_opens_only_what_is_its_persons(anna: User, boris: User, clock: Clock) -> None:
    password = DevicePassword.new()
    device = add_device("Phone", password, by=anna)
    found = device_of(anna.login, password.text, HERE, clock.now)
    assert found is not None
    assert (found[0], found[1].pk) == (device, anna.pk)
    typed = password.text.replace("-", "").upper()
    assert device_of(anna.login.upper(), typed, HERE, clock.now) is not None
    assert device_of(boris.login, password.text, HERE, clock.now) is None
    assert device_of(anna.login, DevicePassword.new().text, HERE, clock.now) is None
    assert device_of(anna.login, "", HERE, clock.now) is None


def test_it_ends_with_the_device_the_person_the_right_and_a_restore(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    phones = [Phone(one) for one in (anna, boris, cara)]
    assert [one.ask("OPTIONS", one.home).status_code for one in phones] == [200, 200, 200]
    assert phones[0].device is not None
    remove_device(phones[0].device, by=anna)
    suspend_user(boris, by=olga)
    assert [one.ask("OPTIONS", one.home).status_code for one in phones] == [401, 401, 200]
    set_rights(employees_role(), [], by=None)
    assert phones[2].ask("OPTIONS", phones[2].home).status_code == 401
    with pytest.raises(PermissionDenied):
        add_device("Another", DevicePassword.new(), by=User.objects.get(pk=cara.pk))
    set_rights(employees_role(), ["dav.use"], by=None)
    assert phones[2].ask("OPTIONS", phones[2].home).status_code == 200
    revoke_everybodys()
    assert phones[2].ask("OPTIONS", phones[2].home).status_code == 401


def test_who_comes_back_has_to_connect_their_devices_again(anna: User, olga: User, clock: Clock) -> None:
    stolen = Phone(anna)
    clock.move(minutes=1)
    suspend_user(anna, by=olga)
    return_user(anna, by=olga)
    clock.move(minutes=1)
    new = Phone(User.objects.get(pk=anna.pk))
    deliver_all()
    assert [one.ask("OPTIONS", one.home).status_code for one in (stolen, new)] == [401, 200]
    assert Event.objects.filter(kind="dav.DeviceRemoved").count() == 1


def test_guessing_is_made_slow(anna: User, clock: Clock) -> None:
    phone = Phone(anna)
    wrong = Phone(anna, password="aaaa-aaaa-aaaa-aaaa-aaaa")
    for _ in range(MOST_OF_LOGIN):
        assert wrong.ask("OPTIONS", wrong.home).status_code == 401
    assert phone.ask("OPTIONS", phone.home).status_code == 401
    clock.move(minutes=16)
    assert phone.ask("OPTIONS", phone.home).status_code == 200


def test_nothing_but_small_requests_of_known_methods_is_read(anna: User) -> None:
    phone = Phone(anna)
    assert phone.ask("LOCK", phone.home).status_code == 405
    assert phone.ask("PROPFIND", phone.home, " " * (LARGEST_REQUEST + 1)).status_code == 413
    assert phone.ask("PROPFIND", phone.home, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").status_code >= 400
    assert phone.client.get(phone.home, headers={"Authorization": "Basic !!!"}).status_code == 401


def test_the_page_shows_a_password_once(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)
    said = {"name": "My phone", "nonce": str(uuid4())}
    first = browser.post("/profile/devices/new/", said).content.decode()
    assert "/dav/" in first
    assert "data-password" in first
    again = browser.post("/profile/devices/new/", said, follow=True).content.decode()
    assert "data-password" not in again
    device = Device.objects.get()
    assert "My phone" in browser.get("/profile/devices/").content.decode()
    assert as_person(boris).post(f"/profile/devices/{device.pk}/removal/").status_code == 404
    assert browser.post(f"/profile/devices/{device.pk}/removal/").status_code == 302
    assert Device.objects.connected().count() == 0
    deliver_all()
    kinds = set(AuditRecord.objects.filter(kind__startswith="dav.").values_list("kind", flat=True))
    assert kinds == {"dav.device_added", "dav.device_removed"}


def test_there_are_so_many_devices_and_no_more(anna: User) -> None:
    for _ in range(MOST):
        add_device("Phone", DevicePassword.new(), by=anna)
    with pytest.raises(ValidationError, match=f"{MOST} devices"):
        add_device("Phone", DevicePassword.new(), by=anna)


def test_states_are_forgotten_after_two_months(anna: User, clock: Clock) -> None:
    SyncState.objects.create(user=anna, collection="a", token="b", packed=b"", made_at=clock.now)
    assert forget_states(clock.now + KEPT_STATES) == 0
    clock.move(seconds=1)
    assert forget_states(clock.now + KEPT_STATES) == 1


def test_a_device_is_removed_once_and_makes_room_for_another(
    anna: User, boris: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.bridges.dav.actions.MOST", 1)
    first = add_device("  My   phone ", DevicePassword.new(), by=anna)
    assert first.name == "My phone"
    add_device("Phone", DevicePassword.new(), by=boris)
    removed_at = clock.now
    for _time in range(2):
        remove_device(first, by=anna)
        clock.move(minutes=1)
    told = Event.objects.filter(kind="dav.DeviceRemoved").get().payload
    own = {"device_id": first.pk, "user_id": anna.pk, "by_id": anna.pk}
    assert told == {**own, "name": "My phone"}
    for wrong in ("", " ", "x" * 101):
        with pytest.raises(ValidationError):
            add_device(wrong, DevicePassword.new(), by=anna)
    add_device("Another", DevicePassword.new(), by=anna)
    # After a restore all end, but for who had none already.
    assert revoke_everybodys() == 2
    first.refresh_from_db()
    assert first.revoked_at == removed_at
