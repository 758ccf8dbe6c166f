"""Logins and e-mails are one space: what one person signs in with is never another's."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client

from box.core.accounts.actions import NewUser, create_user
from box.core.accounts.bulk import add_people, change_people
from box.core.accounts.models import SignInName, User
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> User:
    """Of her two names neither is the other."""
    return create_user(NewUser(login="anna", email="anna@example.com"), password=PASSWORD, by=None)


def _names(person: User) -> set[str]:
    return set(person.sign_in_names.values_list("name", flat=True))


def test_a_person_signs_in_with_the_login_and_with_the_email(anna: User) -> None:
    assert _names(anna) == {anna.login, anna.email}
    assert {User.objects.get_by_natural_key(name.upper()) for name in _names(anna)} == {anna}
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key("nobody")


def test_a_login_that_is_anothers_email_is_refused_wherever_it_is_written(anna: User, boris: User) -> None:
    with pytest.raises(ValidationError, match="login"):
        create_user(NewUser(login=anna.email), password=None, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        add_people([NewUser(login=anna.email)], by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        change_people({boris.pk: {"login": anna.email}})
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=boris.pk).update(login=anna.email)
    assert User.objects.get_by_natural_key(anna.email) == anna


def test_an_email_that_is_anothers_login_is_refused_wherever_it_is_written(anna: User, boris: User) -> None:
    User.objects.filter(pk=anna.pk).update(login="anna@corp.test", email="")
    with pytest.raises(ValidationError, match="e-mail"):
        create_user(NewUser(email="Anna@corp.test", login="ann"), password=None, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        add_people([NewUser(email="anna@corp.test", login="ann")], by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        change_people({boris.pk: {"email": "anna@corp.test"}})
    assert not User.objects.filter(login="ann").exists()


def test_a_name_that_is_given_up_is_free_at_once(anna: User, boris: User) -> None:
    was = anna.email
    change_people({anna.pk: {"email": "anna@elsewhere.test"}})
    change_people({boris.pk: {"login": was}})
    assert User.objects.get_by_natural_key(was) == boris
    assert _names(anna) == {anna.login, "anna@elsewhere.test"}


def test_one_statement_passes_a_name_on(anna: User, boris: User) -> None:
    """The login of the one becomes the e-mail of the other, and the other way round."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_user SET login = 'x' || id, email = CASE WHEN id = %s THEN %s ELSE %s END"
            " WHERE id IN (%s, %s)",
            [anna.pk, f"{boris.login}@x.test", f"{anna.login}@x.test", anna.pk, boris.pk],
        )
        cursor.execute(
            "UPDATE accounts_user SET login = CASE WHEN id = %s THEN %s ELSE %s END, email = ''"
            " WHERE id IN (%s, %s)",
            [anna.pk, f"{anna.login}@x.test", f"{boris.login}@x.test", anna.pk, boris.pk],
        )
    assert User.objects.get_by_natural_key(f"{anna.login}@x.test") == anna


def test_other_changes_leave_names_alone(anna: User) -> None:
    before = set(SignInName.objects.values_list("pk", "name"))
    User.objects.filter(pk=anna.pk).update(position="Buyer")
    assert set(SignInName.objects.values_list("pk", "name")) == before


def test_of_names_that_two_have_already_the_login_goes_on(anna: User, boris: User, client: Client) -> None:
    """As boxes have them that were upgraded: one's login is another's e-mail, and both got an error."""
    fill = import_module("box.core.accounts.migrations.0010_sign_in_names_filled").FILL
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_user DISABLE TRIGGER accounts_names_of_changed")
        cursor.execute("UPDATE accounts_user SET login = %s WHERE id = %s", [anna.email, boris.pk])
        cursor.execute("ALTER TABLE accounts_user ENABLE TRIGGER accounts_names_of_changed")
        cursor.execute("DELETE FROM accounts_signinname")
        for column in ("login", "email"):
            cursor.execute(fill.format(name=column))
    assert User.objects.get_by_natural_key(anna.email) == boris
    assert _names(anna) == {anna.login}
    answer = client.post("/sign-in/", {"username": anna.email, "password": PASSWORD})
    assert answer.status_code < 500
    change_people({anna.pk: {"position": "Buyer"}})
    change_people({anna.pk: {"email": "anna@elsewhere.test"}})
    assert _names(anna) == {anna.login, "anna@elsewhere.test"}
