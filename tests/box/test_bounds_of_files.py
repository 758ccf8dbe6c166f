"""Every address that takes a file is sent pictures, tables, calendars and cards holding more than they weigh.

None answers with an error of ours; what it takes of processor and memory, with the processes that it starts,
is bounded and printed (`-s`).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import reverse
from PIL import Image

from tests.box import test_permissions
from tests.box.oddities import (
    ADDRESSES,
    ASKED,
    Taken,
    arguments_of,
    browser_of,
    files_asked_for,
    names_asked_for,
    visitor,
)
from tests.box.test_permissions import World
from tests.box.visits import Visit
from tests.randomness import chosen

pytestmark = pytest.mark.django_db

# Fixtures, by the names that tests ask for them.
globals().update({name: getattr(test_permissions, name) for name in ("_without_an_agent", "_world", "world")})

LARGEST = 1_900_000


def plain_picture() -> bytes:
    """Some 50 KB, and 147 MB of pixels."""
    return _saved(Image.new("RGB", (7000, 7000)), "PNG")


def endless_picture() -> bytes:
    """Its head says 60,000 by 60,000, and no more of it comes."""
    size = (60_000).to_bytes(4, "big") * 2
    head = b"IHDR" + size + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")


def film() -> bytes:
    frames = [Image.new("P", (900, 900), shade % 200) for shade in range(300)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def progressive_photo() -> bytes:
    return _saved(Image.effect_noise((3000, 3000), 90).convert("RGB"), "JPEG", progressive=True, quality=12)


def laughing_drawing() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    return f'<!DOCTYPE svg [<!ENTITY l0 "ha">{entities}]><svg><text>&l8;</text></svg>'.encode()


def swollen_workbook() -> bytes:
    """A table that is packed a thousand times, and says so nowhere."""
    row = "<row>" + '<c t="inlineStr"><is><t>x</t></is></c>' * 20 + "</row>"
    return _workbook((f"<worksheet><sheetData>{row}" + row * 150_000 + "</sheetData></worksheet>").encode())


def far_cell() -> bytes:
    cell = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
    return _workbook(f"<worksheet><sheetData>{cell}</sheetData></worksheet>".encode())


def _workbook(sheet: bytes) -> bytes:
    """The least that openpyxl opens."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def related(kind: str, target: str) -> str:
        return (
            f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="r1" Type="{relations}/{kind}" Target="{target}"/></Relationships>'
        )

    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": related("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}">'
        '<sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": related("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": sheet.replace(b"<worksheet>", f'<worksheet xmlns="{main}">'.encode()),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return file.getvalue()


def calendar(lines: str) -> bytes:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n{lines}END:VCALENDAR\r\n".encode()


def often() -> bytes:
    """Events of which none ever comes about, each of which a careless reader looks for in every second."""
    rule = "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"
    event = f"BEGIN:VEVENT\r\nUID:{{}}\r\nDTSTART:19700101T000000Z\r\n{rule}\r\nEND:VEVENT\r\n"
    return calendar("".join(map(event.format, range(1000))))


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "plain picture": ("a.png", plain_picture),
    "endless picture": ("a.png", endless_picture),
    "film": ("a.gif", film),
    "progressive photo": ("a.jpg", progressive_photo),
    "laughing drawing": ("a.svg", laughing_drawing),
    "swollen workbook": ("a.xlsx", swollen_workbook),
    "far cell": ("a.xlsx", far_cell),
    "one wide row": ("a.csv", lambda: b"," * LARGEST),
    "many short rows": ("a.csv", lambda: b"a,b\r\n" * (LARGEST // 5)),
    "one quotation": ("a.csv", lambda: b'a,b\r\n"' + b"x\r\n" * (LARGEST // 3)),
    "one word": ("a.csv", lambda: b"x" * LARGEST),
    "no text": ("a.csv", lambda: bytes(range(256)) * (LARGEST // 256)),
    "deep calendar": ("a.ics", lambda: calendar("BEGIN:VEVENT\r\n" * (LARGEST // 14))),
    "calendar that recurs often": ("a.ics", often),
    "folded calendar": ("a.ics", lambda: calendar("SUMMARY:x" + "\r\n x" * (LARGEST // 4) + "\r\n")),
    "many cards": ("a.vcf", lambda: b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\nEND:VCARD\r\n" * (LARGEST // 43)),
    "card with a large photo": (
        "a.vcf",
        lambda: b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\nPHOTO;ENCODING=b:" + b"A" * LARGEST,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Taking:
    """An address that looks for files in what it is sent."""

    visit: Visit
    files: set[str]
    """Their names."""
    fields: dict[str, str]
    """What it wants to know besides, so that it comes to look at the file."""


@pytest.fixture
def taking(world: World) -> list[Taking]:
    found = list[Taking]()
    for visit in ADDRESSES:
        if visit.method != "POST":
            continue
        address = reverse(visit.route, args=arguments_of(visit, world.things))
        given = {"nonce": str(uuid4()), **visit.data}
        for _round in range(ASKED):
            with files_asked_for() as files, names_asked_for() as fields, transaction.atomic():
                browser_of(visitor(visit), world).post(address, given)
                transaction.set_rollback(True)
            if not files or fields <= given.keys():
                break
            given = {**dict.fromkeys(fields - files, "1"), **given}
        if files:
            found.append(Taking(visit, files, given))
    return found


def test_files_are_taken_at_addresses_that_are_known(taking: list[Taking]) -> None:
    """Else nothing is sent at all."""
    found = {one.visit.route: one.files for one in taking}
    assert found.items() >= {"imports:imports": {"table"}, "people:photo-of": {"photo"}}.items()
    assert found.items() >= {"feed:badges": {"upload"}, "console:directory:sign-in": {"keytab"}}.items()


@pytest.mark.parametrize("name", chosen("files", [*FILES]))
def test_no_address_breaks_over_the_file_that_it_is_sent(
    name: str, world: World, taking: list[Taking]
) -> None:
    called, content = FILES[name][0], FILES[name][1]()
    assert len(content) < 2 * LARGEST
    broken, taken = list[str](), Taken()
    for one in taking:
        files = {key: SimpleUploadedFile(called, content) for key in one.files}
        address = reverse(one.visit.route, args=arguments_of(one.visit, world.things))
        client = browser_of(visitor(one.visit), world)
        with taken.by(str(one.visit)), transaction.atomic():
            answer = client.post(address, {**one.fields, **files})
            transaction.set_rollback(True)
        if answer.status_code >= 500:
            broken.append(f"{one.visit}: {answer.status_code}")
    taken.tell(name)
    assert broken == []
    assert taken.too_much() == []
