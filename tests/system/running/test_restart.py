"""`boxctl restart web` while eight people work: nobody notices."""

from __future__ import annotations

from ..living import Box
from ..poster import Person, Poster, Reader
from .truths import assert_kept


def test_restarting_web_fails_no_request(box: Box, olga: Person) -> None:
    before = {process.pid for process in box.processes("web")}
    with Reader(olga, threads=4) as reader, Poster(olga, threads=4, retries=False) as poster:
        box.boxctl("restart", "web")
        poster.go_on()
    assert not before & {process.pid for process in box.processes("web")}, "it did restart"
    assert set(reader.outcomes) == {"200"}, reader.outcomes
    assert set(poster.outcomes) == {"302"}, poster.outcomes
    assert_kept(box, poster)
