"""Programs read, filter by and write fields of a company's own."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.core.accounts.custom_fields import PERSON, PROFILE
from box.core.fields import rest
from box.core.fields.actions import FieldDraft, add_field, change_field
from box.core.fields.kinds import Money, nobody_finds
from box.core.fields.values import finder, values_of, write_values
from box.core.files.models import File
from box.core.files.rest import keeper
from box.core.files.store import store as the_store
from tests.box.core.fields import thing_field
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def test_what_is_answered_can_be_sent_back(anna: User, olga: User) -> None:
    fields = [
        thing_field("Town", by=olga, code="UF_TOWN"),
        thing_field("Tags", by=olga, is_several=True, code="UF_TAGS"),
        thing_field("Budget", "money", by=olga, currency="RUB", code="UF_BUDGET"),
        thing_field("Size", "choice", by=olga, choices=("S", "M"), code="UF_SIZE"),
        thing_field("Head", "person", by=olga, code="UF_HEAD"),
        thing_field("Done", "yes_no", by=olga, code="UF_DONE"),
        thing_field("Empty", by=olga, code="UF_EMPTY"),
    ]
    town, tags, budget, size, head, done, empty = fields
    values = {
        town: ("Tver",), tags: ("a", "b"), budget: (Money(Decimal("5.5"), "USD"),),
        size: (size.options[1].pk,), head: (anna.pk,), done: (True,),
    }  # fmt: skip
    said = rest.answered(fields, values)
    assert said == {
        "UF_TOWN": "Tver", "UF_TAGS": ["a", "b"], "UF_BUDGET": "5.5|USD", "UF_SIZE": str(size.options[1].pk),
        "UF_HEAD": str(anna.pk), "UF_DONE": "1", "UF_EMPTY": False,
    }  # fmt: skip
    assert rest.given(fields, said | {"NAME": "x"}, finder(olga), keep=keeper(olga)) == {**values, empty: ()}
    with pytest.raises(ValidationError, match="Size"):
        rest.given(fields, {"UF_SIZE": "99999"}, finder(olga), keep=keeper(olga))
    with pytest.raises(ValidationError, match="Head"):
        rest.given(fields, {"UF_HEAD": "99999"}, finder(olga), keep=keeper(olga))


def test_what_is_answered_can_be_sent_back_whatever_became_of_it(anna: User, olga: User) -> None:
    size = thing_field("Size", "choice", by=olga, choices=("S", "M"), code="UF_SIZE")
    head = thing_field("Head", "person", by=olga, is_several=True, code="UF_HEAD")
    values = {size: (size.options[0].pk,), head: (anna.pk, olga.pk)}
    change_field(size, FieldDraft("Size", choices=("M",)), by=olga)
    said = rest.answered([size, head], values)
    assert rest.given([size, head], said, nobody_finds, keep=keeper(olga), kept=values) == values
    for name in said:
        with pytest.raises(ValidationError):
            rest.given([size, head], {name: said[name]}, nobody_finds, keep=keeper(olga))


def test_files_come_with_their_bytes(olga: User, store: S3Store) -> None:
    paper, papers = (
        thing_field("Paper", "file", by=olga, code="UF_PAPER"),
        thing_field("Papers", "file", by=olga, is_several=True, code="UF_PAPERS"),
    )
    sent = {"fileData": ["plan.txt", "UGxhbg=="]}
    for one in (sent, sent["fileData"]):
        values = rest.given([paper], {"UF_PAPER": one}, finder(olga), keep=keeper(olga))
        file = File.objects.get(pk=values[paper][0])
        assert (file.name, file.owner, b"".join(the_store().read(file.blob.key))) == (
            "plan.txt",
            olga,
            b"Plan",
        )
    kept = rest.given([papers], {"UF_PAPERS": [sent, {"id": file.pk}]}, finder(olga), keep=keeper(olga))[
        papers
    ]
    assert (len(kept), kept[1]) == (2, file.pk)
    assert rest.given([papers], {"UF_PAPERS": False}, finder(olga), keep=keeper(olga)) == {papers: ()}
    before = File.objects.count()
    for field, wrong in (
        (paper, {"fileData": "x"}), (paper, ["plan.txt", "no Base64!"]), (papers, [sent] * 51),
        (papers, [sent, {"fileData": []}]), (papers, {"id": "none"}),
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            rest.given([field], {field.code: wrong}, finder(olga), keep=keeper(olga))
    assert File.objects.count() == before


def test_programs_read_and_filter_people_by_what_everybody_sees(anna: User, boris: User, olga: User) -> None:
    town = add_field(PROFILE, FieldDraft("Town", code="UF_TOWN"), by=olga)
    secret = add_field(PROFILE, FieldDraft("Contract", code="UF_CONTRACT", readers=PERSON), by=olga)
    write_values(PROFILE, anna.pk, {town: ("Tver",), secret: ("till May",)})
    program = program_of(boris, "user")
    (found,) = program.call("user.get", FILTER={"UF_TOWN": "tver"})
    assert (found["ID"], found["UF_TOWN"]) == (str(anna.pk), "Tver")
    assert "UF_CONTRACT" not in found
    assert program.error("user.get", FILTER={"UF_CONTRACT": "till May"})[0] == 400
    (only,) = program.call("user.get", FILTER={"ID": boris.pk}, SELECT=["UF_*"])
    assert only["UF_TOWN"] is False


def test_a_person_is_sent_back_as_they_were(anna: User, olga: User) -> None:
    size = add_field(PROFILE, FieldDraft("Size", "choice", choices=("S", "M"), code="UF_SIZE"), by=olga)
    write_values(PROFILE, anna.pk, {size: (size.options[0].pk,)})
    change_field(size, FieldDraft("Size", choices=("M",)), by=olga)
    program = program_of(olga, "user")
    (found,) = program.call("user.get", FILTER={"ID": anna.pk})
    assert program.call("user.update", ID=anna.pk, UF_SIZE=found["UF_SIZE"]) is True
    assert values_of(PROFILE, anna.pk) == {size: (size.options[0].pk,)}


def test_who_may_read_little_of_people_reads_none_of_their_fields(anna: User, olga: User) -> None:
    town = add_field(PROFILE, FieldDraft("Town", code="UF_TOWN"), by=olga)
    write_values(PROFILE, anna.pk, {town: ("Tver",)})
    assert "UF_TOWN" not in program_of(anna, "user_basic").call("user.current")
    assert program_of(anna, "user").call("user.current")["UF_TOWN"] == "Tver"
