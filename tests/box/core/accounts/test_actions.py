from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import authenticate, hashers
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.core.accounts import actions
from box.core.accounts.jobs import forget_sessions
from box.core.accounts.models import Profile, Session, User
from box.core.accounts.models.people import ERASED
from box.core.accounts.sessions import SessionStore
from box.core.events.models import Event
from tests.cast import PASSWORD

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


def test_one_signs_in_by_login_or_email_however_capitalised(anna: User) -> None:
    anna.login = "anna"
    anna.save()
    for name in ("anna", " ANNA ", "Anna@Example.com"):
        assert authenticate(username=name, password=PASSWORD) == anna
    assert authenticate(username="anna", password="wrong") is None


@pytest.mark.parametrize("login", ["anna@example.com", "nobody@example.com"])
def test_a_known_and_an_unknown_login_cost_the_same_hashes(
    anna: User, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = type(hashers.get_hasher())
    computed: list[str] = []

    def counting(name: str) -> Callable[..., Any]:
        real = getattr(hasher, name)

        def count(*arguments: Any, **options: Any) -> Any:
            computed.append(name)
            return real(*arguments, **options)

        return count

    for name in ("encode", "verify"):
        monkeypatch.setattr(hasher, name, counting(name))
    assert authenticate(username=login, password="wrong") is None
    assert len(computed) == 1


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"email": "ANNA@example.com"}, "e-mail already"),
        ({"email": "new@example.com", "login": "anna@example.com"}, "login already"),
        ({"email": "not an address"}, "valid email"),
        ({"login": "two words"}, "without spaces"),
    ],
)
def test_a_person_who_cannot_be_is_refused(anna: User, fields: dict[str, Any], word: str) -> None:
    before = User.objects.count()
    with pytest.raises(ValidationError, match=word):
        actions.create_user(actions.NewUser(**fields), password=PASSWORD, by=None)
    assert User.objects.count() == before


def test_a_weak_password_is_refused(db: None) -> None:
    with pytest.raises(ValidationError, match="too short"):
        actions.create_user(actions.NewUser(email="x@example.com"), password="short", by=None)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (actions.suspend_user, "UserStatusChanged", {"status": "suspended"}),
        (actions.dismiss_user, "UserStatusChanged", {"status": "dismissed"}),
        (
            partial(actions.set_administrator, is_administrator=True),
            "AdministratorChanged",
            {"is_administrator": True},
        ),
        (
            partial(actions.update_profile, changes={"phone": "+7 900", "position": ""}),
            "ProfileChanged",
            {"fields": ["phone"]},
        ),
    ],
)
def test_a_change_of_a_person_is_told_and_renews_what_they_may(
    anna: User, olga: User, change: Callable[..., None], kind: str, said: dict[str, object]
) -> None:
    Event.objects.all().delete()
    version = anna.access_version
    change(anna, by=olga)
    event = Event.objects.get(kind=f"accounts.{kind}")
    assert event.payload == {"user_id": anna.pk, "by_id": olga.pk, **said}
    anna.refresh_from_db()
    assert (anna.access_version > version) is (kind != "ProfileChanged")
    ended = Event.objects.filter(kind="accounts.SessionsEnded").exists()
    assert ended is (kind == "UserStatusChanged")


@pytest.mark.parametrize(("field", "word"), [("login", "Nothing is known"), ("merged_into", "was merged")])
def test_who_is_no_more_does_not_return(anna: User, olga: User, field: str, word: str) -> None:
    actions.dismiss_user(anna, by=olga)
    setattr(anna, field, f"{ERASED}{anna.pk}" if field == "login" else olga)
    anna.save(update_fields=[field])
    with pytest.raises(ValidationError, match=word):
        actions.return_user(anna, by=olga)
    anna.refresh_from_db()
    assert anna.status == User.Status.DISMISSED


def test_only_who_works_here_is_made_an_administrator_and_nothing_is_told_of_no_change(
    anna: User, erik: User, olga: User
) -> None:
    actions.suspend_user(anna, by=olga)
    Event.objects.all().delete()
    for person in (anna, erik):
        with pytest.raises(ValidationError, match="works here"):
            actions.set_administrator(person, True, by=olga)
    actions.set_administrator(olga, True, by=olga)
    actions.update_profile(olga, {"first_name": "Olga"}, by=olga)
    assert not Event.objects.exists()


def test_root_makes_somebody_an_administrator_in_nobodys_name(anna: User) -> None:
    actions.set_administrator(anna, True, by=None)
    event = Event.objects.get(kind="accounts.AdministratorChanged")
    assert event.payload == {"user_id": anna.pk, "is_administrator": True, "by_id": None}


def test_a_name_is_kept_composed_however_it_was_typed(anna: User) -> None:
    """A Mac may send й as two characters, which nobody would find by typing it."""
    actions.update_profile(anna, {"last_name": "За\u0438\u0306цева"}, by=anna)
    anna.refresh_from_db()
    assert anna.last_name == "Зайцева"


def test_who_does_not_work_here_for_now_can_cease_to_administer(anna: User, olga: User) -> None:
    actions.set_administrator(anna, True, by=olga)
    actions.suspend_user(anna, by=olga)
    actions.set_administrator(anna, False, by=olga)
    anna.refresh_from_db()
    assert not anna.is_administrator


def test_who_is_added_is_tidied_and_told_of(olga: User) -> None:
    Event.objects.all().delete()
    new = actions.NewUser(email=" New@Example.COM ", login=" NEW ")
    user = actions.create_user(new, password=PASSWORD, by=olga)
    assert (user.email, user.login, user.check_password(PASSWORD)) == ("new@example.com", "new", True)
    assert [(event.kind, event.payload) for event in Event.objects.order_by("id")] == [
        ("accounts.UserCreated", {"user_id": user.pk, "by_id": olga.pk}),
        ("access.AccessChanged", {"user_ids": [user.pk]}),
    ]
    assert actions.create_user(actions.NewUser(email=" X@b.test"), password=None, by=None).login == "x@b.test"


def test_an_invitation_goes_to_whom_it_is_for_and_nobody_else(anna: User, olga: User) -> None:
    def invited(email: str, by: User | None = None) -> User:
        return actions.invite(actions.NewUser(email=email), by=by)

    with pytest.raises(ValidationError, match="Write the e-mail"):
        invited("  ")
    new = invited(" New@example.com ", by=olga)
    assert invited(" NEW@example.com ") == new, "sent again"
    assert invited(anna.email.upper()) == anna, "she has joined"
    with pytest.raises(ValidationError, match="no invitation"):
        actions.invite_again(anna, by=olga)
    actions.invite_again(new, by=olga)
    actions.dismiss_user(new, by=olga)
    assert invited(new.email) == new, "who is gone hears nothing"
    with pytest.raises(ValidationError, match="no invitation"):
        actions.invite_again(new, by=olga)
    User.objects.filter(pk=new.pk).update(merged_into=anna)
    assert invited(new.email) == anna
    told = Event.objects.filter(kind="accounts.PersonInvited").order_by("id")
    by = [olga.pk, None, olga.pk]
    assert [(one.payload["user_id"], one.payload["by_id"]) for one in told] == [(new.pk, pk) for pk in by]


@pytest.mark.parametrize("end", [actions.suspend_user, actions.dismiss_user])
def test_who_is_kept_out_is_signed_out_at_once(
    anna: User, olga: User, as_person: Callable[[User], Client], end: Callable[..., None]
) -> None:
    as_person(anna)
    as_person(olga)
    end(anna, by=olga)
    assert not Session.objects.filter(user=anna).exists()
    assert Session.objects.filter(user=olga).exists()
    assert authenticate(username=anna.login, password=PASSWORD) is None


def test_who_returns_is_the_same_person(anna: User, olga: User) -> None:
    actions.dismiss_user(anna, by=olga)
    Event.objects.all().delete()
    actions.return_user(anna, by=None)
    event = Event.objects.get(kind="accounts.UserStatusChanged")
    assert event.payload == {"user_id": anna.pk, "status": "active", "by_id": None}
    assert not Event.objects.filter(kind="accounts.SessionsEnded").exists()
    assert authenticate(username=anna.login, password=PASSWORD) == anna


def test_the_last_administrator_stays(anna: User, boris: User, olga: User) -> None:
    assert boris.is_active, "he works here, and administers nothing"
    actions.set_administrator(anna, True, by=olga)
    actions.suspend_user(anna, by=olga)
    changes: list[Callable[[], None]] = [
        lambda: actions.dismiss_user(olga, by=olga),
        lambda: actions.suspend_user(olga, by=olga),
        lambda: actions.set_administrator(olga, False, by=olga),
    ]
    for change in changes:
        with pytest.raises(actions.LastAdministrator, match="make somebody else one first"):
            change()
    olga.refresh_from_db()
    assert olga.is_active
    assert olga.is_administrator
    actions.return_user(olga, by=olga)
    actions.return_user(anna, by=olga)
    actions.dismiss_user(olga, by=anna)
    assert not olga.is_active


def test_a_new_password_ends_the_other_sessions(anna: User, as_person: Callable[[User], Client]) -> None:
    here, elsewhere = as_person(anna), as_person(anna)
    actions.change_password(
        anna, "another good password", by=anna, session_key=here.session.session_key or ""
    )
    assert [row.session_key for row in Session.objects.filter(user=anna)] == [here.session.session_key]
    del elsewhere
    with pytest.raises(ValidationError, match="too short"):
        actions.change_password(anna, "short", by=anna)
    anna.refresh_from_db()
    assert anna.check_password("another good password")


def test_only_fields_of_the_profile_are_written(anna: User) -> None:
    with pytest.raises(ValueError, match="is_administrator"):
        actions.update_profile(anna, {"is_administrator": True}, by=anna)
    assert anna.name == "Anna Test"
    actions.update_profile(anna, {"first_name": "Анна"}, by=anna)
    assert anna.name == "Анна Test", "at once"
    anna.refresh_from_db()
    assert anna.name == "Анна Test"


def told(kind: str) -> list[dict[str, Any]]:
    rows = Event.objects.filter(kind=f"accounts.{kind}").order_by("pk")
    return [row.payload for row in rows]


def test_an_account_that_nobody_has_used_is_gone_as_if_it_had_never_come(
    anna: User, boris: User, olga: User
) -> None:
    User.objects.filter(pk=boris.pk).update(last_login=timezone.now())
    boris.refresh_from_db()
    with pytest.raises(ValidationError, match="has signed in already"):
        actions.withdraw_user(boris)
    with pytest.raises(actions.LastAdministrator):
        actions.withdraw_user(olga)
    publish_post(Draft("Hello"), by=anna)
    with pytest.raises(ValidationError, match="stands under the name of"):
        actions.withdraw_user(anna)
    new = actions.create_user(actions.NewUser(login="dina"), password=None, by=olga)
    pk = new.pk
    actions.withdraw_user(new)
    assert {one.pk for one in User.objects.filter(pk__in=[anna.pk, boris.pk, olga.pk, pk])} == {
        anna.pk, boris.pk, olga.pk
    }  # fmt: skip
    assert told("UserStatusChanged") == [{"user_id": pk, "status": "dismissed", "by_id": None}]


def test_one_session_or_all_but_one_are_ended_and_open_pages_hear_of_it(
    anna: User, boris: User, as_person: Callable[[User], Client]
) -> None:
    here, elsewhere = as_person(anna), as_person(anna)
    as_person(boris)
    Event.objects.all().delete()
    actions.end_session(Session.objects.get(session_key=elsewhere.session.session_key or ""))
    assert Session.objects.filter(user=anna).count() == Session.objects.filter(user=boris).count() == 1
    kept = here.session.session_key or ""
    actions.end_sessions(anna, kept=kept)
    actions.end_sessions(anna)
    assert [one.user for one in Session.objects.select_related("user")] == [boris]
    said = [(one["user_id"], one.get("kept", "")) for one in told("SessionsEnded")]
    assert [user_id for user_id, _kept in said] == [anna.pk] * 3
    assert [bool(word) for _user_id, word in said] == [False, True, False]
    assert kept not in said[1][1], "it would let somebody in"


def test_whoever_signs_out_is_told_to_their_other_tabs_and_nobody_is_told_of_nobody(anna: User) -> None:
    def sign_out(person: User | AnonymousUser) -> None:
        request = HttpRequest()
        request.user, request.session = person, SessionStore()
        actions.sign_out(request)

    sign_out(anna)
    sign_out(AnonymousUser())
    assert [row["user_id"] for row in told("SessionsEnded")] == [anna.pk]
    SessionStore().save()
    actions.end_session(Session.objects.get())
    assert not Session.objects.exists()
    assert len(told("SessionsEnded")) == 1


def test_a_password_that_is_kept_elsewhere_is_not_given_here(
    anna: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by a letter, nor by the link of one that was sent before."""
    dina = actions.invite(actions.NewUser(email="dina@example.com"), by=olga)
    monkeypatch.setattr("box.core.accounts.passwords.keeper_of", lambda person: "Corp")
    assert actions.invite(actions.NewUser(email="dina@example.com"), by=olga) == dina
    ways: list[Callable[[], object]] = [
        lambda: actions.invite_again(dina, by=olga),
        lambda: actions.join(dina, "another good password"),
        lambda: actions.change_password(anna, "another good password", by=olga),
    ]
    for act in ways:
        with pytest.raises(ValidationError, match="that of Corp"):
            act()
    assert len(told("PersonInvited")) == 1
    dina.refresh_from_db()
    assert not dina.has_usable_password()


def test_what_a_source_decides_of_a_person_stays_and_the_rest_is_written_in_one_form(
    anna: User, boris: User
) -> None:
    Profile.objects.create(user=anna, owners={"phone": "Corp"})
    anna = User.objects.get(pk=anna.pk)
    with pytest.raises(ValidationError, match="Corp decides this"):
        actions.update_profile(anna, {"phone": "+79161234567"}, by=anna)
    anna = User.objects.get(pk=anna.pk)
    # To write what is there is no change.
    actions.update_profile(anna, {"phone": anna.phone, "city": "Йошкар-Ола"}, by=boris)
    anna.refresh_from_db()
    assert anna.city == "Йошкар-Ола"
    actions.update_profile(anna, {"city": "Йошкар-Ола"}, by=boris)
    assert told("ProfileChanged") == [{"user_id": anna.pk, "fields": ["city"], "by_id": boris.pk}]
    with pytest.raises(ValidationError):
        actions.update_profile(anna, {"city": "x" * 1000}, by=anna)


def test_people_are_found_by_any_part_and_sorted_as_in_the_alphabet(db: None) -> None:
    for name in ("Жуков", "Ёлкин", "Ежов", "Яшин"):
        actions.create_user(
            actions.NewUser(login=f"u{ord(name[0])}{len(name)}", last_name=name), password=None, by=None
        )
    assert [user.last_name for user in User.objects.by_name()] == ["Ежов", "Ёлкин", "Жуков", "Яшин"]
    assert [user.last_name for user in User.objects.matching("ЁЛК")] == ["Ёлкин"]


def test_expired_sessions_are_forgotten(anna: User, as_person: Callable[[User], Client]) -> None:
    as_person(anna)
    now = timezone.now()
    assert forget_sessions(now) == 0
    assert forget_sessions(now + timedelta(days=15)) == 1
    assert not Session.objects.exists()
