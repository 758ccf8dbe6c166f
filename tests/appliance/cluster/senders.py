"""Somebody who posts with files all the time, as the page's script uploads them (`upload.js`): to whichever
node answers, each step again until it is done, and from the beginning where the upload is said to be over."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from tests.system.poster import Answer

from .people import Browser, Busy, Pause

SIZE = 40_000
"""Bytes of each file."""
PAUSE = 0.5
ATTEMPTS = 6
READ_WITHIN = 60.0
"""Seconds in which what was acknowledged has to be there, once all is well again."""


class Over(Exception):
    """The upload has to begin anew."""


@dataclass
class Sender(Busy):
    reader: Browser
    """The same person's, for the thread that looks at what is there."""
    posts: list[str] = field(default_factory=list)
    """Texts of the posts that were acknowledged."""
    files: dict[int, str] = field(default_factory=dict)
    """What is in them: SHA-256 by the number of the file."""
    pause: Pause = field(default_factory=Pause)
    _since: int = 0

    def begin_counting(self) -> None:
        self.pause, self._since = Pause(), len(self.files)

    def lost(self) -> list[int]:
        """Numbers of files that were acknowledged since one counts, and are not there as they were."""
        since = list(self.files.items())[self._since :]
        return [number for number, digest in since if not self._is_there(number, digest)]

    def _is_there(self, number: int, digest: str) -> bool:
        deadline = time.monotonic() + READ_WITHIN
        while time.monotonic() < deadline:
            with suppress(OSError, http.client.HTTPException):
                answer = self.reader.download(number)
                if answer.status == 200:
                    return hashlib.sha256(answer.body).hexdigest() == digest
            time.sleep(0.5)
        return False

    # --- what one does

    def _work(self) -> None:
        while not self._stop.wait(PAUSE):
            content, text = os.urandom(SIZE // 2).hex(), f"{self.name} sends {uuid4().hex[:8]}"
            number = self._upload(content)
            if number is not None and self._post(text, number):
                self.pause.through()
                self.files[number] = hashlib.sha256(content.encode()).hexdigest()
                self.posts.append(text)
                self.rounds += 1

    def _upload(self, content: str) -> int | None:
        while not self._stop.is_set():
            with suppress(Over):
                return self._uploaded(content)
        return None

    def _uploaded(self, content: str) -> int | None:
        new = {"name": "notes.txt", "size": len(content), "nonce": uuid4().hex}
        begun = self._done(lambda: self.browser.post_json("/files/uploads/", new), status=201)
        upload = json.loads(begun.text) if begun else {}
        if not upload or (etag := self._sent(upload, content)) is None:
            return None
        told, etags = f"/files/uploads/{upload['id']}/completion", {"etags": [etag]}
        stored = self._done(lambda: self.browser.post_json(told, etags))
        return None if stored is None else int(json.loads(stored.text)["id"])

    def _sent(self, upload: dict[str, Any], content: str) -> str | None:
        """The ETag of its only part, which is sent by another link each time. Raises Over."""
        (link,) = upload["parts"]
        for _ in range(ATTEMPTS):
            answer = self._tried(self.pause, partial(self.browser.put, link, content))
            if answer is not None and answer.status == 200:
                return answer.headers["ETag"]
            links = self._done(lambda: self.browser.get(f"/files/uploads/{upload['id']}/parts/?from=1"))
            if links is not None:
                (link,) = json.loads(links.text)["parts"]
            if self._stop.is_set():
                return None
        raise Over

    def _post(self, text: str, number: int) -> bool:
        fields = {"text": text, "audience": "UA", "nonce": uuid4().hex, "files": str(number)}
        return self._done(lambda: self.browser.post("/feed/", **fields)) is not None

    def _done(self, ask: Callable[[], Answer], *, status: int = 200) -> Answer | None:
        """Again until it is answered so; None where one stops. Raises Over."""
        while not self._stop.is_set():
            answer = self._tried(self.pause, ask)
            if answer is None:
                continue
            if answer.status == status:
                return answer
            if answer.status == 409:
                self.pause.failed += 1
                raise Over
            self.unexpected.append(f"{answer.status}: {answer.text[:2000]}")
            self._stop.wait(PAUSE)
        return None
