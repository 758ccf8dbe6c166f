"""A dump, asked as a portal of the cloud is asked: so every stage reads it as it stands.

    cloud = portal_of(migration)
    cloud.call("profile")

Nothing of it goes over a network, so nothing is waited for and nothing is asked twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from box.lib.egress import Answer, Fetched, Unreachable
from box.lib.numbers import whole_number
from box.lib.php_query import parsed
from box.transfer.boxed import extract, folder
from box.transfer.boxed.answers import METHODS
from box.transfer.boxed.answers.base import FILE, Listed, Question, Unknown
from box.transfer.boxed.extract import Counts, Extract
from box.transfer.boxed.stays import counts_in
from box.transfer.cloud import Cloud
from box.transfer.models import Migration
from box.transfer.pace import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

UNLIMITED = Limits(burst=10**9, per_second=1e9)
_COPIED = 2**20
_REFERENCE = re.compile(r"\$result((?:\[[^\[\]]{1,64}\])+)")
_KEY = re.compile(r"\[([^\[\]]+)\]")


@dataclass(frozen=True)
class Dump:
    """Stands where otherwise the network is: see `box.transfer.cloud.Transport` and `Loader`."""

    path: Path
    folder: str
    zone: ZoneInfo
    language: str
    counts: Counts = field(default_factory=dict)

    def __call__(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        method = address.rpartition("/")[2].removesuffix(".json")
        with extract.opened(self.path, self.counts) as rows:
            told = json.loads(body)
            answer = self._batch(rows, told) if method == "batch" else self._answer(rows, method, told)
        return Answer(200, {}, json.dumps(answer).encode())

    def load(self, address: str, into: IO[bytes]) -> Fetched:
        """A file of the upload folder, by its number. Raises Unreachable with why not."""
        number = whole_number(address.rpartition(FILE)[2]) or 0
        with extract.opened(self.path) as rows:
            row = rows.first("SELECT * FROM b_file WHERE ID = ?", [number])
        if not row:
            raise Unreachable(_("The portal's table of files does not have it."))
        if row["HANDLER_ID"] and row["HANDLER_ID"] != "0":
            raise Unreachable(_("The portal kept it in a store elsewhere, and not in its upload folder."))
        path = (*(part for part in (row["SUBDIR"] or "").split("/") if part), row["FILE_NAME"] or "")
        try:
            with folder.opened(self.folder) as place, place.open(folder.UPLOAD, *path) as file:
                size = _copied(file, into)
        except folder.FolderAway as error:
            raise Unreachable(str(error)) from None
        return Fetched(size, row["ORIGINAL_NAME"] or "")

    def _answer(self, rows: Extract, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        known = METHODS.get(method.lower())
        if known is None:
            return _refused("ERROR_METHOD_NOT_FOUND", "Method not found!")
        question = Question(
            rows, {name.lower(): one for name, one in given.items()}, self.zone, self.language
        )
        try:
            found = known(question)
        except Unknown as error:
            return _refused("ERROR_NOT_FOUND", str(error))
        if not isinstance(found, Listed):
            return {"result": found}
        listed: Any = list(found.rows)
        told: dict[str, Any] = {
            "result": {"tasks": listed} if method.lower() == "tasks.task.list" else listed
        }
        return told if found.total is None else {**told, "total": found.total}

    def _batch(self, rows: Extract, told: Mapping[str, Any]) -> dict[str, Any]:
        results: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        totals: dict[str, Any] = {}
        for name, command in told["cmd"].items():
            method, _sign, query = command.partition("?")
            answer = self._answer(rows, method, _resolved(parsed(query), results))
            if "error" in answer:
                errors[name] = answer
                continue
            results[name] = answer["result"]
            if "total" in answer:
                totals[name] = answer["total"]
        return {"result": {"result": results, "result_error": errors, "result_total": totals}}


def portal_of(migration: Migration) -> Cloud:
    """Reads the dump first, where that was not done yet. Raises BadDump, FolderAway."""
    with folder.opened(migration.folder) as place:
        path = extract.extracted(place, _says_so(migration))
    with extract.opened(path) as rows:
        zone = _zone(rows.option("main", "default_time_zone"))
    dump = Dump(path, migration.folder, zone, migration.language)
    return Cloud(
        f"https://{migration.portal}/rest/0/dump/",
        UNLIMITED,
        transport=dump,
        loader=dump.load,
        sleep=lambda seconds: None,
        attempts=1,
    )


def about(migration: Migration) -> dict[str, Any]:
    """What is to be known of it beside its counts. Raises BadDump, FolderAway."""
    with folder.opened(migration.folder) as place:
        path, has_upload = extract.extracted(place, _says_so(migration)), place.has_upload()
    with extract.opened(path) as rows:
        return {"is_boxed": True, "has_upload": has_upload, "stays": counts_in(rows)}


def _says_so(migration: Migration) -> Callable[[], object]:
    """That it goes on, for whoever looks for what stands still."""
    return lambda: Migration.objects.filter(pk=migration.pk).update(moved_at=timezone.now())


def _zone(name: str) -> ZoneInfo:
    """In which its database tells the time; the box's own, where the portal does not say."""
    try:
        return ZoneInfo(name or timezone.get_default_timezone_name())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(timezone.get_default_timezone_name())


def _copied(file: IO[bytes], into: IO[bytes]) -> int:
    size = 0
    while some := file.read(_COPIED):
        size += len(some)
        if size > settings.FILE_SIZE_LIMIT:
            raise Unreachable(_("It is larger than files may be here."))
        into.write(some)
    return size


def _refused(code: str, said: str) -> dict[str, str]:
    return {"error": code, "error_description": said}


def _resolved(value: Any, results: Mapping[str, Any]) -> Any:
    """With what commands before it have found, where it refers to that; nothing for what there is not."""
    if isinstance(value, dict):
        return {name: _resolved(one, results) for name, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, results) for one in value]
    return _REFERENCE.sub(lambda found: _found(found[1], results), value) if isinstance(value, str) else value


def _found(path: str, results: Any) -> str:
    for key in _KEY.findall(path):
        try:
            results = results[int(key)] if isinstance(results, list) else results[key]
        except (KeyError, IndexError, ValueError, TypeError):
            return ""
    return str(results)
