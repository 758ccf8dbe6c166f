from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from django.utils import timezone

from box.bridges.storage.client import S3Store
from box.core.accounts.models import User
from box.core.files import jobs
from box.core.files.demo import store_documents
from box.core.files.models import Blob, File
from box.core.files.store import stores
from box.core.registry.demo import Company, DemoRefused
from tests.box.core.files.browser import keys

AUDIENCES = [["UA"], ["U7"]] * 6


def company(*people: User, seed: int = 1) -> Company:
    return Company(
        employees=len(people),
        posts=0,
        now=timezone.now(),
        random=Random(seed),
        people=[person.pk for person in people],
    )


def test_documents_are_files_like_any_others(anna: User, boris: User, store: S3Store) -> None:
    ids = store_documents(company(anna, boris), AUDIENCES)

    files = File.objects.with_blobs().in_bulk(ids)
    assert len(files) == len(AUDIENCES)
    for pk, audience in zip(ids, AUDIENCES, strict=True):
        file = files[pk]
        assert file.audience == sorted({*audience, f"U{file.owner_id}"})
        assert file.is_private == (audience != ["UA"])
        assert store.stat(file.blob.key).size == file.size
    jobs.inspect_all_forgotten(timezone.now() + timedelta(minutes=2))
    types = set(Blob.objects.filter(files__in=ids).values_list("content_type", flat=True))
    assert "image/png" in types
    assert any(kind.startswith("text/") for kind in types)


def test_one_seed_makes_the_same_documents(anna: User, boris: User, store: S3Store) -> None:
    first, second = (
        [
            (file.name, file.owner_id, b"".join(store.read(file.blob.key)))
            for file in File.objects.with_blobs()
            .filter(pk__in=store_documents(company(anna, boris), AUDIENCES))
            .order_by("pk")
        ]
        for _ in range(2)
    )

    assert first == second


def test_without_the_store_the_demo_says_what_to_do(
    anna: User, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = S3Store(replace(store.account, endpoint="http://127.0.0.1:1"))
    monkeypatch.setitem(stores._offers, "files", away)

    with pytest.raises(DemoRefused, match="boxctl status"):
        store_documents(company(anna), AUDIENCES)

    assert not File.objects.exists()
    assert not keys(store)
