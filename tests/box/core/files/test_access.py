"""Who gets a link to a file, and what the link makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from box.core.events.delivery import deliver_all
from box.core.files import actions
from box.core.files.models import File
from tests.box.core.files.browser import HOST, Sender
from tests.box.core.files.pictures import picture

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

    type Browse = Callable[[User], Client]

pytestmark = pytest.mark.django_db

PLACES = ("content", "preview", "thumbnail")


@pytest.fixture
def annas_picture(sender: Sender) -> File:
    """Looked into, so that it has a preview."""
    file = sender.send("pie.png", picture((900, 600), "PNG"))
    deliver_all()
    file.refresh_from_db()
    return File.objects.with_blobs().get(pk=file.pk)


def statuses(browser: Client, file: File) -> set[int]:
    return {browser.get(f"/files/{file.pk}/{place}").status_code for place in PLACES}


def test_a_new_file_is_its_owners_alone(
    annas_picture: File, anna: User, boris: User, olga: User, erik: User, as_person: Browse, client: Client
) -> None:
    assert statuses(as_person(anna), annas_picture) == {302}
    for person in (boris, erik, olga):
        assert statuses(as_person(person), annas_picture) == {404}
    assert "sign-in" in client.get(annas_picture.get_absolute_url())["Location"]


def test_an_attached_file_is_for_those_who_see_the_object(
    annas_picture: File,
    sales: Department,
    anna: User,
    boris: User,
    cara: User,
    erik: User,
    olga: User,
    as_person: Browse,
) -> None:
    assert actions.attach([annas_picture.pk], audience=[f"D{sales.pk}"], by=anna) == [annas_picture]

    for person in (anna, boris, olga):
        assert statuses(as_person(person), annas_picture) == {302}
    for person in (cara, erik):
        assert statuses(as_person(person), annas_picture) == {404}

    actions.change_audience([annas_picture.pk], audience=[f"U{anna.pk}", f"U{cara.pk}"])

    for person in (anna, cara):
        assert statuses(as_person(person), annas_picture) == {302}
    for person in (boris, erik, olga):
        assert statuses(as_person(person), annas_picture) == {404}


def test_only_own_files_are_attached(sender: Sender, boris_sender: Sender, anna: User, boris: User) -> None:
    annas, boriss = sender.send("a.txt", b"a"), boris_sender.send("b.txt", b"b")

    for ids in ([annas.pk, boriss.pk], [boriss.pk], [annas.pk, 10**9]):
        with pytest.raises(actions.NotYours, match="attach it again"), transaction.atomic():
            actions.attach(ids, audience=["UA"], by=anna)

    for file, owner in ((annas, anna), (boriss, boris)):
        file.refresh_from_db()
        assert (file.audience, file.attached_at) == ([f"U{owner.pk}"], None)


def test_a_file_is_part_of_one_object(sender: Sender, anna: User) -> None:
    file = sender.send("a.txt", b"a")
    actions.attach([file.pk], audience=["UA"], by=anna)

    with pytest.raises(actions.NotYours), transaction.atomic():
        actions.attach([file.pk], audience=["U1"], by=anna)

    file.refresh_from_db()
    assert (file.audience, file.is_private) == (sorted(["UA", f"U{anna.pk}"]), False)


def test_attaching_takes_the_same_queries_for_any_number(
    sender: Sender, anna: User, django_assert_num_queries: Any
) -> None:
    files = [sender.send(f"{number}.txt", b"a") for number in range(3)]
    backwards = [file.pk for file in reversed(files)]

    # A savepoint and its release, one update, one select; the event with its delivery, which wakes workers.
    with django_assert_num_queries(5):
        attached = actions.attach(backwards, audience=["UA"], by=anna)

    assert [file.pk for file in attached] == backwards
    assert actions.attach([], audience=["UA"], by=anna) == []


def test_unattached_files_do_not_follow_an_object(sender: Sender, anna: User) -> None:
    file = sender.send("a.txt", b"a")

    actions.change_audience([file.pk], audience=["UA"])

    file.refresh_from_db()
    assert file.audience == [f"U{anna.pk}"]


def test_links_are_for_the_host_by_which_one_came(sender: Sender) -> None:
    url = sender.send("a.txt", b"a").get_absolute_url()

    assert sender.client.get(url)["Location"].startswith(f"https://{HOST}/")
    other = sender.client.get(url, headers={"host": "10.1.2.3"})
    assert other["Location"].startswith("https://10.1.2.3/")
    assert other["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "data", "shown_as"),
    [
        ("a.png", picture((9, 9), "PNG"), "image/png"),
        ("a.html", picture((9, 9), "JPEG"), "image/jpeg"),
        ("письмо.txt", "Привет".encode(), "text/plain; charset=utf-8"),
        ("page.png", b"<!doctype html><script>alert(1)</script>", None),
        ("page.html", b"<html><body onload=alert(1)>", None),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', None),
        ("drawing.png", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', None),
        ("a.pdf", b"%PDF-1.7\n", None),
        ("old.txt", "Привет, коллеги".encode("cp1251"), None),
        ("a.js", b"alert(1)\n" * 9 + b"\0", None),
    ],
)
def test_only_harmless_types_are_shown(sender: Sender, name: str, data: bytes, shown_as: str | None) -> None:
    url = sender.send(name, data).get_absolute_url()

    for is_inspected in (False, True):
        if is_inspected:
            deliver_all()
        answer = sender.open(url)
        is_shown = is_inspected and shown_as is not None
        assert answer.data == data
        assert answer.headers["Content-Type"] == (shown_as if is_shown else "application/octet-stream")
        kind, _, names = answer.headers["Content-Disposition"].partition("; ")
        assert kind == ("inline" if is_shown else "attachment")
        assert "filename*=UTF-8''" in names


def test_pictures_have_pictures_and_nothing_else_has(sender: Sender, annas_picture: File) -> None:
    for place, width in (("preview", 640), ("thumbnail", 160)):
        answer = sender.open(f"/files/{annas_picture.pk}/{place}")
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.headers["Content-Disposition"] == "inline"
        assert getattr(annas_picture.blob, place).width == width
    text = sender.send("a.txt", b"text")
    deliver_all()
    assert sender.client.get(f"/files/{text.pk}/preview").status_code == 404
    assert sender.client.get(f"/files/{text.pk}/thumbnail").status_code == 404


def test_a_link_takes_few_queries(
    sender: Sender, annas_picture: File, django_assert_max_num_queries: Any
) -> None:
    sender.client.get("/files/0/content")  # so that anna's codes are in the cache

    # The session, the person, and all that is known of the file; that it was fetched is written down.
    for place in PLACES:
        with django_assert_max_num_queries(4 if place == "content" else 3):
            assert sender.client.get(f"/files/{annas_picture.pk}/{place}").status_code == 302
