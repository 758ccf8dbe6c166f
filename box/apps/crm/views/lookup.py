"""Finding what an address names, for who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, TextField
from django.http import Http404
from django.shortcuts import get_object_or_404

from box.apps.crm.catalog import catalog
from box.apps.crm.models import Record
from box.apps.crm.permissions import Operation, codes_to_read, may_enter, reaches_into
from box.core.access.audiences import is_ruled_by_codes
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from box.apps.crm.models import RecordType
    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest


def entered(request: PersonRequest) -> User:
    """Whoever asks; Http404 for whom there is no CRM."""
    if not may_enter(request.user):
        raise Http404
    return request.user


def type_at(request: PersonRequest, slug: str) -> RecordType:
    kind = catalog().by_slug.get(slug)
    if kind is None or not reaches_into(request.user, Operation.READ, kind):
        raise Http404
    return kind


def record_at(request: PersonRequest, slug: str, pk: int) -> Record:
    """Also for who sees nothing else of its type: an observer."""
    kind = catalog().by_slug.get(slug)
    if kind is None:
        raise Http404
    record = _seen(request.user, kind.pk, pk)
    catalog().dress([record])
    return record


def _seen(reader: User, type_id: int, pk: int) -> Record:
    if is_ruled_by_codes(reader):
        found = _RECORD.rows(pk=pk, type=type_id, codes=sorted(codes_to_read(reader)))
        if not found:
            raise Http404
        return found[0]
    seen = Record.objects.visible_to(reader).there().of_type(type_id)
    return get_object_or_404(seen.select_related("responsible"), pk=pk)


_RECORD = PreparedModels(
    lambda: (
        Record.objects.there()
        .of_type(Param("type", BigIntegerField()))
        .filter(pk=Param("pk", BigIntegerField()))
        .reachable_by_many(Param("codes", ArrayField(TextField())))
        .select_related("responsible")
    )
)


def kept_of(request: PersonRequest, slug: str, pk: int) -> Record | None:
    """What has become of whatever an address named before it was merged, for whoever saw both."""
    seen = Record.objects.visible_to(request.user)
    gone = seen.filter(pk=pk, type__slug=slug)
    kept = seen.filter(pk__in=gone.values("merged_into")).first()
    if kept is not None:
        catalog().dress([kept])
    return kept
