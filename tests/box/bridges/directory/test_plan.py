"""The plan is values made of values: it is tested with any company there could be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.bridges.directory.mapping import Rules
from box.bridges.directory.plan.clashes import Clash
from box.bridges.directory.plan.guard import Leaving, LeavingGroup, guard
from box.bridges.directory.plan.leavers import plan_gone
from box.bridges.directory.plan.names import Wish, granted
from box.bridges.directory.plan.people import Waiting, plan_people, plan_waiting, together
from box.bridges.directory.plan.units import heads_by_manager, plan_units, without_circles
from box.bridges.directory.plan.values import Claims, Known, LinkNow, LocalPerson, Note, PersonStep, UnitNow
from box.bridges.directory.reader import PersonEntry, Unit
from box.bridges.directory.unreadable import DISABLED, EXPIRES, MANAGER, PHOTO

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAPPED = frozenset(("login", "email", "first_name", "last_name", "phone"))
RULES = Rules()


def entry(login: str = "anna", email: str = "anna@corp.test", **more: Any) -> PersonEntry:
    fields = {"login": login, "email": email, "first_name": login.title(), "last_name": "A"}
    fields = {name: value for name, value in {**fields, **more.pop("fields", {})}.items() if value}
    told = {"stable_id": f"id-{login}", "dn": f"cn={login},dc=corp", "base": "dc=corp", **more}
    return PersonEntry(fields=fields, **told)


def local(pk: int = 1, login: str = "anna", email: str = "anna@corp.test", **more: Any) -> LocalPerson:
    fields = {"login": login, "email": email, "first_name": login.title(), "last_name": "A", "phone": ""}
    return LocalPerson(pk, fields, **more)


def known(*people: LocalPerson, links: dict[str, LinkNow] | None = None, **more: Any) -> Known:
    return Known(
        links=links or {},
        people={one.id: one for one in people},
        by_login={one.fields["login"]: one.id for one in people},
        by_email={one.fields["email"]: one.id for one in people if one.fields["email"]},
        linked=frozenset(link.object_id for link in (links or {}).values()),
        mapped=MAPPED,
        **more,
    )


def planned(one: PersonEntry, here: Known, rules: Rules = RULES, now: datetime = NOW) -> PersonStep | None:
    steps = planned_all([one], here, rules, now=now)
    return steps[0] if steps else None


def planned_all(
    entries: list[PersonEntry], here: Known, rules: Rules = RULES, *, now: datetime = NOW
) -> list[PersonStep]:
    """As a run does it: who waits for a name comes last."""
    claims, waiting = Claims(), list[Waiting]()
    steps = plan_people(entries, here, rules, claims, waiting, now=now)
    return [*steps, *plan_waiting(waiting, rules, claims, now=now)]


def linked(one: PersonEntry, step: PersonStep | None, pk: int = 1) -> LinkNow:
    """As the performer writes it down."""
    assert step is not None
    since = datetime.fromisoformat(step.leaving_since) if step.leaving_since else None
    return LinkNow(
        pk, one.dn, one.base, step.values, step.fingerprint, step.photo_fingerprint, step.link_status,
        since, step.leaving_why,
    )  # fmt: skip


def test_a_new_person_is_created_once() -> None:
    step = planned(entry(), known())
    assert step is not None
    assert (step.is_new, step.actions, step.fields["email"]) == (
        True,
        frozenset({"create"}),
        "anna@corp.test",
    )
    here = known(local(), links={"id-anna": linked(entry(), step)})
    assert planned(entry(), here) is None


def test_a_changed_login_is_the_same_person() -> None:
    link = linked(entry(), planned(entry(), known()))
    renamed = replace(entry("anna-maria"), stable_id="id-anna")
    step = planned(renamed, known(local(), links={"id-anna": link}))
    assert step is not None
    assert (step.is_new, step.object_id, step.fields["login"]) == (False, 1, "anna-maria")


@pytest.mark.parametrize("how", ["email", "login", "either"])
def test_a_local_person_is_recognised_but_never_one_of_the_console(how: str) -> None:
    rules = replace(RULES, matching=how)
    step = planned(entry(), known(local()), rules)
    assert step is not None
    assert (step.object_id, step.actions) == (1, frozenset({"link"}))
    refused = planned(entry(), known(local(holds_console=True)), rules)
    assert refused is not None
    assert (refused.is_skipped, refused.object_id) == (True, None)


@pytest.mark.parametrize(
    ("theirs", "having", "is_known"),
    [
        # By number alone, and by e-mail whoever has no number, or whose the number is.
        ({"email": "other@corp.test", "login": "other"}, [1], True),
        ({}, [], True),
        ({"own-1": "17"}, [1], True),
        ({"own-1": "17"}, [1, 2], True),
        # Whoever has another number is somebody else, and of two with one number nobody is meant.
        ({"own-1": "18"}, [], False),
        ({"own-1": "17", "email": "other@corp.test", "login": "other"}, [1, 2], False),
    ],
)
def test_a_local_person_is_recognised_by_the_employee_number(
    theirs: dict[str, str], having: list[int], is_known: bool
) -> None:
    here = local()
    here = replace(here, fields={**here.fields, **theirs})
    numbered: dict[str, Any] = {"number_field": "own-1", "by_number": {"17": frozenset(having)}}
    step = planned(entry(number="17"), known(here, **numbered))
    assert step is not None
    assert (step.object_id == 1) is is_known
    refused = planned(entry(number="17"), known(replace(here, holds_console=True), **numbered))
    assert refused is not None
    assert refused.object_id is None


def test_an_employee_number_opens_no_account_of_the_console() -> None:
    rules = replace(RULES, again="number")
    for holds_console in (False, True):
        step = planned(
            entry("anna-new"),
            known(
                local(holds_console=holds_console),
                again={"id-anna-new": Clash("again", "anna-new", 1, "number")},
                former={1: LinkNow(1, "CN=Anna")},
            ),
            rules,
        )
        assert step is not None
        assert (step.is_relinked, step.is_skipped) == (not holds_console, holds_console)
        assert ("link" in step.actions) is not holds_console


@pytest.mark.parametrize(
    ("rule", "again", "is_sure"),
    [("number", "number", True), ("number", "ask", False), ("email", "number", False)],
)
def test_somebody_again_is_so_without_a_question_by_their_number_alone_and_by_rule(
    rule: str, again: str, is_sure: bool
) -> None:
    one, another = entry("anna-new"), entry("anna-too")
    here = known(
        local(),
        again={each.stable_id: Clash("again", "anna", 1, rule) for each in (one, another)},
        former={1: LinkNow(1, "CN=Anna")},
    )
    claims = Claims()
    first, second = plan_people([one, another], here, replace(RULES, again=again), claims, [], now=NOW)
    assert (first.is_relinked, first.is_skipped, first.object_id) == (
        is_sure,
        not is_sure,
        1 if is_sure else None,
    )
    # Nobody is two entries: about the other one there is a question, and nobody is dismissed while it stands.
    assert (second.is_skipped, [clash.kind for clash in second.clashes]) == (True, ["again"])
    assert claims.asked_about == {1}
    assert claims.relinked == ({1} if is_sure else set())


def test_who_may_be_somebody_again_is_new_where_an_administrator_says_so() -> None:
    here = known(
        local(),
        again={"id-anna-new": Clash("again", "anna", 1, "number")},
        former={1: LinkNow(1, "CN=Anna")},
        separate=frozenset({"id-anna-new"}),
    )
    step = planned(entry("anna-new", "new@corp.test"), here, replace(RULES, again="number"))
    assert step is not None
    assert step.is_new
    # And nobody's who is much like it.
    here = known(local(), separate=frozenset({"id-anna-new"}))
    step = planned(entry("anna-new"), here)
    assert step is not None
    assert (step.is_new, step.fields.get("email")) == (True, None)


def test_who_has_no_number_is_recognised_whatever_number_is_theirs_here() -> None:
    here = replace(local(), fields={**local().fields, "own-1": "17"})
    step = planned(entry(), known(here, number_field="own-1", by_number={"17": frozenset({1})}))
    assert step is not None
    assert step.object_id == 1
    # Of whom only the name is known nobody is made.
    step = planned(entry(), replace(known(), by_login={"anna": 7}))
    assert step is not None
    assert step.is_skipped


def test_without_matching_a_taken_login_is_refused_and_a_taken_email_left_out() -> None:
    rules = replace(RULES, matching="none")
    step = planned(entry(), known(local()), rules)
    assert step is not None
    assert step.is_skipped
    step = planned(entry("anna2"), known(local()), rules)
    assert step is not None
    assert (step.is_new, step.fields.get("email")) == (True, None)
    assert step.actions == {"create", "report"}


def test_a_login_that_is_anothers_email_is_taken_and_the_other_way_round() -> None:
    """People sign in with either."""
    rules = replace(RULES, matching="none")
    step = planned(entry("anna@corp.test", ""), known(local()), rules)
    assert step is not None
    assert step.is_skipped
    step = planned(entry("boris", "anna"), known(local()), rules)
    assert step is not None
    assert (step.is_new, step.fields.get("email")) == (True, None)
    # Somebody who is here already keeps what they have.
    first = planned(entry("boris"), known(local(2, "boris", "")))
    here = known(local(), local(2, "boris", ""), links={"id-boris": linked(entry("boris"), first, 2)})
    step = planned(replace(entry("boris"), fields={"login": "anna@corp.test", "email": "anna"}), here)
    assert step is not None
    assert "login" not in step.fields
    assert "email" not in step.fields
    # Of two in one run as of those who are here.
    both = [entry("anna"), entry("anna@corp.test", "x@corp.test")]
    _first, second = planned_all(both, known())
    assert second.is_skipped
    # It is told whose it is, which is not oneself.
    here = known(
        local(1, "olga", "boris@corp.test"),
        local(2, "boris@corp.test", "b@corp.test"),
        links={
            "id-olga": linked(
                entry("olga", "boris@corp.test"), planned(entry("olga", "boris@corp.test"), known())
            )
        },
    )
    step = planned(entry("boris@corp.test", "boris@corp.test", stable_id="id-olga"), here)
    assert step is not None
    assert [(one.kind, one.person) for one in step.clashes] == [("login", 2)]
    # What could not be written is not remembered as the directory's: else it would be taken away one day.
    assert (step.values.get("login"), step.values["email"]) == (None, "boris@corp.test")
    # One's own are no trouble.
    step = planned(entry("vera@corp.test", "vera@corp.test"), known(local()))
    assert step is not None
    assert (step.is_new, step.fields["email"]) == (True, "vera@corp.test")


def test_an_outside_guest_is_never_taken_for_an_employee() -> None:
    step = planned(entry(), known(local(is_extranet=True)))
    assert step is not None
    assert step.is_skipped


def test_of_two_with_one_email_the_second_has_none() -> None:
    first, second = planned_all([entry("anna"), entry("boris", email="anna@corp.test")], known())
    assert (first.fields["email"], second.fields.get("email")) == ("anna@corp.test", None)
    assert [note.field for note in second.notes if note.action == "report"] == ["email"]
    # It is tried again, and said once.
    standing = {"id-boris": frozenset({Clash("email", "anna@corp.test", 1)})}
    here = known(
        local(2, "boris", ""),
        local(1),
        links={"id-boris": linked(entry("boris"), second, 2)},
        standing=standing,
    )
    assert planned_all([entry("boris", email="anna@corp.test")], here) == []
    # What else there is to tell of them waits for nobody.
    assert planned(entry("boris", email="anna@corp.test", photo=b"another"), here) is not None
    assert (
        planned(entry("boris", email="anna@corp.test", expires_at=NOW + timedelta(days=9)), here) is not None
    )
    freed = known(
        local(2, "boris", ""), links={"id-boris": linked(entry("boris"), second, 2)}, standing=standing
    )
    step = planned(entry("boris", email="anna@corp.test"), freed)
    assert step is not None
    assert step.fields == {"email": "anna@corp.test"}


@pytest.mark.parametrize(
    ("one", "rules", "is_skipped"),
    [
        (entry(email=""), RULES, False),
        (entry(email=""), replace(RULES, without_email="skip"), True),
        (entry(), replace(RULES, without_email="skip"), False),
        # One name is one.
        (entry(fields={"first_name": ""}), RULES, False),
        (entry(fields={"last_name": ""}), RULES, False),
        (entry(fields={"first_name": "", "last_name": ""}), RULES, True),
        (entry(fields={"first_name": "", "last_name": ""}), replace(RULES, without_name="import"), False),
        (entry(fields={"login": ""}), RULES, True),
        (entry(fields={"login": "an na"}), RULES, True),
        (entry(fields={"login": "an/na"}), RULES, True),
        (entry(fields={"login": "an\\na"}), RULES, True),
        (entry(unknown=frozenset({DISABLED})), RULES, True),
        (entry(unknown=frozenset({EXPIRES})), RULES, True),
        (entry(unknown=frozenset({MANAGER, PHOTO})), RULES, False),
        (entry(is_leaver=True), RULES, True),
        (entry(expires_at=NOW), RULES, True),
        (entry(expires_at=NOW + timedelta(days=1)), RULES, False),
    ],
)
def test_who_is_taken_in_at_all(one: PersonEntry, rules: Rules, is_skipped: bool) -> None:
    step = planned(one, known(), rules)
    assert step is not None
    assert step.is_skipped == is_skipped
    assert not is_skipped or step.notes[0].reason


def test_disabled_is_suspended_and_enabled_returns() -> None:
    new = planned(entry(is_disabled=True), known())
    assert new is not None
    assert (new.status, new.is_new, new.actions) == ("suspended", True, frozenset({"create", "suspend"}))
    # Whoever is new leaves nobody.
    assert not new.is_leaving
    assert str(new) == "Anna A: create; suspend (disabled in the directory)"
    link = linked(entry(is_disabled=True), new)
    back = planned(entry(), known(local(status="suspended"), links={"id-anna": link}))
    assert back is not None
    assert (back.status, back.link_status, back.actions) == ("active", "", frozenset({"return"}))


def test_whom_an_administrator_has_suspended_the_directory_does_not_return() -> None:
    link = linked(entry(), planned(entry(), known()))
    moved = replace(entry(), dn="cn=anna,ou=new,dc=corp")
    step = planned(moved, known(local(status="suspended"), links={"id-anna": link}))
    assert step is not None
    assert step.status == ""


@pytest.mark.parametrize(
    ("by_directory", "here", "returns"),
    [
        ("suspended", "suspended", True),
        ("dismissed", "dismissed", True),
        ("suspended", "dismissed", False),
        ("dismissed", "suspended", False),
    ],
)
def test_the_directory_returns_whom_it_has_put_where_they_are(
    by_directory: str, here: str, returns: bool
) -> None:
    """Also whom an administrator has dismissed meanwhile stays so."""
    link = linked_now(status=by_directory)
    step = planned(entry(), known(local(status=here), links={"id-anna": link}))
    assert step is not None
    assert (step.status, step.link_status) == ("active" if returns else "", "")


def test_who_was_suspended_before_the_directory_disabled_them_is_not_the_directorys_to_return() -> None:
    by_hand = known(local(status="suspended"), links={"id-anna": linked_now()})
    disabled = entry(is_disabled=True, dn="cn=anna,ou=new,dc=corp")
    step = planned(disabled, by_hand)
    assert step is not None
    assert (step.status, step.link_status, step.notes) == ("", "", ())
    enabled = planned(entry(), known(local(status="suspended"), links={"id-anna": linked(disabled, step)}))
    assert enabled is not None
    assert enabled.status == ""


def test_whom_an_administrator_has_unlinked_comes_in_again_only_as_somebody_new() -> None:
    apart = {"id-anna": frozenset({Clash("apart", "anna", 1)})}
    step = planned(entry(), known(standing=apart))
    assert step is not None
    assert (step.is_skipped, [one.kind for one in step.clashes]) == (True, ["apart"])
    step = planned(entry(), known(standing=apart, separate=frozenset({"id-anna"})))
    assert step is not None
    assert step.is_new


@pytest.mark.parametrize("unseen", [DISABLED, EXPIRES])
def test_what_may_not_be_read_neither_suspends_nor_returns(unseen: str) -> None:
    suspended = linked(entry(is_disabled=True), planned(entry(is_disabled=True), known()))
    unread = entry(unknown=frozenset({unseen}), fields={"phone": "+74951234567"})
    step = planned(unread, known(local(status="suspended"), links={"id-anna": suspended}))
    assert step is not None
    assert (step.status, step.link_status, step.actions) == ("", "suspended", frozenset({"change"}))
    working = linked(entry(), planned(entry(), known()))
    step = planned(unread, known(local(), links={"id-anna": working}))
    assert step is not None
    assert (step.status, step.link_status) == ("", "")


def test_what_says_nothing_of_working_here_keeps_nobody_from_returning_or_leaving() -> None:
    suspended = linked(entry(is_disabled=True), planned(entry(is_disabled=True), known()))
    here = known(local(status="suspended"), links={"id-anna": suspended})
    back = planned(entry(unknown=frozenset({MANAGER, PHOTO})), here)
    assert back is not None
    assert (back.status, back.actions) == ("active", frozenset({"return"}))
    # Whoever is among the leavers has left, whenever the account would end.
    unread = entry(is_leaver=True, unknown=frozenset({EXPIRES}))
    left = planned(unread, known(local(), links={"id-anna": linked_now()}))
    assert left is not None
    assert (left.status, left.leaving_why) == ("suspended", "leavers")
    # An account that ends one day has not ended.
    ends = planned(entry(expires_at=NOW + timedelta(days=9)), known(local(), links={"id-anna": linked_now()}))
    assert ends is not None
    assert (ends.status, ends.leaving_why, ends.leaving_since) == ("", "", "")


def test_nobody_is_dismissed_by_an_end_that_may_not_be_read_any_more() -> None:
    long_ago = NOW - timedelta(days=90)
    link = linked_now(leaving_since=long_ago, leaving_why="expired", status="suspended", expires_at=long_ago)
    unread = entry(unknown=frozenset({EXPIRES}), dn="cn=anna,ou=new,dc=corp")
    step = planned(unread, known(local(status="suspended"), links={"id-anna": link}))
    assert step is not None
    assert (step.status, step.link_status, step.leaving_why) == ("", "suspended", "expired")
    assert step.leaving_since == long_ago.isoformat()


def test_somebody_is_called_by_their_names_or_else_by_how_they_sign_in() -> None:
    assert local().name == "Anna A"
    assert replace(local(), fields={"login": "anna", "last_name": "A"}).name == "A"
    assert replace(local(), fields={"login": "anna"}).name == "anna"


SALES, NORTH = UnitNow(2, "Sales", 1), UnitNow(3, "North", 2)


def test_a_department_is_the_directorys_where_units_are_imported() -> None:
    units: dict[str, Any] = {"units": {"s": SALES, "n": NORTH}, "has_units": True}
    new = planned(entry(unit="s"), known(**units))
    assert new is not None
    assert new.unit == "s"
    without = planned(entry(unit="s"), known())
    assert without is not None
    assert without.unit is None
    links = {"id-anna": linked(entry(unit="s"), new)}
    in_sales = local(departments=frozenset({2}))
    assert planned(entry(unit="s"), known(in_sales, links=links, **units)) is None
    moved = planned(entry(unit="n"), known(in_sales, links=links, **units))
    assert moved is not None
    assert moved.unit == "n"
    assert [(note.action, note.old, note.new) for note in moved.notes] == [("move", "Sales", "North")]
    # Somebody has put them there already, and there alone: there is nothing to tell.
    there = planned(entry(unit="n"), known(local(departments=frozenset({3})), links=links, **units))
    assert there is not None
    assert (there.unit, there.notes) == ("n", ())
    both = planned(entry(unit="n"), known(local(departments=frozenset({2, 3})), links=links, **units))
    assert both is not None
    assert [note.action for note in both.notes] == ["move"]
    # What they were put into by hand is the directory's to say, once it says anything.
    elsewhere = planned(
        entry(unit="s", fields={"phone": "+74951234567"}),
        known(local(departments=frozenset({3})), links=links, **units),
    )
    assert elsewhere is not None
    assert elsewhere.unit == "s"
    # A unit that is not among the departments is none, and one that is about to be made is.
    unknown = planned(entry(unit="x"), known(in_sales, links=links, **units))
    assert unknown is not None
    assert (unknown.unit, unknown.notes) == (None, ())
    made = {"units": {**units["units"], "m": UnitNow(None, "Mill", 1)}, "has_units": True}
    moves = planned(entry(unit="m"), known(in_sales, links=links, **made))
    assert moves is not None
    assert (moves.unit, [note.new for note in moves.notes]) == ("m", ["Mill"])
    # Whoever is in another one besides stays there while the directory says what it said.
    besides = planned(
        entry(unit="s", fields={"phone": "+74951234567"}),
        known(local(departments=frozenset({2, 3})), links=links, **units),
    )
    assert besides is not None
    assert (besides.unit, besides.actions) == (None, frozenset({"change"}))
    # Of a department that is gone no name is known.
    lost = {"id-anna": replace(links["id-anna"], values={**links["id-anna"].values, "unit": "gone"})}
    found = planned(entry(unit="n"), known(in_sales, links=lost, **units))
    assert found is not None
    assert [(note.old, note.new) for note in found.notes] == [("", "North")]
    none = planned(
        entry(fields={"phone": "+74951234567"}), known(in_sales, links=links, units={"": UnitNow(1, "Corp")})
    )
    assert none is not None
    assert none.unit is None
    # A leaver's unit is no department.
    left = planned(entry(unit="n", is_leaver=True), known(in_sales, links=links, **units))
    assert left is not None
    assert left.unit is None


def test_who_is_gone_is_suspended_and_after_the_days_dismissed_and_returns_as_the_same() -> None:
    link = linked(entry(), planned(entry(), known()))
    (step,) = plan_gone({"id-anna": link}, {1: local()}, RULES, now=NOW)
    assert (step.status, step.leaving_why, step.object_id) == ("suspended", "gone", 1)
    link = replace(linked(entry(), step), fingerprint="")
    suspended = {1: local(status="suspended")}
    assert plan_gone({"id-anna": link}, suspended, RULES, now=NOW + timedelta(days=29)) == []
    (step,) = plan_gone({"id-anna": link}, suspended, RULES, now=NOW + timedelta(days=30))
    assert (step.status, step.actions) == ("dismissed", frozenset({"dismiss"}))
    link = replace(linked(entry(), step), fingerprint="")
    back = planned(
        entry(), known(local(status="dismissed"), links={"id-anna": link}), now=NOW + timedelta(50)
    )
    assert back is not None
    assert (back.object_id, back.status, back.leaving_since) == (1, "active", "")


def test_that_somebody_is_gone_is_known_also_of_whom_an_administrator_has_suspended() -> None:
    link = linked(entry(), planned(entry(), known()))
    (step,) = plan_gone({"id-anna": link}, {1: local(status="suspended")}, RULES, now=NOW)
    assert (step.status, step.link_status, step.notes, step.is_seen) == ("", "", (), False)
    assert (step.leaving_why, step.leaving_since) == ("gone", NOW.isoformat())


def test_who_was_dismissed_is_not_so_again_and_without_days_it_is_at_once() -> None:
    old = NOW - timedelta(days=90)
    link = replace(
        linked(entry(), planned(entry(), known())), leaving_since=old, leaving_why="gone", status="dismissed"
    )
    assert plan_gone({"id-anna": link}, {1: local(status="dismissed")}, RULES, now=NOW) == []
    at_once = replace(RULES, dismiss_after_days=0)
    (step,) = plan_gone({"id-anna": replace(link, leaving_since=None)}, {1: local()}, at_once, now=NOW)
    assert (step.status, step.leaving_since) == ("dismissed", NOW.isoformat())
    assert "days" not in step.notes[0].reason
    (step,) = plan_gone({"id-anna": link}, {1: local()}, RULES, now=NOW)
    assert "for 30 days" in step.notes[0].reason


def test_who_may_have_been_found_again_is_not_dismissed_and_who_was_is_not_gone() -> None:
    link = replace(
        linked(entry(), planned(entry(), known())), leaving_since=NOW - timedelta(days=90), leaving_why="gone"
    )
    people, links = {1: local()}, {"id-anna": link}
    (step,) = plan_gone(links, people, RULES, now=NOW, asked_about={1})
    assert step.status == "suspended"
    at_once = replace(RULES, dismiss_after_days=0)
    (step,) = plan_gone(links, people, at_once, now=NOW, asked_about={1})
    assert step.status == "suspended"
    (step,) = plan_gone(links, people, RULES, now=NOW, asked_about={2})
    assert step.status == "dismissed"
    assert plan_gone(links, people, RULES, now=NOW, relinked={1}) == []
    assert plan_gone(links, {}, RULES, now=NOW) == []


def test_when_an_account_ends_is_known_until_it_may_be_read_again() -> None:
    unread = entry(unknown=frozenset({EXPIRES}), fields={"phone": "+74951234567"})
    expired = planned(entry(expires_at=NOW), known(local(), links={"id-anna": linked_now()}))
    link = linked(entry(expires_at=NOW), expired)
    assert link.leaving_why == "expired"
    step = planned(unread, known(local(status="suspended"), links={"id-anna": link}))
    assert step is not None
    assert (step.leaving_why, step.status, step.leaving_since) == ("expired", "", NOW.isoformat())
    step = planned(unread, known(local(), links={"id-anna": linked_now()}))
    assert step is not None
    assert (step.leaving_why, step.leaving_since) == ("", "")


def linked_now(**more: Any) -> LinkNow:
    """Of anna, whom the directory has as she is here."""
    return replace(linked(entry(), planned(entry(), known())), **more)


def test_whom_an_administrator_has_returned_is_the_directorys_no_more() -> None:
    step = planned(entry(), known(local(), links={"id-anna": linked_now(status="suspended")}))
    assert step is not None
    assert (step.status, step.link_status, step.notes) == ("", "", ())
    # And is suspended again only where she is disabled still, which is told.
    step = planned(entry(is_disabled=True), known(local(), links={"id-anna": linked_now(status="suspended")}))
    assert step is not None
    assert (step.status, step.actions) == ("suspended", frozenset({"suspend"}))


def test_what_the_directory_tells_no_more_is_a_loss() -> None:
    had = entry(fields={"phone": "+74951234567"}, photo=b"x")
    link = linked(had, planned(had, known()))
    here = LocalPerson(1, {**local().fields, "phone": "+74951234567"})
    step = planned(entry(), known(here, links={"id-anna": link}))
    assert step is not None
    assert [(note.field, note.new) for note in step.losses] == [("phone", ""), ("photo", "")]
    # Another number is none, and a picture that stays is not gone.
    step = planned(entry(fields={"phone": "+74950000000"}, photo=b"x"), known(here, links={"id-anna": link}))
    assert step is not None
    assert (step.losses, step.takes_photo_away) == ((), False)
    assert not step.is_leaving
    gone = planned(entry(is_leaver=True), known(here, links={"id-anna": link}))
    assert gone is not None
    assert gone.is_leaving


@pytest.mark.parametrize(("there", "written"), [(b"x", b""), (b"", b"x"), (b"x", b"y")])
def test_a_picture_that_was_not_written_yet_is_so_now(there: bytes, written: bytes) -> None:
    """A run that ended behind the people and before their pictures: nothing else of them is news."""
    one = entry(photo=there)
    link = linked(one, planned(one, known()))
    assert planned(one, known(local(), links={"id-anna": link})) is None
    pending = replace(link, photo_fingerprint=entry(photo=written).photo_fingerprint)
    step = planned(one, known(local(), links={"id-anna": pending}))
    assert step is not None
    assert (step.photo_fingerprint, step.takes_photo_away) == (one.photo_fingerprint, not there)
    assert step.notes == ()


def test_where_a_photo_comes_from_is_remembered() -> None:
    step = planned(entry(photo=b"x", photo_attribute="thumbnailphoto"), known())
    assert step is not None
    assert step.values["photo_from"] == "thumbnailphoto"
    without = planned(entry(), known())
    assert without is not None
    assert "photo_from" not in without.values


def test_a_picture_that_may_not_be_read_stays() -> None:
    had = entry(photo=b"x", photo_attribute="thumbnailphoto")
    link = linked(had, planned(had, known()))
    unread = entry(unknown=frozenset({PHOTO}), dn="cn=anna,ou=new,dc=corp")
    step = planned(unread, known(local(), links={"id-anna": link}))
    assert step is not None
    assert (step.takes_photo_away, step.photo_fingerprint) == (False, had.photo_fingerprint)
    assert step.values["photo_from"] == "thumbnailphoto"
    # Nothing is taken away of who had none.
    without = planned(entry(dn="cn=anna,ou=new,dc=corp"), known(local(), links={"id-anna": linked_now()}))
    assert without is not None
    assert not without.takes_photo_away


def test_what_is_wrong_with_single_values_is_told_with_what_is_new() -> None:
    wrong = entry(reports=("The phone is none.",), number="17")
    new = planned(wrong, known())
    assert new is not None
    assert [note.reason for note in new.notes if note.action == "report"] == ["The phone is none."]
    assert new.values["number"] == "17"
    here = known(local(), links={"id-anna": linked(wrong, new)})
    assert planned(wrong, here) is None
    moved = planned(replace(wrong, base="ou=new,dc=corp"), here)
    assert moved is not None
    assert [note.reason for note in moved.notes] == ["The phone is none."]
    matched = planned(wrong, known(local()))
    assert matched is not None
    assert [note.action for note in matched.notes] == ["link", "report"]


def test_who_is_made_anew_just_as_they_were_is_linked_and_told_of() -> None:
    wrong = entry(reports=("The phone is none.",))
    former = linked(wrong, planned(wrong, known()))
    step = planned(
        replace(wrong, stable_id="id-anna-new"),
        known(local(), again={"id-anna-new": Clash("again", "anna", 1, "number")}, former={1: former}),
        replace(RULES, again="number"),
    )
    assert step is not None
    assert (step.is_relinked, [note.action for note in step.notes]) == (True, ["link", "report"])
    # That somebody was linked comes first.
    changed = planned(entry(fields={"phone": "+74951234567"}), known(local()))
    assert changed is not None
    assert [note.action for note in changed.notes] == ["link", "change"]


def test_whoever_is_there_again_is_gone_no_more_though_an_administrator_has_suspended_them() -> None:
    link = linked_now(leaving_why="gone", leaving_since=NOW)
    step = planned(entry(), known(local(status="suspended"), links={"id-anna": link}))
    assert step is not None
    assert (step.status, step.leaving_why, step.leaving_since) == ("", "", "")


def test_what_somebody_else_has_is_said_once_and_said_no_more_when_it_is_over() -> None:
    wanted = entry("boris", "anna@corp.test", reports=("The phone is none.",))
    clash = Clash("email", "anna@corp.test", 1)
    links = {"id-boris": linked(entry("boris", ""), planned(entry("boris", ""), known()), 2)}
    first = planned(wanted, known(local(), local(2, "boris", ""), links=links))
    assert first is not None
    assert first.clashes == (clash,)
    said = [(note.field, note.new) for note in first.notes if note.action == "report"]
    assert said == [("", ""), ("email", "anna@corp.test")]
    links = {"id-boris": linked(wanted, first, 2)}
    standing = {"id-boris": frozenset({clash})}
    moved = replace(wanted, base="ou=new,dc=corp")
    here = known(local(), local(2, "boris", ""), links=links, standing=standing)
    again = planned(moved, here)
    assert again is not None
    assert [note.field for note in again.notes] == [""]
    # Somebody has given it to them meanwhile.
    here = known(local(2, "boris", "anna@corp.test"), links=links, standing=standing)
    over = planned(wanted, here)
    assert over is not None
    assert (over.clashes, over.notes) == ((), ())


def test_nobody_loses_their_login_with_the_directorys() -> None:
    step = planned(entry(fields={"login": ""}), known(local(), links={"id-anna": linked_now()}))
    assert step is not None
    assert "login" not in step.fields


def test_a_manager_is_another_as_the_directory_says_and_is_told_of_who_is_not_here() -> None:
    managers = {"cn=boris,dc=corp": "id-boris", "cn=cara,dc=corp": "id-cara"}
    led = entry(manager="cn=boris,dc=corp")
    link = linked(led, planned(led, known(managers=managers)))
    here = known(local(), links={"id-anna": link}, managers=managers)
    step = planned(entry(manager="cn=cara,dc=corp"), here)
    assert step is not None
    assert (step.values["manager"], step.values["manager_key"]) == ("id-cara", "cn=cara,dc=corp")
    step = planned(entry(manager="cn=nobody,dc=corp"), here)
    assert step is not None
    assert [(note.action, note.field) for note in step.notes] == [("report", "manager")]
    step = planned(entry(), here)
    assert step is not None
    assert step.values.keys().isdisjoint({"manager_key", "number"})


def test_only_what_was_there_and_is_no_more_is_lost() -> None:
    notes = (
        Note("move", "departments", "Sales", ""),
        Note("change", "city", "", ""),
        Note("change", "phone", "1", "2"),
        Note("change", "position", "Clerk", ""),
    )
    step = PersonStep("id-anna", "cn=anna", name="Anna", notes=notes)
    assert [note.field for note in step.losses] == ["position"]
    assert str(PersonStep("id-anna", "cn=anna", name="Anna")) == "Anna: nothing"
    assert str(step).startswith("Anna: move departments; change city;")


def test_who_is_linked_to_somebody_that_is_not_here_any_more_is_new() -> None:
    step = planned(entry(), known(links={"id-anna": replace(linked_now(), object_id=7)}))
    assert step is not None
    assert step.is_new
    # Of whom they may be again nobody is known.
    boris = entry("boris", "boris@corp.test")
    step = planned(boris, known(local(), again={"id-boris": Clash("again", "boris", None, "name")}))
    assert step is not None
    assert step.is_new


def test_what_was_in_the_way_once_is_so_no_more() -> None:
    step = planned(entry(), known(standing={"id-anna": frozenset({Clash("login", "anna", 7)})}))
    assert step is not None
    assert step.is_new


def test_whose_account_of_the_console_is_meant_is_not_asked_about_as_gone() -> None:
    claims = Claims()
    (step,) = plan_people([entry()], known(local(holds_console=True)), RULES, claims, [], now=NOW)
    assert ([one.kind for one in step.clashes], claims.asked_about) == (["console"], set())


def test_by_what_somebody_may_be_again_is_said() -> None:
    said = {rule: Clash("again", "anna", 1, rule).reason for rule in ("number", "login", "email", "name")}
    assert "the login anna" in said["login"]
    assert len(set(said.values())) == 4


def test_who_was_like_somebody_that_is_not_here_any_more_is_new() -> None:
    clash = Clash("again", "anna", 7, "number")
    step = planned(entry(), known(again={"id-anna": clash}), replace(RULES, again="number"))
    assert step is not None
    assert (step.is_new, step.is_skipped) == (True, False)


def test_by_rule_whoever_is_gone_is_kept_or_never_dismissed() -> None:
    link = linked(entry(), planned(entry(), known()))
    keep = replace(RULES, gone="keep")
    (step,) = plan_gone({"id-anna": link}, {1: local()}, keep, now=NOW)
    assert (step.leaving_why, step.leaving_since, step.status, step.notes) == ("gone", "", "", ())
    kept = replace(link, leaving_why="gone")
    assert plan_gone({"id-anna": kept}, {1: local()}, keep, now=NOW) == []
    # By another rule the days begin now, also for whom an administrator has suspended.
    for status, told in (("active", "suspended"), ("suspended", "")):
        (step,) = plan_gone({"id-anna": kept}, {1: local(status=status)}, RULES, now=NOW)
        assert (step.status, step.leaving_since) == (told, NOW.isoformat())
    old = replace(link, leaving_since=NOW - timedelta(days=900), leaving_why="gone", status="suspended")
    rules = replace(RULES, dismiss_after_days=None)
    assert plan_gone({"id-anna": old}, {1: local(status="suspended")}, rules, now=NOW) == []


@pytest.mark.parametrize("more", [{"is_leaver": True}, {"expires_at": NOW}])
def test_leavers_and_the_expired_are_suspended_and_then_dismissed(more: dict[str, Any]) -> None:
    link = linked(entry(), planned(entry(), known()))
    step = planned(entry(**more), known(local(), links={"id-anna": link}))
    assert step is not None
    assert step.status == "suspended"
    link = linked(entry(), step)
    here = known(local(status="suspended"), links={"id-anna": link})
    assert planned(entry(**more), here, now=NOW + timedelta(days=1)) is None
    step = planned(entry(**more), here, now=NOW + timedelta(days=31))
    assert step is not None
    assert step.status == "dismissed"


def test_a_value_is_taken_away_only_where_the_directory_had_written_it() -> None:
    with_phone = entry(fields={"phone": "+74951234567"})
    here = LocalPerson(1, {**local().fields, "phone": "+74951234567"})
    link = linked(with_phone, planned(with_phone, known()))
    step = planned(entry(), known(here, links={"id-anna": link}))
    assert step is not None
    assert step.fields == {"phone": ""}
    matched = planned(entry(), known(here))
    assert matched is not None
    assert matched.fields == {}


def test_what_somebody_has_changed_here_stays_until_the_directory_says_something_else() -> None:
    told = entry(fields={"phone": "+74951234567"})
    link = linked(told, planned(told, known()))
    here = LocalPerson(1, {**local().fields, "phone": "+74950000000"})
    assert planned(told, known(here, links={"id-anna": link})) is None
    step = planned(replace(told, dn="cn=anna,ou=new,dc=corp"), known(here, links={"id-anna": link}))
    assert step is not None
    assert step.fields == {"phone": "+74951234567"}


def test_what_somebody_has_changed_here_stays_while_they_wait_for_a_name() -> None:
    told = entry("boris", "anna@corp.test", fields={"phone": "+74951234567"})
    clash = Clash("email", "anna@corp.test", 1)
    links = {"id-anna": linked_now()}
    first = planned(told, known(local(), links=links))
    assert first is not None
    assert first.clashes == (clash,)
    links["id-boris"] = linked(told, first, 2)
    boris = local(2, "boris", "", departments=frozenset({9}))
    boris = replace(boris, fields={**boris.fields, "phone": "+74950000000"})
    # And where: the unit that they come from is another department.
    units: dict[str, Any] = {"units": {"": UnitNow(7, "Corp")}, "has_units": True}
    standing = {"id-boris": frozenset({clash})}
    assert planned(told, known(local(), boris, links=links, standing=standing, **units)) is None
    freed = planned(told, known(boris, links=links, standing=standing, **units))
    assert freed is not None
    assert (freed.fields, freed.clashes, freed.unit) == ({"email": "anna@corp.test"}, (), None)
    # It is the directory's all the same, which takes it away once it has none.
    assert freed.values["phone"] == "+74951234567"
    # What it says anew counts.
    moved = replace(told, dn="cn=boris,ou=new,dc=corp")
    step = planned(moved, known(local(), boris, links=links, standing=standing, **units))
    assert step is not None
    assert (step.fields, step.unit) == ({"phone": "+74951234567"}, "")


def test_whom_somebody_has_returned_is_suspended_again_while_the_directory_has_them_disabled() -> None:
    disabled = entry(is_disabled=True)
    link = linked(disabled, planned(disabled, known()))
    assert planned(disabled, known(local(status="suspended"), links={"id-anna": link})) is None
    step = planned(disabled, known(local(), links={"id-anna": link}))
    assert step is not None
    assert (step.status, step.link_status) == ("suspended", "suspended")


def test_a_manager_that_may_not_be_read_stays_and_nobody_is_their_own() -> None:
    managers = {"cn=boris,dc=corp": "id-boris", "cn=anna,dc=corp": "id-anna"}
    led = entry(manager="cn=Boris,dc=corp")
    link = linked(led, planned(led, known(managers=managers)))
    assert link.values["manager"] == "id-boris"
    unread = entry(unknown=frozenset({MANAGER}), fields={"phone": "+74951234567"})
    step = planned(unread, known(local(), links={"id-anna": link}, managers=managers))
    assert step is not None
    assert step.values["manager"] == "id-boris"
    step = planned(entry(manager="cn=anna,dc=corp"), known(managers=managers))
    assert step is not None
    assert (step.values["manager"], step.actions) == ("", frozenset({"create"}))


def test_a_missing_manager_is_reported_and_the_person_imported() -> None:
    step = planned(entry(manager="cn=Nobody,dc=corp"), known())
    assert step is not None
    assert step.actions == {"create", "report"}


def test_units_keep_their_department_when_renamed_and_moved() -> None:
    here = {"": UnitNow(1, "Corp"), "a": UnitNow(2, "Sales", 1), "b": UnitNow(3, "North", 2)}
    assert plan_units([Unit("a", "Sales"), Unit("b", "North", "a")], here) == []
    renamed, moved, new = plan_units([Unit("a", "Trade"), Unit("b", "North"), Unit("c", "New", "a")], here)
    assert (renamed.object_id, [note.action for note in renamed.notes]) == (2, ["change"])
    assert (moved.object_id, [note.action for note in moved.notes]) == (3, ["move"])
    assert (moved.notes[0].old, moved.notes[0].new) == ("Sales", "Corp")
    assert (new.object_id, new.parent) == (None, "a")


def test_a_unit_that_is_there_again_returns_and_is_not_made_anew() -> None:
    here = {"": UnitNow(1, "Corp"), "a": UnitNow(2, "Sales", 1, is_left=True)}
    (step,) = plan_units([Unit("a", "Sales")], here)
    assert (step.object_id, [note.action for note in step.notes]) == (2, ["return"])
    back, new = plan_units(
        [Unit("b", "North", "a"), Unit("c", "South", "a")], {"": UnitNow(1, "Corp")}, {"b"}
    )
    assert [note.action for note in (*back.notes, *new.notes)] == ["return", "create"]
    (above,) = plan_units([Unit("c", "South")], {"": UnitNow(1, "Corp")})
    assert above.notes[0].reason == "Corp"


def test_units_are_made_under_others_that_are_made_too() -> None:
    here = {"": UnitNow(1, "Corp"), "a": UnitNow(2, "Sales", 1), "m": UnitNow(None, "Mill", 1)}
    a, below, moved = plan_units([Unit("a", "Sales", "c"), Unit("b", "North", "a"), Unit("m", "Mill")], here)
    # To one that is not here so far.
    assert [(note.action, note.old, note.new) for note in a.notes] == [("move", "Corp", "")]
    assert [(note.action, note.new, note.reason) for note in below.notes] == [("create", "North", "Sales")]
    # What is about to be made has no number.
    assert (moved.object_id, [note.action for note in moved.notes]) == (None, ["create"])
    (alone,) = plan_units([Unit("a", "Sales")], {})
    assert [(note.action, note.reason) for note in alone.notes] == [("create", "")]


def test_of_a_circle_the_one_who_comes_last_has_no_manager() -> None:
    edges = without_circles({"anna": "boris", "boris": "cara", "cara": "boris", "dina": ""})
    assert (edges.managers, edges.cut) == ({"anna": "boris", "boris": "cara"}, ("cara",))


@given(st.dictionaries(st.integers(0, 12).map(str), st.integers(0, 12).map(str), max_size=13))
def test_managers_never_go_round_in_a_circle(managers: dict[str, str]) -> None:
    edges = without_circles(managers)
    for person in edges.managers:
        way = [person]
        while way[-1] in edges.managers:
            way.append(edges.managers[way[-1]])
            assert len(way) == len(set(way))
    assert edges.managers.keys() | set(edges.cut) == managers.keys()
    # Nothing is left out that was in no circle.
    for person in edges.cut:
        at = managers[person]
        for _step in managers:
            if at == person:
                break
            at = managers[at]
        assert at == person


def test_the_head_is_whom_most_of_the_department_name() -> None:
    units = {"anna": "sales", "boris": "sales", "cara": "sales", "olga": "board"}
    managers = {"boris": "anna", "cara": "anna", "anna": "olga", "dina": "cara"}
    assert heads_by_manager(units, managers) == {"sales": "anna"}
    # Whoever is elsewhere heads what is there, however many name them; of two with as many it is the first.
    managers = {"anna": "olga", "cara": "olga", "boris": "anna"}
    assert heads_by_manager(units, managers) == {"sales": "anna"}
    managers = {"anna": "boris", "boris": "cara", "cara": "boris"}
    assert heads_by_manager(units, managers) == {"sales": "boris"}
    assert heads_by_manager(units, {"anna": "cara", "cara": "boris"}) == {"sales": "boris"}
    # Who is nowhere has nobody above them.
    assert heads_by_manager({}, {"anna": "boris"}) == {}


@pytest.mark.parametrize(
    ("leaving", "asks"),
    [
        (Leaving(now=3, people=10), False),
        (Leaving(now=4, people=10), True),
        # Of how many nobody knows.
        (Leaving(now=4), False),
        (Leaving(now=4, people=200), False),
        (Leaving(now=5, people=200), True),
        (Leaving(now=20, people=2000), False),
        (Leaving(now=21, people=2000), True),
        (Leaving(now=2, before=19, people=2000), True),
        (Leaving(now=0, before=50, people=100), False),
        (Leaving(now=15, people=5000, by_base={"ou=a": 15}, in_base={"ou=a": 40}), True),
        (Leaving(now=15, people=5000, by_base={"ou=a": 15}, in_base={"ou=a": 400}), False),
        # Exactly as many as are allowed are not more.
        (Leaving(now=15, people=5000, by_base={"ou=a": 15}, in_base={"ou=a": 50}), False),
        (Leaving(now=3, people=5000, by_base={"ou=a": 3}, in_base={"ou=a": 4}), False),
        (
            Leaving(now=5, people=5000, by_base={"ou=a": 3, "ou=b": 2}, in_base={"ou=a": 4, "ou=b": 400}),
            False,
        ),
        # Of how many nobody knows.
        (Leaving(now=15, people=5000, by_base={"ou=a": 15}), False),
        (Leaving(now=0, people=50, heads_now=4, heads=200), False),
        (Leaving(now=0, people=50, heads_now=5, heads=200), True),
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 6, 20),)), False),
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 7, 20),)), True),
        (Leaving(now=1, people=50, in_base={"ou=a": 1}, empty_bases=("ou=a",)), True),
        (Leaving(now=0, people=50, empty_bases=("ou=new",)), False),
        (Leaving(now=0, people=50, heads_now=3, heads=5), False),
        (Leaving(now=0, people=50, heads_now=4, heads=5), True),
        (Leaving(now=0, people=5000, heads_now=20, heads=2000), False),
        (Leaving(now=0, people=5000, heads_now=21, heads=5000), True),
        (Leaving(now=0, people=50, heads_now=1, heads_before=2, heads=5), False),
        (Leaving(now=0, people=50, heads_now=1, heads_before=3, heads=5), True),
        (Leaving(now=0, people=50, heads_now=0, heads_before=4, heads=5), False),
        (Leaving(now=0, people=50, departments_now=1, departments_before=2, departments=6), False),
        (Leaving(now=0, people=50, departments_now=1, departments_before=3, departments=6), True),
        (Leaving(now=0, people=50, departments_now=0, departments_before=4, departments=6), False),
        (Leaving(now=0, people=50, by_field={"city": 1}, by_field_before={"city": 2}), False),
        (Leaving(now=0, people=50, by_field={"city": 1}, by_field_before={"city": 3}), True),
        (Leaving(now=0, people=50, by_field={"city": 1}, by_field_before={"phone": 3}), False),
        (Leaving(now=0, people=50, by_field={"city": 3}), False),
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 3, 5),)), False),
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 4, 5), LeavingGroup("Team", 1, 50))), True),
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 1, 50), LeavingGroup("Team", 4, 5))), True),
        (Leaving(now=0, people=5000, groups=(LeavingGroup("All", 20, 2000),)), False),
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 2, 3, before=1),)), False),
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 2, 3, before=2),)), True),
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 0, 3, before=4),)), False),
        # Who left within the day was among those of whom it counts.
        (Leaving(now=0, people=50, groups=(LeavingGroup("Team", 2, 12, before=2),)), False),
    ],
)
def test_the_guard_asks_before_many_leave(leaving: Leaving, asks: bool) -> None:
    assert bool(guard(leaving, RULES)) == asks


LOGINS = st.sampled_from(["anna", "boris", "cara", "дина🙂", ""])
EMAILS = st.sampled_from(["anna@corp.test", "boris@corp.test", ""])


@st.composite
def directories(draw: st.DrawFn) -> list[PersonEntry]:
    return [
        replace(
            entry(draw(LOGINS), draw(EMAILS), is_disabled=draw(st.booleans()), is_leaver=draw(st.booleans())),
            stable_id=f"id-{number}",
            dn=f"cn={number},dc=corp",
        )
        for number in range(draw(st.integers(0, 6)))
    ]


@given(directories(), st.lists(st.tuples(LOGINS.filter(bool), EMAILS, st.booleans()), max_size=3))
def test_whatever_the_directory_holds_nobody_has_what_is_anothers(
    entries: list[PersonEntry], locals_: list[tuple[str, str, bool]]
) -> None:
    people: list[LocalPerson] = []
    for number, (login, email, holds_console) in enumerate(locals_, 1):
        if login not in {one.fields["login"] for one in people} and (
            not email or email not in {one.fields["email"] for one in people}
        ):
            people.append(local(number, login, email, holds_console=holds_console))
    steps = planned_all(entries, known(*people))
    after = {one.id: dict(one.fields) for one in people}
    for number, step in enumerate(steps, 100):
        if not step.is_skipped:
            after.setdefault(step.object_id or number, {}).update(step.fields)
    logins = [fields["login"] for fields in after.values()]
    emails = [fields["email"] for fields in after.values() if fields.get("email")]
    assert len(logins) == len(set(logins))
    assert len(emails) == len(set(emails))
    touched = [step.object_id for step in steps if step.object_id]
    assert len(touched) == len(set(touched))
    assert not {one.id for one in people if one.holds_console} & set(touched)


def swapped(people: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What people have after a run, where the directory gives them these logins and e-mails."""
    locals_ = [local(pk, *names) for pk, names in enumerate(people, 1)]
    first = [entry(*names, stable_id=f"id-{pk}") for pk, names in enumerate(people, 1)]
    links = {one.stable_id: linked(one, planned(one, known()), pk) for pk, one in enumerate(first, 1)}
    here = known(*locals_, links=links)
    steps = planned_all([entry(*names, stable_id=f"id-{pk}") for pk, names in enumerate(wanted, 1)], here)
    after = {one.id: dict(one.fields) for one in locals_}
    for step in steps:
        if step.object_id:
            after[step.object_id].update(step.fields)
    return [(after[pk]["login"], after[pk]["email"]) for pk in sorted(after)]


ABC = [("anna", "anna@corp.test"), ("boris", "boris@corp.test"), ("cara", "cara@corp.test")]


@pytest.mark.parametrize("order", [[1, 0, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1]])
def test_logins_and_emails_change_hands_in_circles_too(order: list[int]) -> None:
    assert swapped(ABC, [ABC[number] for number in order]) == [ABC[number] for number in order]


def test_what_nobody_gives_up_is_nobodys_and_the_rest_goes_on() -> None:
    # Cara keeps hers, so that Boris gets it not, and keeps his, so that Anna gets that not.
    wanted = [("boris", "anna@corp.test"), ("cara", "new@corp.test"), ("cara", "cara@corp.test")]
    assert swapped(ABC, wanted) == [
        ("anna", "anna@corp.test"), ("boris", "new@corp.test"), ("cara", "cara@corp.test"),
    ]  # fmt: skip
    # What Cara gives up goes down the line, also by way of an e-mail that the directory has taken away.
    wanted = [("boris", ""), ("cara", "anna@corp.test"), ("dina", "boris@corp.test")]
    assert swapped(ABC, wanted) == wanted


def test_of_two_who_wait_for_a_name_it_is_who_is_here_already() -> None:
    links = {
        one.stable_id: linked(one, planned(one, known()), pk)
        for pk, one in enumerate((entry(*names, stable_id=f"id-{pk}") for pk, names in enumerate(ABC, 1)), 1)
    }
    here = known(*(local(pk, *names) for pk, names in enumerate(ABC, 1)), links=links)
    new = entry("boris", "dina@corp.test", stable_id="id-9")
    cara = entry("boris", "cara@corp.test", stable_id="id-3")
    boris = entry("free", "boris@corp.test", stable_id="id-2")
    steps = {step.stable_id: step for step in planned_all([new, cara, boris], here)}
    assert steps["id-9"].is_skipped
    assert (steps["id-3"].fields["login"], steps["id-2"].fields["login"]) == ("boris", "free")


def test_who_is_not_made_takes_no_email_from_whoever_is() -> None:
    """Their login was given away in the same run."""
    first, second = (
        entry("anna", "a@corp.test", stable_id="id-1"),
        entry("anna", "b@corp.test", stable_id="id-2"),
    )
    dina = entry("dina", "b@corp.test", stable_id="id-3")
    steps = {step.stable_id: step for step in planned_all([first, second, dina], known())}
    assert [steps[key].is_skipped for key in ("id-1", "id-2", "id-3")] == [False, True, False]
    assert steps["id-3"].fields["email"] == "b@corp.test"


def test_an_email_of_the_directory_is_given_up_though_another_is_not_to_be_had() -> None:
    links = {
        f"id-{pk}": linked(entry(*names), planned(entry(*names), known()), pk)
        for pk, names in enumerate(ABC[:2], 1)
    }
    here = known(local(1, *ABC[0]), local(2, *ABC[1]), links=links)
    anna = entry("anna", "boris@corp.test", stable_id="id-1")
    steps = planned_all([anna, entry("dina", "anna@corp.test")], here)
    given = {step.stable_id: step.fields.get("email") for step in steps}
    assert given == {"id-1": "", "id-dina": "anna@corp.test"}
    # One that was never the directory's stays.
    here = known(local(1, *ABC[0]), local(2, "boris", "own@corp.test"), links={"id-1": links["id-1"]})
    step = planned(entry("boris", "anna@corp.test"), here)
    assert step is not None
    assert (step.object_id, "email" in step.fields) == (2, False)
    assert [(one.kind, one.person) for one in step.clashes] == [("email", 1)]


def test_whoever_gets_a_first_email_gives_nothing_up() -> None:
    boris = entry("boris", "")
    links = {"id-anna": linked_now(), "id-boris": linked(boris, planned(boris, known()), 2)}
    here = known(local(), local(2, "boris", ""), links=links)
    wanted = [entry("boris", "b@corp.test"), entry("boris", "anna@corp.test", stable_id="id-anna")]
    claims, waiting = Claims(), list[Waiting]()
    plan_people(wanted, here, RULES, claims, waiting, now=NOW)
    assert together(waiting, claims) == {"id-anna"}


@pytest.mark.parametrize(
    ("hers", "is_free"),
    [
        # The directory has taken it away.
        (entry(email=""), True),
        # It may only not be read, or is hers still.
        (entry(email="", unknown=frozenset({"email"})), False),
        (entry(fields={"phone": "+74951234567"}), False),
    ],
)
def test_an_email_is_free_once_the_directory_has_taken_it_away(hers: PersonEntry, is_free: bool) -> None:
    here = known(local(), links={"id-anna": linked_now()})
    (*_of_anna, new) = planned_all([hers, entry("dina", "anna@corp.test")], here)
    assert (new.is_new, new.fields.get("email")) == (True, "anna@corp.test" if is_free else None)


def test_an_email_that_the_directory_has_not_given_is_nobodys_to_take() -> None:
    without = entry(email="")
    link = linked(without, planned(without, known()))
    here = known(local(), links={"id-anna": link})
    (new,) = planned_all([without, entry("dina", "anna@corp.test")], here)
    assert (new.stable_id, new.fields.get("email")) == ("id-dina", None)


def test_names_that_are_wished_for_are_given_as_far_as_they_are_free() -> None:
    anna, boris = Wish("a", "login", "boris", 1, "anna"), Wish("b", "login", "new", 2, "boris")
    holders = {"boris": frozenset({(2, "login")})}
    assert granted([anna, boris], [], holders) == {("a", "login"), ("b", "login")}
    # Nobody gives it up.
    assert granted([anna], [], holders) == frozenset()
    # What is certain is not decided here, and counts.
    assert granted([anna], [boris], holders) == {("a", "login")}
    # One's own other name is in nobody's way.
    own = Wish("b", "email", "boris", 2)
    assert granted([own], [], holders) == {("b", "email")}


def test_what_turns_out_to_be_free_goes_on_down_the_line() -> None:
    # Anna cannot have Boris's e-mail, for he keeps it and signs in with it from now on: so his login is free.
    wanted = [
        ("anna", "boris@corp.test"),
        ("boris", "cara@corp.test"),
        ("boris@corp.test", "boris@corp.test"),
    ]
    assert swapped([ABC[0], ABC[2], ABC[1]], wanted) == [
        ("anna", ""), ("boris", "cara@corp.test"), ("boris@corp.test", "boris@corp.test"),
    ]  # fmt: skip


def test_who_waits_for_a_name_is_done_in_one_piece_with_whoever_gives_it_up() -> None:
    def entries(*wanted: tuple[str, str]) -> list[PersonEntry]:
        return [entry(*names, stable_id=f"id-{pk}") for pk, names in enumerate(wanted, 1)]

    links = {one.stable_id: linked(one, planned(one, known()), pk) for pk, one in enumerate(entries(*ABC), 1)}
    here = known(*(local(pk, *names) for pk, names in enumerate(ABC, 1)), links=links)
    wanted = entries(("anna", "boris@corp.test"), ("boris", "new@corp.test"), ("cara", "other@corp.test"))
    claims, waiting = Claims(), list[Waiting]()
    plan_people(wanted, here, RULES, claims, waiting, now=NOW)
    assert together(waiting, claims) == {"id-1", "id-2"}
    # Whoever keeps what somebody else waits for has nothing to do with it.
    claims, waiting = Claims(), list[Waiting]()
    wanted = entries(("anna", "boris@corp.test"), ABC[1], ("cara", "other@corp.test"))
    plan_people(wanted, here, RULES, claims, waiting, now=NOW)
    assert together(waiting, claims) == {"id-1"}


def test_a_login_that_whoever_cannot_come_in_had_asked_for_is_free_for_another() -> None:
    rules = replace(RULES, matching="none")
    new = [entry("anna", "new@corp.test", stable_id="id-1"), entry("new@corp.test", "x@corp.test")]
    anna, other = planned_all(new, known(local()), rules)
    assert (anna.is_skipped, other.is_new, other.fields["login"]) == (True, True, "new@corp.test")


def test_who_cannot_come_in_takes_no_email_from_whoever_can() -> None:
    """Without a login nobody is made."""
    rules = replace(RULES, matching="none")
    new = [entry("anna", "new@corp.test", stable_id="id-1"), entry("dina", "new@corp.test", stable_id="id-2")]
    anna, dina = planned_all(new, known(local()), rules)
    assert (anna.is_skipped, dina.is_new, dina.fields["email"]) == (True, True, "new@corp.test")


@given(
    st.permutations(ABC),
    st.lists(st.sampled_from(["anna", "boris", "cara", "anna@corp.test", "new"]), min_size=3, max_size=3),
    st.lists(
        st.sampled_from(["anna@corp.test", "boris@corp.test", "x@corp.test", ""]), min_size=3, max_size=3
    ),
)
def test_however_names_move_each_is_one_persons(
    people: list[tuple[str, str]], logins: list[str], emails: list[str]
) -> None:
    wanted = list(zip(logins, emails, strict=True))
    after = swapped(people, wanted)
    holders: dict[str, set[int]] = {}
    for number, names in enumerate(after):
        for name in filter(None, names):
            holders.setdefault(name, set()).add(number)
    assert all(len(one) == 1 for one in holders.values())
    wishes = [name for names in wanted for name in names if name]
    is_disputed = len(set(wishes)) < len(wishes)
    for number, (was, wish, has) in enumerate(zip(people, wanted, after, strict=True)):
        for field in (0, 1):
            assert has[field] in (was[field], wish[field], "")[: 2 + field]
            # What nobody has in the end was not refused to whoever wants it, unless others are in dispute.
            is_free = holders.get(wish[field], {number}) == {number}
            assert has[field] == wish[field] or not is_free or is_disputed
