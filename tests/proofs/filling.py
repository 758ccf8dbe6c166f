"""Gives a demonstration company files of bytes that no compression makes smaller: run by `manage.py shell`.

Objects are stored in parallel and rows in bulk; each file stands on a post that everybody may read. They are
as the jobs leave what somebody has uploaded: inspected, with their hashes.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

from django.db import transaction
from django.utils import timezone

from box.apps.feed.models import Post, PostFile
from box.core.files.models import Blob, File, new_key
from box.core.files.store import store
from box.lib.bulk import analyze, copy_rows, reserve_ids

AT_ONCE = 8
CONTENT_TYPE = "application/octet-stream"


def fill(count: int, size: int) -> None:
    now = timezone.now()
    keys = [new_key(now) for _ in range(count)]

    def write(key: str) -> str:
        data = os.urandom(size)
        store().write(key, data, content_type=CONTENT_TYPE)
        return hashlib.sha256(data).hexdigest()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        hashes = list(threads.map(write, keys))
    open_to_all = Post.objects.filter(audience__contains=["UA"]).order_by("-id")
    posts = list(islice(cycle(open_to_all.values_list("id", "author_id")[:count]), count))
    with transaction.atomic():
        blobs, files = reserve_ids(Blob, count), reserve_ids(File, count)
        copy_rows(
            Blob,
            ("id", "key", "size", "created_at", "inspected_at", "sha256", "content_type", "picture_attempts"),
            (
                (blob, key, size, now, now, digest, CONTENT_TYPE, 0)
                for blob, key, digest in zip(blobs, keys, hashes, strict=True)
            ),
        )
        copy_rows(
            File,
            ("id", "owner", "name", "blob", "created_at", "attached_at", "audience", "is_private"),
            (
                (file, author, f"{file}.bin", blob, now, now, ["UA", f"U{author}"], False)
                for file, blob, (_, author) in zip(files, blobs, posts, strict=True)
            ),
        )
        copy_rows(
            PostFile,
            ("post", "file", "position"),
            ((post, file, 1) for file, (post, _) in zip(files, posts, strict=True)),
        )
    analyze(Blob, File, PostFile)
