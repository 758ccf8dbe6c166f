"""How a browser gets a file: which types it may show by itself on the portal's own host, and the links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.core.files import recall
from box.core.files.names import content_disposition
from box.core.files.store import store

if TYPE_CHECKING:
    from box.core.files.models import Blob, File

DOWNLOADED = "application/octet-stream"

# Short on purpose. HTML, SVG and XML run scripts, so they are never here; PDF isn't either, since the
# sandboxing policy of the store's route keeps a browser from showing one.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
# Plain text only in encodings that libmagic tells for certain.
TEXTS = frozenset({"text/plain; charset=utf-8", "text/plain; charset=us-ascii"})
SHOWN = PICTURES | TEXTS


def link_to(file: File, *, host: str) -> str:
    """Where the file is fetched from within 60 seconds: shown if its real type is harmless, else saved."""
    return link_to_blob(file.blob, file.name, host=host)


def link_to_blob(blob: Blob, name: str, *, host: str) -> str:
    """The same for bytes that are no file's any more, under the name that they had.

    Raises NotBackYet while a restore has yet to bring them.
    """
    recall.require(blob)
    is_shown = blob.content_type in SHOWN
    return store().link(
        blob.key,
        host=host,
        content_type=blob.content_type if is_shown else DOWNLOADED,
        disposition=content_disposition("inline" if is_shown else "attachment", name),
    )


def link_to_picture(picture: Blob, *, host: str) -> str:
    """Where one of our own small pictures is fetched from. Raises NotBackYet as above."""
    recall.require(picture)
    return store().link(picture.key, host=host, content_type=picture.content_type, disposition="inline")
