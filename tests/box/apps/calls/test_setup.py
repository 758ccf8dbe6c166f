"""PBXs are connected, extensions given out, and what may be dialled decided."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from box.apps.calls.actions.blocklist import block_number
from box.apps.calls.actions.setup import fields_with_extensions, follow_profiles, import_extensions
from box.apps.calls.routing import decide
from box.apps.calls.settings import CLOSES
from box.bridges.telephony.actions import set_extensions, tell_state
from box.bridges.telephony.fastagi import Route, Way
from box.bridges.telephony.models import Pbx
from box.core.accounts.custom_fields import PROFILE
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Field
from box.core.fields.values import write_many
from box.core.portal.calendar import is_open, next_open
from box.core.registry.capabilities import CallerLookup, callers
from box.core.registry.company import TIME_ZONE
from box.core.registry.settings import store
from tests.box.apps.calls.conftest import TALKING, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

NUMBERS = {
    "lines": "PJSIP/line",
    "region": "ru",
    "extension_length": "4",
    "context": "from-internal",
    "prefixes": "+7 +375",
    "forbidden": "+7809",
    "trunk_rules": "PJSIP/line 8 +7\n- 9 -",
    "recordings_there": "/var/spool/asterisk/monitor",
}


def connected(**more: str) -> dict[str, Any]:
    filled = {"name": "office", "host": "127.0.0.1", "port": "1", "user": "korobka", "logs": "none"}
    return {**filled, "secret": "a-secret-for-tests-only", "is_on": "on", "nonce": str(uuid4()), **more}


def test_a_pbx_is_connected_once_and_its_secret_is_shown_to_nobody(olga: User, as_person: Browser) -> None:
    browser, sent = as_person(olga), connected()
    for _ in range(2):
        assert browser.post("/calls/exchanges/new/", sent).status_code == 302
    pbx = Pbx.objects.get()
    assert pbx.secret == "a-secret-for-tests-only"
    assert "a-secret" not in browser.get(f"/calls/exchanges/{pbx.pk}/").content.decode()
    browser.post(f"/calls/exchanges/{pbx.pk}/", connected(secret="", host="127.0.0.2"))
    pbx.refresh_from_db()
    assert (pbx.host, pbx.secret) == ("127.0.0.2", "a-secret-for-tests-only")


def test_the_test_says_in_words_what_is_wrong_and_keeps_nothing(olga: User, as_person: Browser) -> None:
    answer = as_person(olga).post(
        "/calls/exchanges/new/", connected(do="test"), headers={"HX-Request": "true"}
    )
    said = answer.content.decode()
    assert "127.0.0.1:1" in said
    assert "The PBX cannot be used yet" in said
    assert not Pbx.objects.exists()


def test_rules_are_kept_as_they_were_written(pbx: Pbx, olga: User, as_person: Browser) -> None:
    address = f"/calls/exchanges/{pbx.pk}/numbers/"
    assert as_person(olga).post(address, NUMBERS).status_code == 302
    pbx.refresh_from_db()
    assert (pbx.prefixes, pbx.forbidden, pbx.region) == (["+7", "+375"], ["+7809"], "RU")
    assert pbx.trunk_rules == [["PJSIP/line", "8", "+7"], ["", "9", ""]]
    assert "PJSIP/line 8 +7" in as_person(olga).get(address).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefixes": "7"},
        {"prefixes": "+7x"},
        {"context": "a,b"},
        {"lines": "PJSIP/a b/c"},
        {"trunk_rules": "PJSIP/line ${X} +7"},
        {"asks_at": "everywhere"},
        {"region": "Russia"},
    ],
)
def test_what_a_dialplan_would_read_otherwise_is_refused(
    pbx: Pbx, olga: User, as_person: Browser, wrong: dict[str, str]
) -> None:
    answer = as_person(olga).post(f"/calls/exchanges/{pbx.pk}/numbers/", {**NUMBERS, **wrong})
    assert answer.status_code == 422
    pbx.refresh_from_db()
    assert pbx.prefixes == ["+79"]


def test_extensions_come_from_a_table_whole_or_not_at_all(
    pbx: Pbx, anna: User, cara: User, olga: User
) -> None:
    with pytest.raises(ValidationError, match="Line 2"):
        import_extensions(pbx, f"104;{cara.email}\n105;nobody@example.com", by=olga)
    assert not pbx.extensions.filter(number="104").exists()
    assert (
        import_extensions(pbx, f'Number;Person\n"104";"{cara.email.upper()}"\n100;{anna.email}', by=olga) == 1
    )
    assert pbx.extensions.get(number="104").user == cara
    with pytest.raises(ValidationError, match="twice"):
        import_extensions(pbx, "104\n104", by=olga)
    assert not pbx.extensions.filter(is_browser=True).exists()
    import_extensions(pbx, f"104;{cara.email};browser\n105;;desk", by=olga)
    assert list(pbx.extensions.filter(is_browser=True).values_list("number", flat=True)) == ["104"]


def test_the_table_that_is_saved_is_the_one_that_is_taken_in(
    pbx: Pbx, olga: User, as_person: Browser
) -> None:
    answer = as_person(olga).get(f"/calls/exchanges/{pbx.pk}/extensions/table/")
    table = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert import_extensions(pbx, table, by=olga) == 0
    pbx.extensions.filter(number="100").update(user=None)
    assert import_extensions(pbx, table, by=olga) == 1
    assert pbx.extensions.get(number="100").user is not None


def extension_field(olga: User, *, writers: str = "editors") -> Field:
    return add_field(PROFILE, FieldDraft("Extension", "text", readers="everybody", writers=writers), by=olga)


def has_in_profile(field: Field, **numbers: tuple[User, str]) -> None:
    write_many(PROFILE, {person.pk: {field: [number]} for person, number in numbers.values()})


def test_extensions_follow_what_the_directory_says_of_people(
    pbx: Pbx, anna: User, boris: User, cara: User, olga: User
) -> None:
    field = extension_field(olga)
    pbx.profile_field = field.key
    has_in_profile(field, anna=(anna, "110"), boris=(boris, "101"), cara=(cara, "no number"))
    assert follow_profiles(pbx, by=None) == 2
    # Anna has moved from 100 to 110; 102 was nobody's, and is.
    assert dict(pbx.extensions.values_list("number", "user")) == {
        "100": None, "101": boris.pk, "102": None, "110": anna.pk,
    }  # fmt: skip
    assert follow_profiles(pbx, by=None) == 0


def test_a_number_that_two_profiles_name_is_nobodys_new_one(
    pbx: Pbx, anna: User, cara: User, olga: User
) -> None:
    field = extension_field(olga)
    pbx.profile_field = field.key
    has_in_profile(field, anna=(anna, "100"), cara=(cara, "100"))
    assert follow_profiles(pbx, by=None) == 0
    assert pbx.extensions.get(number="100").user == anna


def test_nobody_takes_an_extension_by_writing_it_into_their_profile(pbx: Pbx, cara: User, olga: User) -> None:
    field = extension_field(olga, writers="person")
    assert fields_with_extensions() == []
    pbx.profile_field = field.key
    has_in_profile(field, cara=(cara, "100"))
    assert follow_profiles(pbx, by=None) == 0


def test_the_field_is_chosen_on_the_page(pbx: Pbx, anna: User, olga: User, as_person: Browser) -> None:
    field = extension_field(olga)
    has_in_profile(field, anna=(anna, "110"))
    address = f"/calls/exchanges/{pbx.pk}/extensions/"
    assert as_person(olga).post(address, {"profile_field": "own-0"}).status_code == 422
    assert as_person(olga).post(address, {"profile_field": field.key}).status_code == 302
    assert pbx.extensions.get(number="110").user == anna


def test_a_pbx_with_calls_stays(pbx: Pbx, olga: User, as_person: Browser) -> None:
    play(pbx, "incoming_queue")
    assert as_person(olga).delete(f"/calls/exchanges/{pbx.pk}/").status_code == 422
    assert Pbx.objects.exists()


def test_the_configuration_is_of_what_is_set_up(pbx: Pbx, olga: User, as_person: Browser) -> None:
    sent = {"asterisk": "20", "boxes": "10.0.0.5", "do": "download"}
    answer = as_person(olga).post(f"/calls/exchanges/{pbx.pk}/configuration/", sent)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        manager = archive.read("manager_korobka.conf").decode()
        assert all(info.external_attr >> 16 & 0o077 == 0 for info in archive.infolist())
    assert "permit = 10.0.0.5/255.255.255.255" in manager
    assert "secret = a-secret-for-tests-only" in manager
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("recordings_here", ["", "/srv/recordings"], ids=["sent", "fetched"])
@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize("opus", [True, False])
def test_the_command_line_writes_the_same(
    pbx: Pbx, olga: User, as_person: Browser, tmp_path: Path, recordings_here: str, records: bool, opus: bool
) -> None:
    pbx.recordings_here, pbx.delivery_key = recordings_here, "a-key-for-tests-only"
    pbx.save()
    set_extensions(pbx, [("120", olga)], in_browser={"120"}, by=olga)
    sent = {"asterisk": "20", "boxes": "10.0.0.5", "do": "download"}
    sent |= {name: "on" for name, is_on in (("records", records), ("transcodes_opus", opus)) if is_on}
    answer = as_person(olga).post(f"/calls/exchanges/{pbx.pk}/configuration/", sent)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        theirs = {name: archive.read(name).decode() for name in archive.namelist()}
    asked = ["config", str(tmp_path), "--pbx", "office", "--asterisk", "20", "--box", "10.0.0.5"]
    asked += ["--records" if records else "--no-records", *(["--opus"] if opus else [])]
    call_command("telephony", *asked, stdout=io.StringIO())
    ours = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert ours.keys() == theirs.keys()
    assert ("korobka_recording.sh" in ours) is (records and not recordings_here)
    assert ("opus" in ours["pjsip_korobka.conf"]) is opus
    assert all(ours[name] == theirs[name] for name in ours.keys() - {"korobka_recording.sh"})
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o777 == (0o700 if file.suffix == ".sh" else 0o600)


def test_whether_a_pbx_that_is_set_up_records_is_said_aloud(pbx: Pbx, tmp_path: Path) -> None:
    """What is loaded there takes the place of what was."""
    with pytest.raises(CommandError, match="--records or --no-records"):
        call_command("telephony", "config", str(tmp_path), "--pbx", "office")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("said", "chosen"), [("22.5.1", "22"), ("16.28.0", "16"), ("", "20")])
def test_the_configuration_is_for_the_pbx_that_answers(
    pbx: Pbx, olga: User, as_person: Browser, said: str, chosen: str
) -> None:
    tell_state(pbx, version=said)
    page = as_person(olga).get(f"/calls/exchanges/{pbx.pk}/configuration/").content.decode()
    assert re.findall(r'<option value="([^"]+)" selected', page) == [chosen]


# While it rings


@pytest.fixture
def of_anna(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anna looks after the client with this number."""
    lookup = CallerLookup(
        lambda numbers, reader: {}, lambda number: anna if number == "+79161234567" else None, lambda *_: ""
    )
    monkeypatch.setattr(callers, "_offers", {"feed": lookup})


@pytest.mark.usefixtures("of_anna")
def test_a_known_client_is_put_through_to_who_is_responsible(pbx: Pbx) -> None:
    assert decide("+79161234567") == Route(Way.FIRST, "100")
    assert decide("+79160000000") == Route(Way.USUAL)
    assert decide("") == Route(Way.USUAL)


@pytest.mark.usefixtures("of_anna")
def test_who_talks_is_not_rung_first(pbx: Pbx) -> None:
    play(pbx, "incoming_queue", facts=TALKING)
    assert decide("+79161234567") == Route(Way.USUAL)


@pytest.mark.usefixtures("of_anna")
def test_a_blocked_number_is_refused_before_anything_else(pbx: Pbx, olga: User) -> None:
    block_number("+79161234567", "robot", by=olga)
    assert decide("+79161234567") == Route(Way.REFUSE)


def test_the_company_is_open_by_its_own_calendar_and_clock(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    store({TIME_ZONE.key: "Europe/Moscow", "work.country": ""})
    opens = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    assert is_open(opens)
    assert not is_open(opens - timedelta(minutes=1))
    assert not is_open(opens + timedelta(hours=9))
    assert not is_open(opens - timedelta(days=1))
    # Closing is the first moment of being closed; Friday's evening goes on until Monday.
    closes = opens + timedelta(hours=9)
    assert next_open(opens) == opens
    assert next_open(closes) == opens + timedelta(days=1)
    assert next_open(closes - timedelta(seconds=1)) == closes - timedelta(seconds=1)
    assert next_open(opens - timedelta(seconds=1)) == opens
    assert next_open(closes + timedelta(days=4)) == opens + timedelta(days=7)
    monkeypatch.setattr("box.apps.calls.routing.is_open", lambda moment: False)
    assert decide("+79160000000") == Route(Way.USUAL)
    store({CLOSES.key: True})
    assert decide("+79160000000") == Route(Way.CLOSED)
