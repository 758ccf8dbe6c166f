"""The documents of a demonstration company: small, invented, and in the store like any others."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO, StringIO
from random import Random

from box.core.access.principals import is_private
from box.core.files.models import Blob, File, new_key
from box.core.files.store import StoreUnavailable, store
from box.core.registry.demo import Company, DemoRefused
from box.lib.bulk import analyze, copy_rows, reserve_ids

AT_ONCE = 8

TITLES = {
    "ru": "Отчёт за квартал|График отпусков|Прайс-лист|Протокол совещания|Смета ремонта|Список гостей",
    "en": "Quarterly report|Holiday plan|Price list|Minutes of the meeting|Repair estimate|Guest list",
}
SENTENCES = {
    "ru": "Работы идут по плану.|Сроки согласованы с отделом.|Замечаний нет.|Остаток — в декабре.",
    "en": "The work goes as planned.|The dates are agreed.|There are no remarks.|The rest follows.",
}
GOODS = {"ru": "Стол|Стул|Лампа|Шкаф|Полка|Доска", "en": "Desk|Chair|Lamp|Cabinet|Shelf|Board"}


def store_documents(company: Company, audiences: list[list[str]]) -> list[int]:
    """A document for each audience, of an owner of the company; returns the ids of the files.

    What they are, and their previews, the jobs find out as of any other file. Raises DemoRefused while the
    store is away.
    """
    documents = [_document(company.random) for _ in audiences]
    owners = [company.random.choice(company.people) for _ in audiences]
    keys = [new_key(company.now) for _ in audiences]
    company.tell(f"{len(documents)} documents")

    def write(key: str, document: tuple[str, bytes]) -> None:
        store().write(key, document[1], content_type="application/octet-stream")

    try:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for _ in threads.map(write, keys, documents):
                pass
    except StoreUnavailable as error:
        raise DemoRefused(f"{error} See 'boxctl status objects', then run the demo again.") from error

    blobs, files = reserve_ids(Blob, len(documents)), reserve_ids(File, len(documents))
    moments = [company.now - timedelta(days=730) * company.random.random() for _ in documents]
    copy_rows(
        Blob,
        ("id", "key", "size", "created_at", "sha256", "content_type", "picture_attempts"),
        (
            (blob, key, len(data), moment, "", "", 0)
            for blob, key, (_, data), moment in zip(blobs, keys, documents, moments, strict=True)
        ),
    )
    copy_rows(
        File,
        ("id", "owner", "name", "blob", "created_at", "attached_at", "audience", "is_private"),
        (
            (file, owner, name, blob, moment, moment, sorted({*audience, f"U{owner}"}), is_private(audience))
            for file, owner, (name, _), blob, moment, audience in zip(
                files, owners, documents, blobs, moments, audiences, strict=True
            )
        ),
    )
    analyze(Blob, File)
    return files


def _document(random: Random) -> tuple[str, bytes]:
    """A name and the bytes."""
    language = random.choice(("ru", "en"))
    title = f"{random.choice(TITLES[language].split('|'))} {random.randint(1, 99)}"
    extension, make = random.choice((("txt", _text), ("csv", _table), ("png", _chart)))
    return f"{title}.{extension}", make(random, language)


def _text(random: Random, language: str) -> bytes:
    sentences = SENTENCES[language].split("|")
    return "\n\n".join(" ".join(random.choices(sentences, k=5)) for _ in range(8)).encode()


def _table(random: Random, language: str) -> bytes:
    rows = StringIO()
    writer = csv.writer(rows, delimiter=";")
    for good in GOODS[language].split("|"):
        writer.writerow([good, random.randint(1, 500), random.randint(100, 99_900) / 100])
    # With a byte order mark, by which spreadsheet programs know the encoding.
    return rows.getvalue().encode("utf-8-sig")


def _chart(random: Random, _: str) -> bytes:
    # This module is loaded in every process of the portal, and draws in none but the demo's.
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (480, 320), "#f8fafc")
    draw = ImageDraw.Draw(image)
    for column in range(8):
        left, top = 30 + column * 54, random.randint(40, 280)
        draw.rectangle((left, top, left + 40, 300), fill=random.choice(("#066fd1", "#2fb344", "#f59f00")))
    png = BytesIO()
    image.save(png, "PNG")
    return png.getvalue()
