from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from box.apps.drive.actions.tree import add_files, root_of
from box.apps.drive.models import Item
from box.core.access.principals import code_of
from box.core.files.models import Blob, File, new_key
from box.core.files.store import store as the_store

if TYPE_CHECKING:
    from box.core.accounts.models import User

type Uploads = Callable[..., File]
type Browser = Callable[[User], Client]


def uploaded(by: User, name: str = "plan.txt", data: bytes = b"") -> File:
    """A file that the person's browser has just sent, with its bytes in the store if there are any."""
    key = new_key(timezone.now())
    if data:
        the_store().write(key, data, content_type="application/octet-stream")
    blob = Blob.objects.create(key=key, size=len(data))
    return File.objects.create(owner=by, name=name, blob=blob, audience=[code_of(by)], is_private=True)


def put(folder: Item, name: str = "plan.txt", *, by: User, data: bytes = b"") -> Item:
    """A file in the folder."""
    added = add_files(folder, [uploaded(by, name, data).pk], by=by)
    return (added.new or added.replaced)[0]


def file_of(item: Item) -> File:
    assert item.file is not None
    return item.file


@pytest.fixture
def annas(anna: User) -> Item:
    """Anna's drive."""
    return root_of(code_of(anna), by=anna)


@pytest.fixture
def company(anna: User) -> Item:
    """The company's drive."""
    return root_of("UA", by=anna)
