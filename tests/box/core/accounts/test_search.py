"""Colleagues are found however they are spelt, and through an index."""

from __future__ import annotations

import pytest
from django.db import connection

from box.core.accounts.models import User
from box.core.accounts.models.people import distance
from box.core.accounts.search import in_other_layout
from box.core.lists.keyset import Keyset

pytestmark = pytest.mark.django_db


def colleague(last: str, first: str, **fields: str) -> User:
    person = User(login=f"{last}.{first}".lower(), last_name=last, first_name=first, **fields)
    person.save()
    return person


def found(text: str) -> list[str]:
    return [person.first_name for person in User.objects.matching(text).by_name()]


def nearest(text: str) -> list[str]:
    return [person.first_name for person in User.objects.nearest(text, 20)]


@pytest.mark.parametrize(
    "text",
    [
        "Ёлкина",
        "елкина",
        "Elkina",
        "Yolkina",
        "Юлия",
        "Yulia",
        "Julia",
        "Iuliia",
        "юл",
        "юлия ёлк",
        "Щербакова",
        "Shcherbakova",
        "`krbyf",  # Ёлкина, with the keyboard in English
        ".kbz",  # Юлия
        "нгдшф",  # yulia, with the keyboard in Russian
        "+7 (916) 123-45-67",
        "8 916 123 45 67",
        "123-45",
        "бухгалтер",
        "yulia@example",
    ],
)
def test_a_colleague_is_found_however_one_writes_it(text: str) -> None:
    colleague(
        "Ёлкина", "Юлия", patronymic="Юрьевна", former_last_name="Щербакова",
        phone="+7 916 123-45-67", position="Главный бухгалтер", email="yulia@example.com",
    )  # fmt: skip
    colleague("Smith", "John", phone="+44 20 7946 0958")
    assert found(text) == ["Юлия"]


@pytest.mark.parametrize("text", ["Smith", "Смит", "Smit", "jo", "7946 0958"])
def test_names_in_latin_too(text: str) -> None:
    colleague("Ёлкина", "Юлия", phone="+7 916 123-45-67")
    colleague("Smith", "John", phone="+44 20 7946 0958")
    assert found(text) == ["John"]


def test_a_name_comes_before_the_same_letters_within_an_email() -> None:
    colleague("Abramova", "Anna", email="anna.1cfbd2@example.com")
    colleague("Qfbddlnt", "Boris")
    colleague("Cfbdova", "Cara")

    def first(text: str) -> list[str]:
        return [person.first_name for person in User.objects.matching(text).nearest_first(text)]

    assert first("Qfbd") == ["Cara", "Boris", "Anna"]
    assert first("b") == ["Boris"]
    assert first("anna qfbd") == ["Anna"]
    assert first("%") == []


def test_who_is_called_so_comes_before_whoever_has_it_elsewhere() -> None:
    colleague("Anna", "Zoe")
    colleague("Brown", "Annabel")
    colleague("Ivanova", "Elena", patronymic="Annovna")
    colleague("Gray", "Paul", former_last_name="Annason")
    colleague("Green", "Alice", position="Susanna's assistant")
    colleague("Абрамова", "Анна")
    for text in ("Анна", "anna", "фттф"):
        assert nearest(text) == ["Zoe", "Анна", "Annabel", "Paul", "Alice"]
    assert nearest("ann") == ["Zoe", "Annabel", "Анна", "Elena", "Paul", "Alice"]


def test_doubled_letters_count_until_nobody_is_found() -> None:
    colleague("Stone", "Rose", position="Analyst")
    colleague("Hill", "Alice", position="Manager", email="banana@example.com")
    assert nearest("Анна") == []
    assert nearest("zzzz") == []
    colleague("Lopez", "Ana")
    assert nearest("Анна") == ["Ana"]
    colleague("Abramova", "Anna")
    assert nearest("Анна") == ["Anna"]
    assert nearest("Philip") == []
    colleague("Маклаков", "Филипп")
    assert nearest("Filip") == ["Филипп"]


def test_the_list_of_the_nearest_goes_on_where_it_stopped() -> None:
    for last in ("Anna", "Cole", "Best"):
        colleague(last, "Anna")
    colleague("Adams", "Hannah")
    colleague("Ames", "Joanna")
    names, after = [], ""
    keyset = Keyset((distance("anna"), "sort_name"))
    for _page in range(5):
        page = keyset.page(User.objects.matching("anna"), after=after, size=1)
        names += [person.last_name for person in page.rows]
        after = page.next
    assert (names, after) == (["Anna", "Best", "Cole", "Adams", "Ames"], "")
    assert names == [person.last_name for person in User.objects.looked_for("anna")]


def test_signs_that_mean_something_to_the_database_mean_nothing_here() -> None:
    colleague("Smith", "John")
    for text in ("%", "_mith", "\\", "'", "sm%th", "\x00smith\x00"):
        assert found(text) == (["John"] if "\x00" in text else [])
    assert found("") == ["John"]


@pytest.mark.parametrize(("typed", "meant"), [("Ивонов", "Иван"), ("Ivnaov", "Иван"), ("Смирнвоа", "Анна")])
def test_a_typo_is_forgiven(typed: str, meant: str) -> None:
    for last, first in (("Иванов", "Иван"), ("Смирнова", "Анна"), ("Козлов", "Пётр"), ("Jones", "Mary")):
        colleague(last, first)
    assert found(typed) == []
    assert User.objects.resembling(typed)[0].first_name == meant
    assert User.objects.resembling("") == []


def test_the_other_layout() -> None:
    assert in_other_layout("ghbdtn") == "привет"
    assert in_other_layout("руддщ") == "hello"


@pytest.mark.parametrize("text", ["ivanov77 имя", "иванов77", "+7 916 000-12-34"])
def test_the_search_goes_through_its_index(text: str) -> None:
    User.objects.bulk_create(
        User(login=f"p{n}", last_name=f"Иванов{n}", first_name=f"Имя{n % 97}", phone=f"+7916{n:07}")
        for n in range(5_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_user")
    plan = User.objects.matching(text).order_by().explain()
    assert "user_search" in plan, plan
    assert "Seq Scan" not in plan
