"""Files that hold more than they weigh: pictures, tables, calendars and cards."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from PIL import Image

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


def endless_sound() -> bytes:
    """Of a day by its head."""
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16_000, 2, 16)
    return b"RIFF\xff\xff\xff\x7fWAVE" + shape + struct.pack("<4sI", b"data", 2**31 - 100) + bytes(1000)


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
    "sound of many chunks": ("a.wav", lambda: b"RIFF\0\0\0\x7fWAVE" + b"LIST\0\0\0\0" * (LARGEST // 8)),
    "sound that says it is endless": ("a.wav", endless_sound),
    "deep calendar": ("a.ics", lambda: calendar("BEGIN:VEVENT\r\n" * (LARGEST // 14))),
    "calendar that recurs often": ("a.ics", often),
    "folded calendar": ("a.ics", lambda: calendar("SUMMARY:x" + "\r\n x" * (LARGEST // 4) + "\r\n")),
    "many cards": ("a.vcf", lambda: b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\nEND:VCARD\r\n" * (LARGEST // 43)),
    "card with a large photo": (
        "a.vcf",
        lambda: b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\nPHOTO;ENCODING=b:" + b"A" * LARGEST,
    ),
}  # fmt: skip
