"""A part of the box is away for long: what does not need it works, and the rest is said clearly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from ..living import PrefixBox
from ..poster import Poster
from .truths import assert_effects_once, assert_kept

PAGES = ("/feed/", "/employees/", "/console/", "/profile/password/")


@contextmanager
def without(box: PrefixBox, service: str) -> Iterator[None]:
    box.boxctl("stop", service)
    try:
        yield
    finally:
        box.boxctl("start", service)


def test_without_the_cache_everything_works(prefix_box: PrefixBox) -> None:
    with without(prefix_box, "cache"):
        olga = prefix_box.administrator()
        assert {path: olga.get(path).status for path in PAGES} == dict.fromkeys(PAGES, 200)
        file = olga.upload("note.txt", "nothing is remembered")
        form = {"text": "with a file", "audience": "UA", "nonce": uuid4().hex, "files": str(file)}
        assert olga.post("/feed/", form).status == 302
        assert olga.download(file).text == "nothing is remembered"
        with Poster(olga) as poster:
            poster.go_on()
        assert set(poster.outcomes) == {"302"}
        assert json.loads(olga.get("/readyz").text)["cache"] == "away"
    assert_kept(prefix_box, poster)
    assert_effects_once(prefix_box, poster)


def test_without_the_store_people_post_and_are_told_what_is_missing(prefix_box: PrefixBox) -> None:
    olga = prefix_box.administrator()
    file = olga.upload("note.txt", "it is in the store")
    form = {"text": "with a file", "audience": "UA", "nonce": uuid4().hex, "files": str(file)}
    assert olga.post("/feed/", form).status == 302
    olga.hang_up()  # as any browser that pauses
    with without(prefix_box, "objects"):
        assert {path: olga.get(path).status for path in PAGES} == dict.fromkeys(PAGES, 200)
        with Poster(olga) as poster:
            poster.go_on()
        assert set(poster.outcomes) == {"302"}

        refused = olga.post_json("/files/uploads/", {"name": "a.txt", "size": 3, "nonce": uuid4().hex})
        assert refused.status == 503
        assert "Files are not reachable right now" in json.loads(refused.text)["error"]
        missing = olga.download(file)
        assert missing.status == 503
        assert "Files are not reachable right now" in missing.text
        assert json.loads(olga.get("/readyz").text)["objects"] == "away"
    olga.hang_up()
    assert olga.download(file).text == "it is in the store"
    assert_kept(prefix_box, poster)
