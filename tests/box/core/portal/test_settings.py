"""Choosing for the whole portal: what is stored, told and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.core.access.principals import EVERYONE
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.files.actions import NotYours
from box.core.files.models import Blob, File, new_key
from box.core.files.store import StoreUnavailable
from box.core.notify.mail import HOST, LOGIN, PASSWORD
from box.core.portal.actions import change_logo, change_settings, logo_file
from box.core.portal.forms import SettingsForm
from box.core.portal.models import Logo
from box.core.push.models import PushMessage
from box.core.registry.company import LOGO, NAME
from box.core.registry.models import StoredSetting
from box.core.registry.settings import sections, settings
from box.lib.sealing import seal
from tests.box.core.people.photos import picture as photo
from tests.cast import left_open

if TYPE_CHECKING:
    from django.test import Client

    from box.bridges.storage.client import S3Store

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]


def told() -> list[object]:
    return [event.payload["changes"] for event in Event.objects.filter(kind="portal.SettingsChanged")]


def test_a_change_tells_what_was_and_what_is(olga: User) -> None:
    assert change_settings({NAME.key: "Romashka", HOST.key: ""}, by=olga) == (NAME.key,)
    assert NAME.value == "Romashka"
    assert told() == [[["company.name", "", "Romashka"]]]
    assert change_settings({NAME.key: "Romashka"}, by=olga) == ()
    assert len(told()) == 1


def test_a_secret_is_neither_told_nor_stored_in_plain_text(olga: User) -> None:
    change_settings({PASSWORD.key: "tell nobody"}, by=olga)
    assert PASSWORD.value == "tell nobody"
    assert told() == [[["mail.password", "***", "***"]]]
    sealed = StoredSetting.objects.get(key=PASSWORD.key).value
    assert "tell nobody" not in sealed
    # It may be that of another box: whatever is written is sealed anew.
    assert change_settings({PASSWORD.key: "tell nobody"}, by=olga) == (PASSWORD.key,)
    assert StoredSetting.objects.get(key=PASSWORD.key).value != sealed


@pytest.mark.parametrize("section", [key for key, _section in sections.items()])
def test_what_holds_now_may_be_saved_again(section: str, olga: User) -> None:
    form = SettingsForm(section)
    shown = {name: form[name].value() for name in form.fields}
    again = SettingsForm(
        section, {name: value for name, value in shown.items() if value not in (False, None)}
    )
    assert again.is_valid(), again.errors
    assert change_settings(again.values, by=olga) == ()


def test_every_setting_has_its_section() -> None:
    known = {key for key, _section in sections.items()}
    assert {setting.section for setting in settings if setting.section} <= known


def test_the_page_says_what_is_wrong_and_changes_nothing(as_person: Browser, olga: User) -> None:
    answer = as_person(olga).post(
        "/console/settings/mail/",
        {"mail.host": "https://mail.example.com/", "mail.port": "99999", "mail.encryption": "starttls"},
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Write the server&#39;s name alone" in page
    assert "less than or equal to 65535" in page
    assert HOST.value == ""
    assert told() == []


def test_an_empty_secret_stays_as_it_is_and_is_shown_to_nobody(as_person: Browser, olga: User) -> None:
    change_settings({PASSWORD.key: "tell nobody"}, by=olga)
    browser = as_person(olga)
    assert b"tell nobody" not in browser.get("/console/settings/mail/").content
    sent = {"mail.host": "mail.test", "mail.port": "25", "mail.encryption": "none", "mail.password": ""}
    assert browser.post("/console/settings/mail/", sent).status_code == 302
    assert (HOST.value, PASSWORD.value) == ("mail.test", "tell nobody")


MAIL = {
    "mail.host": "mail.test",
    "mail.port": "587",
    "mail.encryption": "starttls",
    "mail.verifies": "on",
    "mail.login": "portal",
}


@pytest.mark.parametrize(
    ("changes", "goes"),
    [
        ({"mail.host": "evil.example"}, False),
        ({"mail.port": "2525"}, False),
        ({"mail.login": "another"}, False),
        ({"mail.encryption": "none"}, False),
        ({"mail.verifies": ""}, False),
        ({"mail.encryption": "tls"}, True),
        ({"mail.sender": "office@mail.test"}, True),
        # It is sent to nobody then.
        ({"mail.host": "evil.example", "mail.login": ""}, True),
        ({"mail.host": ""}, True),
        ({"mail.host": "new.test", "mail.password": "of the new one"}, True),
    ],
    ids=str,
)
def test_the_stored_password_goes_to_no_other_server(
    as_person: Browser, olga: User, changes: dict[str, str], goes: bool
) -> None:
    browser = as_person(olga)
    assert (
        browser.post("/console/settings/mail/", {**MAIL, "mail.password": "tell nobody"}).status_code == 302
    )
    answer = browser.post("/console/settings/mail/", {**MAIL, **changes})
    assert answer.status_code == (302 if goes else 422)
    if not goes:
        assert "Write the password again" in answer.content.decode()
        assert (HOST.value, LOGIN.value) == ("mail.test", "portal")
        # The setup's form is the same.
        assert browser.post("/console/setup/mail/", {**MAIL, **changes}).status_code == 422


def test_nor_does_it_in_two_steps(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    browser.post("/console/settings/mail/", {**MAIL, "mail.password": "tell nobody"})
    for without in ("mail.host", "mail.login"):
        browser.post("/console/settings/mail/", {**MAIL, "mail.encryption": "none", without: ""})
        answer = browser.post("/console/settings/mail/", {**MAIL, "mail.encryption": "none"})
        assert answer.status_code == 422, without
        browser.post("/console/settings/mail/", {**MAIL, "mail.password": "tell nobody"})


def test_a_secret_of_another_box_is_written_anew(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    browser.post("/console/settings/mail/", {**MAIL, "mail.password": "tell nobody"})
    StoredSetting.objects.filter(key=PASSWORD.key).update(value=seal("tell nobody", "the key of another box"))
    assert browser.post("/console/settings/mail/", {**MAIL, "mail.host": "new.test"}).status_code == 422
    assert browser.post("/console/settings/mail/", {**MAIL, "mail.password": "again"}).status_code == 302
    assert PASSWORD.value == "again"


@pytest.mark.parametrize("section", ["mail", "sign_in", "audit"])
def test_an_open_session_alone_does_not_open_what_accounts_hang_on(
    as_person: Browser, olga: User, section: str
) -> None:
    browser = left_open(as_person(olga))
    address = f"/console/settings/{section}/"
    sent = {"mail.host": "evil.example", "mail.port": "25", "mail.encryption": "none"}
    for answer in (browser.get(address), browser.post(address, sent)):
        assert answer.headers["Location"].startswith("/profile/proof/")
    assert told() == []
    assert browser.get("/console/settings/company/").status_code == 200


def test_the_company_is_named_above_every_page_and_at_the_door(
    as_person: Browser, client: Client, olga: User, anna: User
) -> None:
    change_settings({NAME.key: "<Romashka>"}, by=olga)
    assert b'<span class="label">&lt;Romashka&gt;</span>' in as_person(anna).get("/notifications/").content
    assert b"&lt;Romashka&gt;" in client.get("/sign-in/", headers={"X-Forwarded-Proto": "https"}).content


def test_language_and_time_zone_are_for_whoever_has_not_chosen(
    as_person: Browser, olga: User, anna: User
) -> None:
    change_settings({"company.language": "ru", "company.time_zone": "Asia/Tokyo"}, by=olga)
    assert as_person(anna).get("/notifications/").headers["Content-Language"] == "ru"
    User.objects.filter(pk=anna.pk).update(language="en")
    assert as_person(anna).get("/notifications/").headers["Content-Language"] == "en"


def picture(owner: User, name: str = "logo.png") -> File:
    blob = Blob.objects.create(
        key=f"2026/11/{name.encode().hex():0>32}"[:64],
        size=1,
        content_type="image/svg+xml" if name.endswith(".svg") else "image/png",
        inspected_at=timezone.now(),
    )
    return File.objects.create(owner=owner, name=name, blob=blob, audience=[f"U{owner.pk}"])


def test_a_logo_is_a_picture_of_ones_own(olga: User, anna: User) -> None:
    with pytest.raises(NotYours):
        change_logo(picture(anna).pk, by=olga)
    with pytest.raises(ValidationError, match="Choose a picture"):
        change_logo(picture(olga, "logo.svg").pk, by=olga)
    assert (LOGO.value, Logo.objects.count()) == (0, 0)
    first, second = picture(olga, "a.png"), picture(olga, "b.png")
    change_logo(first.pk, by=olga)
    change_logo(second.pk, by=olga)
    shown = logo_file()
    assert shown is not None
    assert (shown, EVERYONE in shown.audience) == (second, True)
    assert LOGO.value == second.pk
    assert not File.objects.filter(pk=first.pk).exists()
    change_logo(None, by=olga)
    assert (LOGO.value, logo_file()) == (0, None)


def test_a_logo_can_be_shown_as_soon_as_it_is_told_of(client: Client, olga: User, store: S3Store) -> None:
    """Before a job has looked into it."""

    def upload(name: str, data: bytes) -> File:
        blob = Blob.objects.create(key=new_key(timezone.now()), size=len(data))
        store.write(blob.key, data, content_type="application/octet-stream")
        return File.objects.create(owner=olga, name=name, blob=blob, audience=[f"U{olga.pk}"])

    with pytest.raises(ValidationError, match="Choose a picture"):
        change_logo(upload("logo.png", b"<svg/>").pk, by=olga)
    logo = upload("logo", photo(kind="PNG").getvalue())
    change_logo(logo.pk, by=olga)
    answer = client.get(f"/logo/{logo.pk}/", headers={"X-Forwarded-Proto": "https"})
    assert answer.status_code == 302


def test_a_logo_that_cannot_be_looked_at_is_chosen_later(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object, **_more: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr("box.core.files.actions.inspect_blob", away)
    logo = picture(olga)
    Blob.objects.filter(pk=logo.blob_id).update(inspected_at=None)
    with pytest.raises(ValidationError, match="not reachable right now"):
        change_logo(logo.pk, by=olga)
    assert logo_file() is None


def test_open_pages_hear_of_another_name_or_logo(olga: User, erik: User) -> None:
    change_settings({"company.language": "ru"}, by=olga)
    change_settings({"company.name": "Romashka"}, by=olga)
    change_logo(picture(olga).pk, by=olga)
    number = LOGO.value
    deliver_all()
    told = PushMessage.objects.filter(topic="portal", kind="brand").values_list("audience", "payload")
    # Each as it is by then.
    everybody = [f"U{erik.pk}", "UA"]
    assert list(told) == [(everybody, {"name": "Romashka", "logo": f"/logo/{number}/"})] * 2
    change_logo(None, by=olga)
    deliver_all()
    newest = PushMessage.objects.filter(topic="portal").latest("pk")
    assert newest.payload["logo"].endswith("img/logo.svg")


def test_the_logo_is_shown_to_whoever_has_yet_to_sign_in(client: Client, olga: User, store: object) -> None:
    logo = picture(olga)
    change_logo(logo.pk, by=olga)
    https = {"X-Forwarded-Proto": "https"}
    assert f'src="/logo/{logo.pk}/"'.encode() in client.get("/sign-in/", headers=https).content
    answer = client.get(f"/logo/{logo.pk}/", headers=https)
    assert answer.status_code == 302
    assert logo.blob.key in answer.headers["Location"]
    assert client.get(f"/logo/{logo.pk + 1}/", headers=https).status_code == 404
