from __future__ import annotations

import io

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def _boxctl_user(*arguments: str, stdin: str = "", monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    out = io.StringIO()
    call_command("user", *arguments, stdout=out)
    return out.getvalue()


def test_the_printed_password_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    out = _boxctl_user("create", "olga@example.com", "--administrator", monkeypatch=monkeypatch)
    password = out.partition("password: ")[2].strip()
    user = authenticate(username="olga@example.com", password=password)
    assert isinstance(user, User)
    assert user.is_administrator


def test_a_given_password_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    out = _boxctl_user(
        "create",
        "a@example.com",
        "--password-stdin",
        stdin="correct horse battery\n",
        monkeypatch=monkeypatch,
    )
    assert "correct" not in out


def test_the_list_of_administrators_names_no_others(
    anna: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = _boxctl_user("list", "--administrators", monkeypatch=monkeypatch)
    assert [line.split()[0] for line in out.splitlines()] == ["olga@example.com"]


def test_setting_a_password(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    _boxctl_user("password", "anna@example.com", stdin="brand new password\n", monkeypatch=monkeypatch)
    assert authenticate(username="anna@example.com", password="brand new password") == anna


@pytest.mark.parametrize(
    ("arguments", "stdin", "cure"),
    [
        (["password", "nobody"], "x\n", "boxctl user list"),
        (["password", "anna@example.com"], "", "standard input"),
        (["password", "anna@example.com"], "short\n", "too short"),
        (["create", "anna@example.com"], "", "already"),
    ],
)
def test_bad_input_names_its_cure(
    anna: User, arguments: list[str], stdin: str, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match=cure):
        _boxctl_user(*arguments, stdin=stdin, monkeypatch=monkeypatch)


def test_the_list_names_everybody(
    anna: User, erik: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = _boxctl_user("list", monkeypatch=monkeypatch)
    assert [line.split()[0] for line in out.splitlines()] == [
        "anna@example.com",
        "erik@example.com",
        "olga@example.com",
    ]
