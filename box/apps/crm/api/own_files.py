"""What stands in own fields for files, with where it is fetched: lists say its number alone.

Source: https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-get.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from box.apps.crm.api import ROOM, SCOPE
from box.apps.crm.custom_fields import set_of
from box.apps.crm.field_rights import fields_for
from box.core.fields.models import Field
from box.core.fields.values import values_of_many
from box.core.files.models import File
from box.core.files.rest import address_of_file
from box.core.registry.rest import Download, download_address, downloads

if TYPE_CHECKING:
    from box.apps.crm.models import Record, RecordType
    from box.core.registry.rest import Call

FILE = "crm.file"
"""Of a download."""


def own_files(record: Record, kind: RecordType, call: Call) -> dict[str, Any]:
    """By the codes of the fields that the caller sees; nothing of those that are empty."""
    seen = fields_for(call.user, kind.pk).seen(set_of(kind.pk).fields)
    fields = [field for field in seen if field.kind == Field.Kind.FILE]
    values = values_of_many(fields, [record.pk]).get(record.pk, {}) if fields else {}
    files = File.objects.in_bulk({pk for several in values.values() for pk in several})
    return {
        field.code: [_told(pk, files, call) for pk in several]
        if field.is_several
        else _told(several[0], files, call)
        for field, several in values.items()
        if several
    }


def _told(pk: int, files: dict[int, File], call: Call) -> dict[str, Any]:
    address = download_address(FILE, pk, call)
    return {"id": pk, "name": files[pk].name if pk in files else "", "url": address, "urlMachine": address}


def declare() -> None:
    downloads.add(FILE, Download(SCOPE, ROOM, address_of_file))
