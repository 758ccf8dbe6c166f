"""The pages of directories, in front of a real OpenLDAP and a real Active Directory."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Change, Conflict, Connection, Run
from box.bridges.directory.presets import preset
from box.core.access.actions import create_role, set_grantees
from box.core.accounts.custom_fields import EDITORS, PERSON, PROFILE
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.fields.actions import FieldDraft, add_field
from box.core.structure.models import Department
from box.lib.tables import read_table

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from tests.directory.slapd import Slapd

    type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def openldap(slapd: Slapd) -> Slapd:
    sales = slapd.unit("Sales")
    anna = slapd.person("anna", sales.dn, givenName="Anna", mail="Anna@Corp.Test", title="Head")
    slapd.seed(sales, anna, slapd.person("boris", sales.dn), slapd.group("Sellers", members=[anna.dn]))
    return slapd


def sent(slapd: Slapd, **changes: str) -> dict[str, str]:
    return {
        "name": "Corp",
        "servers": f"ldaps://{slapd.address}:{slapd.tls_port}",
        "security": "ldaps",
        "ca_pem": slapd.authority.pem,
        "bind_dn": slapd.reader,
        "password": slapd.reader_password,
        "people_bases": slapd.base,
        "nonce": str(uuid4()),
        **changes,
    }


@pytest.fixture
def corp(db: None, openldap: Slapd) -> Connection:
    corp = Connection(
        name="Corp",
        kind="openldap",
        servers=[f"{openldap.address}:{openldap.tls_port}"],
        ca_pem=openldap.authority.pem,
        bind_dn=openldap.reader,
        people_bases=[openldap.base],
        mapping=preset("openldap").mapping,
    )
    corp.bind_password = openldap.reader_password
    corp.save()
    return corp


# Connecting

NEW = "/console/directory/new/?kind=openldap"


def test_the_preset_fills_in_what_is_usual(as_person: Browser, olga: User) -> None:
    page = as_person(olga).get(NEW).content.decode()
    assert 'value="OpenLDAP"' in page
    assert "(objectClass=inetOrgPerson)" in page


def test_it_is_saved_once_with_its_password_sealed(as_person: Browser, olga: User, openldap: Slapd) -> None:
    browser, form = as_person(olga), sent(openldap)
    answers = [browser.post(NEW, form) for _ in range(2)]
    corp = Connection.objects.get()
    assert {answer.headers["Location"] for answer in answers} == {f"/console/directory/{corp.pk}/mapping/"}
    assert corp.servers == [f"127.0.0.1:{openldap.tls_port}"]
    assert corp.bind_password == openldap.reader_password
    assert openldap.reader_password not in corp.bind_password_sealed
    assert {rule.attribute for rule in corp.mapping.fields} >= {"uid", "mail"}
    assert not corp.is_on


def test_the_password_is_never_shown_and_stays_where_none_is_written(
    as_person: Browser, olga: User, corp: Connection, openldap: Slapd
) -> None:
    browser, place = as_person(olga), f"/console/directory/{corp.pk}/connection/"
    assert openldap.reader_password not in browser.get(place).content.decode()
    refused = browser.post(place, sent(openldap, security="nothing"))
    assert refused.status_code == 422
    assert openldap.reader_password not in refused.content.decode()
    assert browser.post(place, sent(openldap, name="Corporation", password="")).status_code == 302
    corp.refresh_from_db()
    assert (corp.name, corp.bind_password) == ("Corporation", openldap.reader_password)


@pytest.mark.parametrize("changes", [{"servers": "elsewhere.test"}, {"security": "plain"}])
@pytest.mark.parametrize("asked", ["", "test", "tree"])
def test_the_stored_password_goes_nowhere_else(
    as_person: Browser,
    olga: User,
    corp: Connection,
    openldap: Slapd,
    changes: dict[str, str],
    asked: str,
) -> None:
    form = sent(openldap, password="", do=asked, **changes)
    answer = as_person(olga).post(f"/console/directory/{corp.pk}/connection/", form)
    assert answer.status_code == 422
    assert "Write the password again: it would go to another place now." in answer.content.decode()
    before = corp.servers
    corp.refresh_from_db()
    assert corp.servers == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"servers": "two words here!"}, "here! is no name of a server"),
        ({"servers": "host:99999"}, "host:99999 is no name of a server"),
        ({"ca_pem": "-----BEGIN"}, "This is no certificate in PEM"),
        ({"people_bases": "nonsense"}, "nonsense is no name in a directory"),
        ({"people_filter": "(&(a=b)"}, "Filters have each condition in brackets"),
        ({"password": ""}, "Write the password of the account."),
    ],
)
def test_what_cannot_be_right_is_refused(
    as_person: Browser, olga: User, openldap: Slapd, changes: dict[str, str], said: str
) -> None:
    answer = as_person(olga).post(NEW, sent(openldap, **changes))
    assert answer.status_code == 422
    assert said in unescape(answer.content.decode())
    assert not Connection.objects.exists()


def test_who_has_not_given_their_password_lately_gives_it_first(
    as_person: Browser, olga: User, openldap: Slapd
) -> None:
    browser = as_person(olga)
    session = browser.session
    session["proven_at"] = ""
    session.save()
    assert browser.post(NEW, sent(openldap)).headers["Location"].startswith("/profile/proof/")
    assert not Connection.objects.exists()


def test_testing_saves_nothing_and_trusting_fills_the_form(
    as_person: Browser, olga: User, openldap: Slapd
) -> None:
    browser = as_person(olga)
    untrusted = browser.post(NEW, sent(openldap, ca_pem="", do="test"), headers=HTMX).content.decode()
    assert untrusted.lstrip().startswith('<div id="tried"')
    assert "The connection does not work yet" in untrusted
    found = re.search(r'"authority": "(.*?)"', unescape(untrusted))
    assert found
    pem = found[1].encode().decode("unicode_escape")
    trusted = browser.post(
        NEW, sent(openldap, ca_pem="", do="trust", authority=pem), headers=HTMX
    ).content.decode()
    assert "The connection works" in trusted
    assert 'hx-swap-oob="true"' in trusted
    assert "BEGIN CERTIFICATE" in trusted
    assert not Connection.objects.exists()


def test_a_base_is_taken_from_the_tree(as_person: Browser, olga: User, openldap: Slapd) -> None:
    browser, form = as_person(olga), sent(openldap, people_bases="")
    tops = browser.post(NEW, {**form, "do": "tree"}, headers=HTMX).content.decode()
    assert "dc=corp,dc=test" in tops
    branch = browser.post(NEW, {**form, "do": "tree", "dn": openldap.base}, headers=HTMX).content.decode()
    assert "Sales" in branch
    taken = browser.post(NEW, {**form, "do": "base", "dn": f"ou=Sales,{openldap.base}"}, headers=HTMX)
    assert f"ou=Sales,{openldap.base}" in taken.content.decode()


def test_a_directory_is_removed(as_person: Browser, olga: User, corp: Connection) -> None:
    answer = as_person(olga).delete(f"/console/directory/{corp.pk}/connection/")
    assert answer.headers["HX-Redirect"] == "/console/directory/"
    assert not Connection.objects.exists()


def test_who_may_connect_directories_need_not_administer(
    as_person: Browser, olga: User, cara: User, corp: Connection
) -> None:
    role = create_role("Directory keepers", ["console.directory"], by=olga)
    assert as_person(cara).get("/console/directory/").status_code == 404
    set_grantees(role, [f"U{cara.pk}"], by=olga)
    cara.refresh_from_db()
    assert as_person(cara).get("/console/directory/").status_code == 200


# Looking around


def test_the_tree_and_an_entry(as_person: Browser, olga: User, corp: Connection, openldap: Slapd) -> None:
    browser, place = as_person(olga), f"/console/directory/{corp.pk}"
    assert "dc=corp,dc=test" in browser.get(f"{place}/tree/").content.decode()
    under = browser.get(f"{place}/tree/", {"dn": f"ou=Sales,{openldap.base}"}, headers=HTMX).content.decode()
    assert "anna" in under
    assert "<html" not in under
    entry = browser.get(f"{place}/entry/", {"dn": f"cn=anna,ou=Sales,{openldap.base}"}).content.decode()
    assert "Anna@Corp.Test" in entry
    nobody = browser.get(f"{place}/entry/", {"dn": f"cn=nobody,{openldap.base}"})
    assert nobody.status_code == 404
    assert "boris" in browser.get(f"{place}/tree/", {"q": "boris"}).content.decode()


# Mapping, rules, groups


def as_sent(form: Any) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in form.initial.items()}


def test_the_mapping_shows_what_it_makes_of_people(as_person: Browser, olga: User, corp: Connection) -> None:
    from box.console.directory.forms.mapping import MappingForm

    browser, place = as_person(olga), f"/console/directory/{corp.pk}/mapping/"
    assert "anna@corp.test" in browser.get(place).content.decode()
    chosen = as_sent(MappingForm(corp.mapping)) | {"attribute-position": "mail"}
    shown = browser.post(place, {**chosen, "transform-position": "before_at", "show": "yes"}, headers=HTMX)
    assert shown.content.decode().count("anna") >= 3
    corp.refresh_from_db()
    assert {rule.field: rule.attribute for rule in corp.mapping.fields}["position"] == "title"
    assert browser.post(place, chosen | {"number": "departmentNumber"}).status_code == 302
    corp.refresh_from_db()
    assert {rule.field: rule.attribute for rule in corp.mapping.fields}["position"] == "mail"
    assert corp.mapping.number == "departmentNumber"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attribute-email": "mail)(uid=*"}, "This is no name of an attribute."),
        ({"attribute-login": ""}, "This field is required."),
        ({"attribute-position": "userPassword"}, "Passwords and keys are not read."),
        ({"manager": "unicodePwd"}, "Passwords and keys are not read."),
        ({"photo": "jpegPhoto, userpassword;x-old"}, "Passwords and keys are not read."),
        ({"departments": "attribute", "department_attribute": ""}, "Write the attribute that holds"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(
    as_person: Browser, olga: User, corp: Connection, changes: dict[str, str], said: str
) -> None:
    from box.console.directory.forms.mapping import MappingForm

    chosen = as_sent(MappingForm(corp.mapping)) | changes
    answer = as_person(olga).post(f"/console/directory/{corp.pk}/mapping/", chosen)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_rules_are_saved(as_person: Browser, olga: User, corp: Connection) -> None:
    from box.console.directory.forms.rules import RulesForm

    browser, place = as_person(olga), f"/console/directory/{corp.pk}/rules/"
    chosen = as_sent(RulesForm(corp.rules)) | {"dismiss_after_days": "", "phone_region": "de"}
    assert browser.post(place, chosen | {"guard_people": "0"}).status_code == 422
    assert browser.post(place, chosen).status_code == 302
    corp.refresh_from_db()
    assert (corp.rules.dismiss_after_days, corp.rules.phone_region) == (None, "DE")


def test_by_a_number_that_people_write_themselves_nobody_is_known(
    as_person: Browser, olga: User, corp: Connection
) -> None:
    from box.console.directory.forms.rules import RulesForm

    own, settled = (
        add_field(PROFILE, FieldDraft(writers, writers=writers), by=olga) for writers in (PERSON, EDITORS)
    )
    browser, place = as_person(olga), f"/console/directory/{corp.pk}/rules/"
    chosen = as_sent(RulesForm(corp.rules)) | {"dismiss_after_days": ""}
    assert browser.post(place, chosen | {"number_field": own.key}).status_code == 422
    assert browser.post(place, chosen | {"number_field": settled.key}).status_code == 302
    corp.refresh_from_db()
    assert corp.rules.number_field == settled.key


def test_who_signs_in_by_the_directory_is_said(as_person: Browser, olga: User, corp: Connection) -> None:
    browser, place = as_person(olga), f"/console/directory/{corp.pk}/sign-in/"
    guests = "cn=Guests,dc=corp,dc=test"
    chosen = {"is_on": "on", "denied_groups": guests, "attempts": "2", "attempts_minutes": "9"}
    chosen["filter"] = "(employeeType=staff)"
    assert browser.post(place, chosen | {"required_groups": "nonsense"}).status_code == 422
    assert browser.post(place, chosen | {"filter": "employeeType=staff"}).status_code == 422
    assert browser.post(place, chosen).status_code == 302
    corp.refresh_from_db()
    assert corp.sign_in.is_on
    assert corp.sign_in.denied_groups == (guests,)
    assert (corp.sign_in.attempts, corp.sign_in.attempts_minutes) == (2, 9)
    assert corp.sign_in.filter == "(employeeType=staff)"
    assert "(employeeType=staff)" in browser.get(place).content.decode()


def test_tickets_need_a_realm_networks_and_a_keytab(as_person: Browser, olga: User, corp: Connection) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    browser, place = as_person(olga), f"/console/directory/{corp.pk}/sign-in/"
    chosen = {"is_on": "on", "attempts": "3", "attempts_minutes": "30", "kerberos_realm": "corp.test"}
    networks = {"kerberos_networks": "10.0.0.0/8\n127.0.0.1"}
    keytab = b"\x05\x02\x00\x00 the key"
    for wrong in (
        {},
        networks,
        networks | {"keytab": SimpleUploadedFile("a.keytab", b"PK no keytab")},
        {"keytab": SimpleUploadedFile("a.keytab", keytab)},
        {"kerberos_networks": "10.0.0.1/8", "keytab": SimpleUploadedFile("a.keytab", keytab)},
        networks | {"kerberos_realm": "a realm", "keytab": SimpleUploadedFile("a.keytab", keytab)},
    ):
        assert browser.post(place, chosen | wrong).status_code == 422
    corp.refresh_from_db()
    assert (corp.keytab_sealed, corp.sign_in.kerberos_realm) == ("", "")
    given = {"keytab": SimpleUploadedFile("a.keytab", keytab)}
    assert browser.post(place, chosen | networks | given).status_code == 302
    # Saved again without the file: the key stays, and no page shows it.
    assert browser.post(place, chosen | networks).status_code == 302
    corp.refresh_from_db()
    assert corp.keytab == keytab
    assert (corp.sign_in.kerberos_realm, len(corp.sign_in.kerberos_networks)) == ("CORP.TEST", 2)
    assert corp.keytab_sealed not in browser.get(place).content.decode()


def test_a_group_becomes_a_workgroup_or_gives_a_role(
    as_person: Browser, olga: User, corp: Connection, openldap: Slapd
) -> None:
    browser, place = as_person(olga), f"/console/directory/{corp.pk}/groups/"
    role = create_role("Sellers", [], by=olga)
    dn = f"cn=Sellers,{openldap.base}"
    found = browser.get(f"{place}found/", {"q": "sell"}).content.decode()
    assert dn in found
    assert f'value="role:{role.pk}"' in found
    assert browser.post(place, {"do": "add", "dn": dn, "target": f"role:{role.pk}"}).status_code == 302
    corp.refresh_from_db()
    (rule,) = corp.mapping.groups
    assert (rule.dn, rule.target, rule.target_id) == (dn, "role", role.pk)
    assert rule.stable_id
    assert "gives the role" in browser.get(place).content.decode()
    browser.post(place, {"do": "add", "dn": dn, "target": "workgroup"})
    corp.refresh_from_db()
    assert [(one.target, one.target_id) for one in corp.mapping.groups] == [("workgroup", None)]
    browser.post(place, {"do": "remove", "dn": dn})
    corp.refresh_from_db()
    assert corp.mapping.groups == ()


def test_only_administrators_let_a_directory_give_roles(
    as_person: Browser, olga: User, cara: User, corp: Connection, openldap: Slapd
) -> None:
    """Else whoever connects directories could give themselves every right."""
    role = create_role("Keepers", ["console.directory"], by=olga)
    set_grantees(role, [f"U{cara.pk}"], by=olga)
    cara.refresh_from_db()
    form = {"do": "add", "dn": f"cn=Sellers,{openldap.base}", "target": f"role:{role.pk}"}
    place = f"/console/directory/{corp.pk}/groups/"
    assert as_person(cara).post(place, form).status_code == 403
    corp.refresh_from_db()
    assert corp.mapping.groups == ()
    assert f"role:{role.pk}" not in as_person(cara).get(f"{place}found/", {"q": "sell"}).content.decode()


@pytest.fixture
def giving(olga: User, cara: User, corp: Connection, openldap: Slapd) -> Connection:
    """A group of it gives the role of whoever connects directories, which cara holds."""
    role = create_role("Keepers", ["console.directory"], by=olga)
    set_grantees(role, [f"U{cara.pk}"], by=olga)
    cara.refresh_from_db()
    rule = GroupRule("", f"cn=Sellers,{openldap.base}", "role", role.pk)
    corp.mapping = replace(corp.mapping, groups=(rule,))
    corp.is_confirmed = corp.is_on = True
    corp.save()
    return corp


def test_a_directory_that_gives_roles_is_led_elsewhere_by_administrators_alone(
    as_person: Browser, olga: User, cara: User, giving: Connection, openldap: Slapd
) -> None:
    from box.console.directory.forms.mapping import MappingForm
    from box.console.directory.forms.rules import RulesForm

    browser, place = as_person(cara), f"/console/directory/{giving.pk}/"
    dn = giving.mapping.groups[0].dn
    for name, form in {
        "connection": sent(openldap, servers="evil.test", password="mine"),
        "mapping": as_sent(MappingForm(giving.mapping)) | {"attribute-login": "mail"},
        "rules": as_sent(RulesForm(giving.rules)) | {"dismiss_after_days": "", "matching": "login"},
        "sign-in": {"is_on": "on", "attempts": "3", "attempts_minutes": "30"},
        "groups": {"do": "remove", "dn": dn},
    }.items():
        page = browser.get(f"{place}{name}/").content.decode()
        assert "only administrators change where it is" in page, name
        assert dn in page or name != "groups"
        refused = browser.post(f"{place}{name}/", form)
        assert refused.status_code == 403, name
        assert "only administrators change where it is" in refused.content.decode(), name
        assert (
            "only administrators change where it is"
            not in as_person(olga).get(f"{place}{name}/").content.decode()
        )
    assert Connection.objects.filter(pk=giving.pk).values().get() == {
        field.attname: getattr(giving, field.attname) for field in Connection._meta.concrete_fields
    }


def test_whoever_may_not_lead_it_elsewhere_still_tries_it_and_writes_its_password(
    as_person: Browser, cara: User, giving: Connection, openldap: Slapd
) -> None:
    browser, place = as_person(cara), f"/console/directory/{giving.pk}/connection/"
    page = browser.get(place).content.decode()
    assert re.search(r'<textarea[^>]*name="servers"[^>]*\bdisabled', page)
    assert "Choose from the tree" not in page
    # As a browser sends it: what is disabled is not.
    form = {"name": "Corporation", "password": openldap.reader_password, "nonce": str(uuid4())}
    assert "The connection works" in browser.post(place, form | {"do": "test"}).content.decode()
    assert browser.post(place, form).status_code == 302
    stored = Connection.objects.get(pk=giving.pk)
    assert (stored.name, stored.servers, stored.ca_pem) == ("Corporation", giving.servers, giving.ca_pem)
    assert browser.post(f"/console/directory/{giving.pk}/schedule/", {"pause": "yes"}).status_code == 302
    stored.refresh_from_db()
    assert not stored.is_on


# Runs


def changes_of(run: Run, count: int) -> None:
    Change.objects.bulk_create(
        Change(run=run, action="create", kind="person", name=f"Person {number}", dn=f"uid=p{number}")
        for number in range(count)
    )


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_run_is_saved_as_a_table(as_person: Browser, olga: User, corp: Connection, kind: str) -> None:
    run = Run.objects.create(connection=corp, mode="preview", state="done")
    changes_of(run, 60)
    Change.objects.create(
        run=run, action="change", kind="person", name="=Cara", dn="uid=cara", field="position", old="Clerk",
        new="Head", reason="so it is",
    )  # fmt: skip
    Change.objects.create(run=Run.objects.create(connection=corp, mode="sync"), action="create", name="Other")
    answer = as_person(olga).get(f"/console/directory/runs/{run.pk}/", {"as": kind})
    rows = [row.cells for row in read_table(io.BytesIO(answer.getvalue()), most_rows=100)]
    assert rows[0] == ("What", "Kind", "Name", "Entry", "Field", "Before", "After", "Outcome", "Reason")
    assert len(rows) == 62
    assert rows[1][:4] == ("created", "Person", "Person 0", "uid=p0")
    # Never a formula.
    assert rows[61][2].lstrip("'") == "=Cara"
    assert rows[61][4:] == ("Position", "Clerk", "Head", "planned", "so it is")


def test_a_run_shows_its_changes_by_pages_kinds_and_names(
    as_person: Browser, olga: User, corp: Connection
) -> None:
    run = Run.objects.create(
        connection=corp, mode="preview", state="done", counts={"create": 120, "change": 1}
    )
    changes_of(run, 120)
    Change.objects.create(
        run=run, action="change", kind="person", name="Cara", field="position", old="Clerk", new="Head"
    )
    browser, place = as_person(olga), f"/console/directory/runs/{run.pk}/"
    first = browser.get(place).content.decode()
    assert "Person 49<" in first
    assert "Person 50<" not in first
    with CaptureQueriesContext(database) as queries:
        browser.get(place)
    assert len(queries) <= 10
    changed = browser.get(place, {"action": "change"}).content.decode()
    assert "<del>Clerk</del> → <ins>Head</ins>" in changed
    assert "Person 0" not in changed
    assert "Person 119" in browser.get(place, {"q": "son 119"}).content.decode()
    further = re.search(r'<tr class="list-more" hx-get="([^"]+)', first)
    assert further
    rest = browser.get(unescape(further[1]), headers={"HX-Request": "true"}).content.decode()
    assert "Person 50<" in rest


def test_a_run_leads_to_departments_as_long_as_they_are_there(
    as_person: Browser, olga: User, corp: Connection
) -> None:
    run = Run.objects.create(connection=corp, mode="sync", state="done", counts={"create": 2})
    there, gone = (Department.objects.create(name=name) for name in ("Sales", "Workshop"))
    for one in (there, gone):
        Change.objects.create(run=run, action="create", kind="department", name=one.name, object_id=one.pk)
    gone.delete()
    page = as_person(olga).get(f"/console/directory/runs/{run.pk}/").content.decode()
    assert f'<a href="/structure/departments/{there.pk}/">Sales</a>' in page
    assert "<b>Workshop</b>" in page


def test_the_log_shows_runs_by_pages_with_what_came_of_each(
    as_person: Browser, olga: User, corp: Connection
) -> None:
    Run.objects.bulk_create(
        Run(connection=corp, mode="sync", state="done", counts={"create": number}, by=olga)
        for number in range(60)
    )
    Run.objects.create(connection=corp, mode="preview", state="failed", error="The server is away.")
    asking = Run.objects.create(connection=corp, mode="sync", state="asking", question="So many?")
    browser, place = as_person(olga), f"/console/directory/{corp.pk}/"
    first = browser.get(place).content.decode()
    assert f'href="/console/directory/runs/{asking.pk}/">Look and decide' in first
    assert "The server is away." in first
    assert "created: 59<" in first
    assert "created: 3<" not in first
    with CaptureQueriesContext(database) as queries:
        browser.get(place)
    assert len(queries) <= 16
    further = re.search(r'<tr class="list-more" hx-get="([^"]+)', first)
    assert further
    rest = browser.get(unescape(further[1]), headers=HTMX).content.decode()
    assert "created: 3<" in rest
    assert "created: 59<" not in rest
    failed = browser.get(place, {"state": "failed"}).content.decode()
    assert "The server is away." in failed
    assert "created: 59<" not in failed


# Conflicts


def test_conflicts_wait_for_a_decision_or_for_nothing(
    as_person: Browser, olga: User, anna: User, corp: Connection
) -> None:
    def conflict(kind: str, name: str, **more: Any) -> Conflict:
        return Conflict.objects.create(
            connection=corp, stable_id=name, kind=kind, name=name, dn="cn=x", **more
        )

    again, login = conflict("again", "Anna Twice", person=anna), conflict("login", "Boris", person=olga)
    conflict("no_name", "Nobody")
    conflict("again", "Decided", person=anna, decision="separate")
    browser, place = as_person(olga), f"/console/directory/{corp.pk}/conflicts/"
    page = browser.get(place).content.decode()
    assert page.count("data-row=") == 3
    assert "Decided" not in page
    assert "To be decided 2" in page
    for one in (again, login):
        assert f'formaction="/console/directory/conflicts/{one.pk}/link/"' in page
    assert f'formaction="/console/directory/conflicts/{again.pk}/separation/"' in page
    assert f"/conflicts/{login.pk}/separation/" not in page
    for show, count in (({"show": "decide"}, 2), ({"show": "left"}, 1), ({"show": ["decide", "left"]}, 3)):
        assert browser.get(place, show).content.decode().count("data-row=") == count
    assert "Nobody" in browser.get(place, {"q": "nobo"}).content.decode()
    with CaptureQueriesContext(database) as queries:
        browser.get(place)
    assert len(queries) <= 10


def test_a_conflict_that_cannot_be_linked_says_why_on_its_list(
    as_person: Browser, olga: User, corp: Connection
) -> None:
    one = Conflict.objects.create(connection=corp, stable_id="1", kind="email", name="Cara", dn="cn=cara")
    answer = as_person(olga).post(f"/console/directory/conflicts/{one.pk}/link/", follow=True)
    assert answer.redirect_chain == [(f"/console/directory/{corp.pk}/conflicts/", 302)]
    assert "Nobody here is meant by it: it cannot be linked." in answer.content.decode()


# Runs that are confirmed


def test_only_the_latest_preview_of_the_connection_as_it_is_can_be_confirmed(
    as_person: Browser, olga: User, corp: Connection
) -> None:
    browser = as_person(olga)
    older, newer = (Run.objects.create(connection=corp, mode="preview", state="done") for _ in range(2))
    assert "Confirm, and do it" not in browser.get(f"/console/directory/runs/{older.pk}/").content.decode()
    assert "Confirm, and do it" in browser.get(f"/console/directory/runs/{newer.pk}/").content.decode()
    answer = browser.post(f"/console/directory/runs/{newer.pk}/confirmation/")
    begun = Run.objects.get(mode="sync")
    assert answer.headers["Location"] == f"/console/directory/runs/{begun.pk}/"
    corp.refresh_from_db()
    assert corp.is_confirmed
    assert corp.is_on


def test_nothing_is_synchronised_before_somebody_has_confirmed(
    as_person: Browser, olga: User, corp: Connection
) -> None:
    browser, place = as_person(olga), f"/console/directory/{corp.pk}/runs/"
    browser.post(place, {"mode": "sync"})
    assert Run.objects.get().mode == "preview"
    Run.objects.all().delete()
    Connection.objects.update(is_confirmed=True)
    browser.post(place, {"mode": "sync"})
    assert Run.objects.get().mode == "sync"


def test_the_guard_is_answered_once(as_person: Browser, olga: User, corp: Connection) -> None:
    run = Run.objects.create(
        connection=corp, mode="sync", state="asking", question="12 people would be dismissed: go on?"
    )
    browser, place = as_person(olga), f"/console/directory/runs/{run.pk}/"
    assert "12 people would be dismissed: go on?" in browser.get(place).content.decode()
    assert "12 people would be dismissed" in browser.get("/console/directory/").content.decode()
    assert browser.post(f"{place}answer/", {"answer": "no"}).status_code == 302
    run.refresh_from_db()
    assert (run.state, run.is_allowed) == ("cancelled", False)
    again = browser.post(f"{place}answer/", {"answer": "yes"}, follow=True)
    assert "This was answered already" in again.content.decode()
    run.refresh_from_db()
    assert (run.state, run.is_allowed) == ("cancelled", False)


def test_a_run_that_is_going_is_stopped_once(as_person: Browser, olga: User, corp: Connection) -> None:
    run = Run.objects.create(connection=corp, mode="sync", state="running", stage="reading")
    browser, place = as_person(olga), f"/console/directory/runs/{run.pk}/"
    assert f"{place}cancellation/" in browser.get(place).content.decode()
    assert browser.post(f"{place}cancellation/").status_code == 302
    run.refresh_from_db()
    assert run.state == "cancelled"
    # The part that asked each second makes way for the list.
    asked = browser.get(place, headers={"HX-Request": "true", "HX-Target": "run"})
    assert asked.headers["HX-Refresh"] == "true"
    shown = browser.get(place).content.decode()
    assert "the next run goes on from there" in shown
    assert f"{place}cancellation/" not in shown
    browser.post(f"{place}cancellation/")
    deliver_all()
    assert AuditRecord.objects.filter(kind="directory.run_cancelled").count() == 1


def test_the_schedule_is_changed_and_paused(as_person: Browser, olga: User, corp: Connection) -> None:
    browser, place = as_person(olga), f"/console/directory/{corp.pk}/schedule/"
    Connection.objects.update(is_confirmed=True, is_on=True)
    browser.post(place, {"interval_minutes": "60"})
    browser.post(place, {"pause": "yes"})
    corp.refresh_from_db()
    assert (corp.interval_minutes, corp.is_on) == (60, False)
    browser.post(place, {"resume": "yes"})
    corp.refresh_from_db()
    assert corp.is_on


def test_it_is_written_to_the_audit_log(
    as_person: Browser, olga: User, corp: Connection, openldap: Slapd
) -> None:
    as_person(olga).post(f"/console/directory/{corp.pk}/connection/", sent(openldap))
    as_person(olga).delete(f"/console/directory/{corp.pk}/connection/")
    deliver_all()
    kinds = set(AuditRecord.objects.values_list("kind", flat=True))
    assert {"directory.changed", "directory.deleted"} <= kinds
    assert not any(openldap.reader_password in str(one.details) for one in AuditRecord.objects.all())


def test_the_pages_read_in_russian(as_person: Browser, olga: User, corp: Connection) -> None:
    olga.language = "ru"
    olga.save()
    browser = as_person(olga)
    for name, text in {"": "Журнал", "mapping/": "Сопоставление", "rules/": "Правила"}.items():
        assert text in browser.get(f"/console/directory/{corp.pk}/{name}").content.decode()


def test_it_is_explained_why_somebody_is_not_here(as_person: Browser, olga: User, corp: Connection) -> None:
    page = as_person(olga).get("/console/directory/explanation/", {"q": "anna"}).content.decode()
    assert "Nobody here has the login anna." in page
    assert "cn=anna,ou=Sales" in page
    assert as_person(olga).get("/console/directory/explanation/", {"q": "*)(uid=*"}).status_code == 200
