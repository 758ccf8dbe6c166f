"""By what entries are known: what the import has written is found at sign-in."""

from __future__ import annotations

import uuid

import pytest

from box.bridges.directory import stable_ids

GUID = uuid.UUID("01020304-0506-0708-090a-0b0c0d0e0f10")


@pytest.mark.parametrize(
    ("attribute", "raw", "wanted"),
    [
        ("objectGUID", GUID.bytes_le, str(GUID)),
        ("OBJECTGUID", GUID.bytes_le, str(GUID)),
        ("objectGUID", GUID.bytes_le[:15], ""),
        ("objectGUID", b"", ""),
        ("entryUUID", str(GUID).upper().encode(), str(GUID)),
        ("employeeNumber", b"K-17\0", "k-17"),
        ("employeeNumber", b"\xff7", "\ufffd7"),
        ("entryUUID", b"", ""),
    ],
)
def test_an_entry_is_known_by_its_id_as_links_have_it(attribute: str, raw: bytes, wanted: str) -> None:
    assert stable_ids.of(attribute, raw) == wanted
