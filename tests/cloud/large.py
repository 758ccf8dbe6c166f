"""A company of any size, as the stand-in serves it: a row is made when it is asked for, a file is zeros.

    python -m tests.cloud.large --tasks 100000 --contacts 300000 --activities 1000000

serves it with the cloud's limits, in a process of its own. It prints the address of its webhook; when its
input ends it prints how many requests came and which of them it has refused, and ends.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, override

from tests.cloud.company import Company, at
from tests.cloud.portal import PAGE, Portal
from tests.cloud.reads import Counted
from tests.cloud.server import served

CONTACT = 3
"""The number of their type."""
FOLDERS, FILES = 1_000_000, 2_000_000
"""The numbers behind which theirs begin."""
IN_A_FOLDER = 50
TEXT = (
    "What was agreed on, what is to be done, and by when; who has to know of it, and where the papers are. "
    * 3
)


@dataclass(frozen=True)
class Sizes:
    people: int = 50
    tasks: int = 0
    contacts: int = 0
    activities: int = 0
    files: int = 0
    file_bytes: int = 10 * 2**20


@dataclass
class LargeCompany(Company):
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        self.department(1, "Company")
        for number in range(1, self.sizes.people + 1):
            self.person(number, f"P{number}", UF_DEPARTMENT=[1])
        self.storage(1, "common", "shared_files_s1", "Company drive")
        # One of each, of which the others are made.
        model = Company()
        model.task(1, "", 1, 1, description=TEXT)
        model.record("contact", 1, "", 1, COMMENTS=TEXT, POST="Buyer")
        model.activity(1, (CONTACT, 1), "", 1, DESCRIPTION=TEXT)
        model.file(("folder", 1), "", 1, b"")
        self._task, self._contact = model.tasks[0], model.records["contact"][0]
        self._activity, self._file = model.activities[0], model.objects[0]
        self._zeros = bytes(self.sizes.file_bytes)

    @override
    def portal(self, clock: Callable[[], float], **more: Any) -> Portal:
        portal = super().portal(clock, **more)
        sizes = self.sizes
        portal.answers = {
            **portal.answers,
            "tasks.task.list": self._tasks,
            "crm.contact.list": partial(_listed, self._contact_of, sizes.contacts),
            "crm.activity.list": partial(_listed, self._activity_of, sizes.activities),
            "disk.storage.getchildren": self._folders,
            "disk.folder.getchildren": self._files,
        }
        return portal

    @override
    def content(self, address: str) -> bytes | None:
        return self._zeros

    def _person(self, number: int) -> int:
        return 1 + number % self.sizes.people

    def _tasks(self, given: Mapping[str, Any]) -> Any:
        found = _listed(self._task_of, self.sizes.tasks, given)
        return found if isinstance(found, Counted) else {"tasks": found}

    def _task_of(self, number: int) -> dict[str, Any]:
        people = {"createdBy": self._person(number), "responsibleId": self._person(number // 7)}
        return {
            **self._task, **people, "id": number, "title": f"Task {number}", "status": 5 if number % 3 else 2,
            "createdDate": at(number % 300), "closedDate": at(number % 300 + 3) if number % 3 else None,
        }  # fmt: skip

    def _contact_of(self, number: int) -> dict[str, Any]:
        phone = {"ID": number, "VALUE": f"+7916{number:07}", "VALUE_TYPE": "WORK"}
        return {
            **self._contact, "ID": number, "NAME": "Nina", "LAST_NAME": f"Rose {number}", "PHONE": [phone],
            "ASSIGNED_BY_ID": self._person(number), "CREATED_BY_ID": self._person(number),
        }  # fmt: skip

    def _activity_of(self, number: int) -> dict[str, Any]:
        of = 1 + number % max(1, self.sizes.contacts)
        return {
            **self._activity, "ID": number, "OWNER_ID": of, "SUBJECT": f"Call {number}",
            "RESPONSIBLE_ID": self._person(number), "AUTHOR_ID": self._person(number),
        }  # fmt: skip

    def _folders(self, given: Mapping[str, Any]) -> Any:
        first = 1 + max(0, int((given.get("filter") or {}).get(">ID") or 0) - FOLDERS)
        last = min(first + PAGE - 1, -(-self.sizes.files // IN_A_FOLDER))
        model = {name: value for name, value in self._file.items() if name != "_path"}
        return [
            {**model, "ID": FOLDERS + number, "TYPE": "folder", "NAME": f"Folder {number}"}
            for number in range(first, last + 1)
        ]

    def _files(self, given: Mapping[str, Any]) -> Any:
        folder = int(given["id"]) - FOLDERS
        left = min(IN_A_FOLDER, self.sizes.files - IN_A_FOLDER * (folder - 1))
        if int((given.get("filter") or {}).get(">ID") or 0):
            return []
        return [self._file_of(IN_A_FOLDER * (folder - 1) + place) for place in range(1, left + 1)]

    def _file_of(self, number: int) -> dict[str, Any]:
        row = {**self._file, "ID": FILES + number, "NAME": f"{number}.bin", "SIZE": self.sizes.file_bytes}
        return self.linked({**row, "_path": f"/large/{number}"})


def _listed(make: Callable[[int], dict[str, Any]], count: int, given: Mapping[str, Any]) -> Any:
    """Those behind an id, or how many there are."""
    named = {name.lower(): value for name, value in given.items()}
    if int(named.get("start") or 0) >= 0:
        return Counted([], count)
    after = int((named.get("filter") or {}).get(">ID") or 0)
    return [make(number) for number in range(after + 1, min(after + PAGE, count) + 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("people", "tasks", "contacts", "activities", "files", "file_bytes"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(Sizes(), name))
    parser.add_argument("--burst", type=int, default=50)
    parser.add_argument("--per-second", type=float, default=2.0)
    given = vars(parser.parse_args())
    limits = {name: given.pop(name) for name in ("burst", "per_second")}
    with served(LargeCompany(sizes=Sizes(**given)), **limits) as cloud:
        sys.stdout.write(json.dumps({"webhook": cloud.webhook}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
        portal = cloud.portal
        sys.stdout.write(json.dumps({"requests": portal.requests, "refusals": portal.refusals}) + "\n")


if __name__ == "__main__":
    main()
