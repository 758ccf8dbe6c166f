"""Every method of the API is sent the largest and oddest values in each of its parameters, one after another.

None fails by itself, none takes memory that the request did not bring, or more of the processor than what is
sent is worth. What was taken is printed.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from box.core.registry.rest import Conditions, Structures, methods
from box.core.registry.settings import store
from box.rest.dispatch import Asked, answer_to
from box.rest.tokens import Caller
from tests.box.odd_files import FILES
from tests.box.oddities import Taken
from tests.box.rest.calling import program_of
from tests.box.rest.every_method import given_to_every_method
from tests.randomness import chosen

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db

MANY = 100_000


ODDITIES: dict[str, Any] = {
    "nothing": "",
    "null": None,
    "long": "x" * 1_900_000,
    "minus a hundred": -100,
    "a hundred": 100,
    "nearly a hundred": "99.99999999999999999999999999999",
    "large": "9" * 16,
    "very large": 10**400,
    "exponent": "1e999999",
    "small": "1e-999999",
    "no number": "NaN",
    "first moment": "0001-01-01T00:00:00+14:00",
    "last moment": "9999-12-31T23:59:59-12:00",
    "digits of another script": "\N{ARABIC-INDIC DIGIT THREE}",
    "superscript": "\N{SUPERSCRIPT TWO}",
    "many numbers": [*range(MANY)],
    "many telephones": [f"+7916{number:07}" for number in range(MANY)],
    "many addresses": [f"a{number}@example.com" for number in range(MANY)],
    "many maps": [{"VALUE": str(number), "ID": number} for number in range(MANY // 2)],
    "named": {str(number): "x" for number in range(MANY)},
    "deep": [[[[[[[[[[[[[[[[["x"]]]]]]]]]]]]]]]]],
    "markup": "<div>" * 300_000,
    "brackets": "[b][url=http://a.b]" * 90_000,
    "many words": "ab " * 600_000,
    "spaces": " " * 1_900_000 + "x",
    "per cents": "%" * 5000,
}
ODD_FILES = ("plain picture", "film", "swollen workbook")
OPERATORS = ("", "%", "!", ">=", "@", "><")
"""Of conditions; each filter is tried with one of them, in turn."""
ROOMS = sorted({method.room for _name, method in methods.items()})


def sent(file: str) -> list[str]:
    """As programs send one: its name, and its bytes in base64."""
    name, make = FILES[file]
    return [name, b64encode(make()).decode("ascii")]


def named_in(schema: Any) -> set[str]:
    """The properties that a schema knows, at any depth."""
    found = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {}))
        for one in schema.values():
            found |= named_in(one)
    elif isinstance(schema, list):
        for one in schema:
            found |= named_in(one)
    return found


def written_by(name: str) -> set[str]:
    """What may stand in the fields that this method writes: whatever the methods beside it tell."""
    beside = f"{name.rpartition('.')[0]}."
    results = [method.result for other, method in methods.items() if other.startswith(beside)]
    return {one for result in results for one in named_in(result)}


def asked(name: str, given: dict[str, Any], odd: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """With one value after another in its place, and the others as they should be."""
    method = methods[name]
    given = {key.upper(): value for key, value in given.items()}
    for parameter, field in method.parameters.base_fields.items():
        yield parameter, {**given, parameter: odd}
        if isinstance(field, Conditions):
            inner = given.get(parameter, {})
            names = sorted(method.filters or written_by(name) | set(inner))
            for one, operator in zip(
                names, cycle(OPERATORS if parameter == "FILTER" else [""]), strict=False
            ):
                key = f"{operator}{one}"
                yield f"{parameter}[{key}]", {**given, parameter: {**inner, key: odd}}
        elif isinstance(field, Structures):
            first = dict(next(iter(given.get(parameter) or [{}])))
            for one in sorted(written_by(name) | set(first)):
                yield f"{parameter}[][{one}]", {**given, parameter: [{**first, one: odd}]}


@pytest.mark.parametrize("room", chosen("rooms of the API", ROOMS))
@pytest.mark.parametrize("oddity", chosen("oddities for programs", [*ODDITIES, *ODD_FILES]))
def test_no_method_breaks_over_what_it_is_sent(
    oddity: str, room: str, anna: User, boris: User, sales: Department, caplog: pytest.LogCaptureFixture
) -> None:
    store({"rest.burst": 1000})
    program = program_of(anna)
    given = given_to_every_method(program, anna, boris, sales)
    caller = Caller(program.webhook, anna)
    odd = sent(oddity) if oddity in ODD_FILES else ODDITIES[oddity]
    broken, taken = [], Taken()
    for name in (name for name, method in methods.items() if method.room == room):
        for where, values in asked(name, given.get(name, {}), odd):
            with taken.by(f"{name} {where}"), transaction.atomic():
                answer = answer_to(Asked(name, values), caller)
                transaction.set_rollback(True)
            if answer.error is not None and answer.error.status >= 500:
                broken.append(f"{name} {where}: {caplog.records[-1].exc_info}")
    taken.tell(f"{room}, {oddity}")
    assert broken == []
    assert taken.too_much() == []


@pytest.mark.parametrize(("file", "is_taken"), [*zip(ODD_FILES, (False, True, False), strict=True)])
def test_a_photo_that_a_program_sends_comes_to_the_decoder(file: str, is_taken: bool, olga: User) -> None:
    program, photo, taken = program_of(olga), sent(file), Taken()
    with taken.by(file):
        answer = program.ask("user.update", ID=olga.pk, PERSONAL_PHOTO=photo)
    assert (answer.status_code == 200) is is_taken, answer.content.decode()
    olga.refresh_from_db()
    assert (olga.photo is not None) is is_taken
    assert taken.too_much() == []
