"""Bytes of files, for programs: what a file was before, and what hangs on posts, tasks and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.drive.api.items import SCOPE, One, found_item
from box.apps.drive.models import Item, Version
from box.core.files.display import link_to_blob
from box.core.files.models import File
from box.core.files.rest import address_of_file, on_drives
from box.core.registry.rest import (
    DOCS,
    Call,
    Download,
    Method,
    download_address,
    downloads,
    listed,
    methods,
    not_found,
    shaped,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from box.core.accounts.models import User
    from box.core.files.models import Blob

ATTACHED, VERSION = "disk.attached", "disk.version"
MOST_VERSIONS = 500
# A version's number is that of its file with this many digits behind it, which count the versions.
_COUNTED = 10**6


def attached(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/disk/attached-object/disk-attached-object-get.html

    What hangs on something has one number here, whether as a file or as an attachment.
    """
    file = File.objects.visible_to(call.user).with_blobs().filter(pk=call.values["ID"]).first()
    if file is None or file.attached_at is None:
        raise not_found(_("There is no such file, or you don't see it."))
    return {
        "ID": str(file.pk),
        "OBJECT_ID": str(file.pk),
        "MODULE_ID": "",
        "ENTITY_TYPE": "",
        "ENTITY_ID": "",
        "CREATE_TIME": _said(file.created_at),
        "CREATED_BY": str(file.owner_id),
        "DOWNLOAD_URL": download_address(ATTACHED, file.pk, call),
        "NAME": file.name,
        "SIZE": str(file.blob.size),
    }


def versions(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/disk/file/disk-file-get-versions.html

    The newest first, which is the file as it is.
    """
    item = found_item(call, folders=False)
    found = []
    if item.file is not None:
        now = Version(item=item, number=item.version, blob=item.file.blob, made_at=item.changed_at)
        now.by_id = item.changed_by_id
        found.append(now)
    before = Version.objects.filter(item=item).select_related("blob").order_by("-number")
    return [_shown(item, one, call) for one in [*found, *before[:MOST_VERSIONS]]]


def _shown(item: Item, version: Version, call: Call) -> dict[str, Any]:
    pk = item.pk * _COUNTED + version.number
    return {
        "ID": str(pk),
        "OBJECT_ID": str(item.pk),
        "SIZE": str(version.blob.size),
        "NAME": item.name,
        "GLOBAL_CONTENT_VERSION": str(version.number),
        "CREATE_TIME": _said(version.made_at),
        "CREATED_BY": str(version.by_id),
        "DOWNLOAD_URL": download_address(VERSION, pk, call),
    }


def address_of_version(user: User, pk: int, host: str) -> str:
    """See `box.core.registry.rest.Download`."""
    of, number = divmod(pk, _COUNTED)
    item = Item.objects.visible_to(user).there().select_related("file__blob").filter(pk=of).first()
    blob = _blob_of(item, number) if item else None
    if item is None or blob is None:
        raise not_found(_("There is no such version, or you don't see it."))
    return link_to_blob(blob, item.name, host=host)


def _blob_of(item: Item, number: int) -> Blob | None:
    if item.file is not None and item.version == number:
        return item.file.blob
    before = Version.objects.filter(item=item, number=number).select_related("blob").first()
    return before.blob if before else None


def files_at(user: User, ids: Collection[int]) -> Mapping[int, File]:
    """See `box.core.files.rest.on_drives`."""
    seen = Item.objects.visible_to(user).there().filter(pk__in=ids, is_folder=False)
    return {item.pk: item.file for item in seen.select_related("file__blob") if item.file is not None}


def _said(at: datetime) -> str:
    return timezone.localtime(at).isoformat(timespec="seconds")


def declare() -> None:
    downloads.add(ATTACHED, Download(SCOPE, "drive", address_of_file))
    on_drives.add("drive", files_at)
    downloads.add(VERSION, Download(SCOPE, "drive", address_of_version))
    shared = dict.fromkeys(
        ("ID", "OBJECT_ID", "CREATE_TIME", "CREATED_BY", "DOWNLOAD_URL", "NAME", "SIZE"), "string"
    )
    hanging = shaped(**shared, **dict.fromkeys(("MODULE_ID", "ENTITY_TYPE", "ENTITY_ID"), "string"))
    for name, about, answer, result, page in (
        ("attachedobject.get", gettext_lazy("A file that hangs on a post, a comment or a task."), attached,
         hanging, "attached-object/disk-attached-object-get"),
        ("file.getversions", gettext_lazy("What a file was, the newest first."), versions,
         listed(**shared, GLOBAL_CONTENT_VERSION="string"), "file/disk-file-get-versions"),
    ):  # fmt: skip
        methods.add(
            f"disk.{name}",
            Method(
                room="drive",
                scopes=(SCOPE,),
                about=about,
                parameters=One,
                answer=answer,
                result=result,
                source=f"{DOCS}disk/{page}.html",
            ),
        )
