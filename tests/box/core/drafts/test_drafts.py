"""Drafts that the box keeps: one a person and place, and nothing overwritten unseen."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from box.core.accounts.models import User
from box.core.drafts import actions
from box.core.drafts.actions import (
    LONGEST_DRAFT,
    MOST_DRAFTS,
    Newer,
    draft_at,
    drop_draft,
    forget_drafts,
    keep_draft,
)
from box.core.drafts.models import Draft
from box.core.files.actions import attach
from box.core.files.garbage_collection import sweep_files
from box.core.files.models import File
from tests.box.apps.feed.test_views import HTMX, Browser, file_of, form
from tests.clock import Clock

pytestmark = pytest.mark.django_db

HOME, WORK = "browser-at-home", "browser-at-work"


def content(text: str, files: tuple[int, ...] = ()) -> dict[str, Any]:
    return {
        "fields": {"text": text},
        "detail": {"html": f"<p>{text}</p>", "files": [{"id": pk} for pk in files]},
    }


def test_a_draft_is_there_in_the_persons_other_browser_and_nobody_elses(
    as_person: Browser, anna: User, boris: User
) -> None:
    body = json.dumps({"content": content("half"), "browser": HOME, "base": 0})
    assert as_person(anna).post("/drafts/post/", body, "application/json").json() == {"version": 1}
    found = as_person(anna).get("/drafts/post/").json()
    assert (found["version"], found["content"]["fields"]["text"], found["browser"]) == (1, "half", HOME)
    assert as_person(boris).get("/drafts/post/").json() == {"version": 0}
    assert as_person(anna).get("/drafts/comment-7/").json() == {"version": 0}


def test_what_another_browser_wrote_is_not_overwritten_unseen(as_person: Browser, anna: User) -> None:
    kept = keep_draft("post", content("at home"), browser=HOME, base=0, by=anna)
    body = {"content": content("at work"), "browser": WORK, "base": 0}
    answer = as_person(anna).post("/drafts/post/", json.dumps(body), "application/json")
    assert answer.status_code == 409
    assert answer.json()["content"]["fields"]["text"] == "at home"
    # Having seen it, one may go on with one's own.
    body["base"] = kept.version
    assert as_person(anna).post("/drafts/post/", json.dumps(body), "application/json").status_code == 200
    assert Draft.objects.get().content["fields"]["text"] == "at work"


def test_ones_own_browser_goes_on_after_a_lost_answer(anna: User) -> None:
    keep_draft("post", content("a"), browser=HOME, base=0, by=anna)
    assert keep_draft("post", content("ab"), browser=HOME, base=0, by=anna).version == 2


def test_a_sent_post_leaves_no_draft(as_person: Browser, anna: User) -> None:
    keep_draft("post", content("half"), browser=HOME, base=0, by=anna)
    as_person(anna).post("/feed/", form(place="post", text=""), headers=HTMX)
    assert draft_at("post", of=anna) is not None
    as_person(anna).post("/feed/", form(place="post"), headers=HTMX)
    assert draft_at("post", of=anna) is None


def test_its_files_stay_and_are_only_its_persons(anna: User, boris: User) -> None:
    own, others = file_of(anna), file_of(boris)
    keep_draft("post", content("x", (own.pk, others.pk)), browser=HOME, base=0, by=anna)
    sweep_files(timezone.now() + timedelta(days=300), older_than=timedelta(days=30))
    assert list(File.objects.all()) == [own]
    drop_draft("post", by=anna)
    sweep_files(timezone.now() + timedelta(days=300), older_than=timedelta(days=30))
    assert not File.objects.exists()


def test_only_fresh_files_that_it_names_are_kept_for_it(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    named, beside, attached = (file_of(anna) for _ in range(3))
    attach([attached.pk], audience=["UA"], by=anna)
    ids: list[Any] = [7, {"id": "x"}, {"id": 0}, {"id": 2**63}, {"id": attached.pk}, {"id": named.pk}]
    sent = {"fields": {}, "detail": {"files": ids}}
    assert list(keep_draft("post", sent, browser=HOME, base=0, by=anna).files.all()) == [named]
    monkeypatch.setattr(actions, "MOST_FILES", 1)
    both = content("x", (beside.pk, named.pk))
    assert list(keep_draft("post", both, browser=HOME, base=0, by=anna).files.all()) == [beside]
    nothing: list[dict[str, Any]] = [
        {"fields": {}}, {"fields": {}, "detail": 7}, {"fields": {}, "detail": {"files": {"id": named.pk}}}
    ]  # fmt: skip
    for without in nothing:
        assert not keep_draft("post", without, browser=HOME, base=0, by=anna).files.exists()


def test_everybody_has_drafts_of_their_own_and_one_a_place(
    anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in (anna, boris):
        for place in ("post", "comment-7"):
            keep_draft(place, content(f"{place} of {person.pk}"), browser=HOME, base=0, by=person)
    drop_draft("post", by=anna)
    assert set(Draft.objects.values_list("user", "place")) == {
        (anna.pk, "comment-7"), (boris.pk, "post"), (boris.pk, "comment-7")
    }  # fmt: skip
    monkeypatch.setattr(actions, "MOST_DRAFTS", 1)
    keep_draft("post", content("anew"), browser=HOME, base=0, by=anna)
    assert [one.place for one in Draft.objects.filter(user=anna)] == ["post"], "hers that is oldest goes"
    assert Draft.objects.filter(user=boris).count() == 2


def test_a_draft_is_as_old_as_what_was_written_last(clock: Clock, anna: User) -> None:
    keep_draft("post", content("a"), browser=HOME, base=0, by=anna)
    between = clock.move(days=100)
    clock.move(days=1)
    keep_draft("post", content("ab"), browser=HOME, base=1, by=anna)
    assert forget_drafts(before=between) == 0
    assert forget_drafts(before=clock.move(seconds=1)) == 1


def test_what_is_as_long_as_it_may_be_is_kept_in_any_letters(anna: User) -> None:
    said = {"fields": {"text": ""}}
    said["fields"]["text"] = "я" * (LONGEST_DRAFT - len(json.dumps(said)))
    place = "post-" + "x" * 55
    assert keep_draft(place, said, browser=HOME, base=0, by=anna).content == said
    said["fields"]["text"] += "я"
    for where, what in ((place, said), (place + "x", content("x"))):
        with pytest.raises(ValidationError):
            keep_draft(where, what, browser=HOME, base=1, by=anna)


@pytest.mark.parametrize(
    ("place", "sent", "browser"),
    [
        ("POST'", content("x"), HOME),
        ("post", [], HOME),
        ("post", {"fields": 7}, HOME),
        ("post", content("x"), "<b>"),
        ("post", content("x" * 400_001), HOME),
        ("post", content("\x00"), HOME),
        ("post" + "-x" * 40, content("x"), HOME),
    ],
)
def test_what_no_form_sends_is_refused(anna: User, place: str, sent: Any, browser: str) -> None:
    with pytest.raises(ValidationError):
        keep_draft(place, sent, browser=browser, base=0, by=anna)
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"content": {}}', '{"content": {}, "browser": 1, "base": "x"}']
)
def test_a_broken_request_is_told_so(as_person: Browser, anna: User, body: str) -> None:
    assert as_person(anna).post("/drafts/post/", body, "application/json").status_code == 400


def test_drafts_do_not_heap_up(anna: User) -> None:
    for number in range(MOST_DRAFTS + 3):
        keep_draft(f"comment-{number}", content("x"), browser=HOME, base=0, by=anna)
    assert Draft.objects.count() == MOST_DRAFTS
    assert draft_at("comment-0", of=anna) is None
    assert forget_drafts(before=timezone.now() + timedelta(days=1)) == MOST_DRAFTS


class TwoBrowsers(TestCase):
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from([HOME, WORK]), st.booleans()), max_size=12))
    def test_never_overwrite_what_they_have_not_seen(self, steps: list[tuple[str, bool]]) -> None:
        """Each step a browser writes; on a conflict it looks, and goes on if it `insists`."""
        anna = User.objects.get_or_create(login="anna")[0]
        Draft.objects.all().delete()
        seen = {HOME: 0, WORK: 0}
        last: tuple[str, str] | None = None
        for browser, insists in steps:
            text = uuid4().hex
            is_unseen = last is not None and last[0] != browser and seen[browser] != draft_version(anna)
            try:
                kept = keep_draft("post", content(text), browser=browser, base=seen[browser], by=anna)
            except Newer as other:
                assert is_unseen
                assert last is not None
                assert other.kept.content["fields"]["text"] == last[1]
                seen[browser] = other.kept.version
                if not insists:
                    continue
                kept = keep_draft("post", content(text), browser=browser, base=seen[browser], by=anna)
            else:
                assert not is_unseen
            seen[browser], last = kept.version, (browser, text)
        assert Draft.objects.count() == (1 if last else 0)


def draft_version(user: User) -> int:
    kept = draft_at("post", of=user)
    return kept.version if kept else 0
