"""Uploading in parts straight to the store, and fetching from it: the bytes never come this way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.auditing import called
from box.core.accounts.requests import PersonRequest
from box.core.files import actions
from box.core.files.display import link_to, link_to_picture
from box.core.files.forms import Completion, NewUpload, first_part
from box.core.files.models import Blob, File, Upload
from box.core.files.store import StoreUnavailable, store
from box.core.registry.auditing import About, record

FETCHED = "files.fetched"

log = logging.getLogger(__name__)

LINKS_AT_ONCE = 20
STATUSES = {"too-large": 413, "over": 409, "parts": 409, "size": 409}


def says_what_is_wrong[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Answers what is refused, and a store that is away, with a sentence for the person."""

    @wraps(view)
    def answered(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(*args, **kwargs)
        except ValidationError as error:
            status = STATUSES.get(error.code or "", 400)
            return JsonResponse({"error": " ".join(error.messages)}, status=status)
        except StoreUnavailable as error:
            log.error("%s", error)
            return JsonResponse(
                {"error": _("Files are not reachable right now. Try again in a minute.")},
                status=503,
                headers={"Retry-After": "10"},
            )

    return answered


@require_POST
@says_what_is_wrong
def uploads(request: PersonRequest) -> HttpResponse:
    new = NewUpload.of(request)
    upload = actions.begin_upload(new.name, new.size, nonce=new.nonce, by=request.user)
    return JsonResponse(
        {
            "id": upload.pk,
            "part_size": upload.part_size,
            "part_count": upload.part_count,
            "parts": _links(upload, 1, request),
        },
        status=201,
    )


@require_http_methods(["DELETE"])
@says_what_is_wrong
def upload(request: PersonRequest, pk: int) -> HttpResponse:
    actions.abort_upload(_own(request, pk), by=request.user)
    return HttpResponse(status=204)


@require_GET
@says_what_is_wrong
def parts(request: PersonRequest, pk: int) -> HttpResponse:
    """New links, for parts whose links were not used within their minute."""
    upload = _own(request, pk)
    if not upload.is_open:
        raise actions.UploadOver
    return JsonResponse({"parts": _links(upload, first_part(request, count=upload.part_count), request)})


@require_POST
@says_what_is_wrong
def completion(request: PersonRequest, pk: int) -> HttpResponse:
    etags = Completion.of(request).etags
    file = actions.complete_upload(_own(request, pk), etags, by=request.user)
    return JsonResponse(
        {"id": file.pk, "name": file.name, "size": file.blob.size, "url": file.get_absolute_url()}
    )


@require_GET
def content(request: PersonRequest, pk: int) -> HttpResponse:
    file = _visible(request, pk)
    link = link_to(file, host=request.get_host())
    about = About("files.file", file.pk, file.name)
    record(FETCHED, by_id=request.user.pk, actor=called(request.user), about=about)
    return HttpResponseRedirect(link, headers={"Cache-Control": "no-store"})


@require_GET
def preview(request: PersonRequest, pk: int) -> HttpResponse:
    return _picture(request, _visible(request, pk, "blob__preview").blob.preview)


@require_GET
def thumbnail(request: PersonRequest, pk: int) -> HttpResponse:
    return _picture(request, _visible(request, pk, "blob__thumbnail").blob.thumbnail)


def _picture(request: PersonRequest, picture: Blob | None) -> HttpResponse:
    if picture is None:
        raise Http404
    link = link_to_picture(picture, host=request.get_host())
    # Going back to a page shows its pictures at once; the link in the answer lives longer than this.
    return HttpResponseRedirect(link, headers={"Cache-Control": "private, max-age=30"})


def _visible(request: PersonRequest, pk: int, related: str = "blob") -> File:
    return get_object_or_404(File.objects.visible_to(request.user).select_related(related), pk=pk)


def _own(request: PersonRequest, pk: int) -> Upload:
    return get_object_or_404(Upload.objects.filter(owner=request.user).select_related("file__blob"), pk=pk)


def _links(upload: Upload, first: int, request: PersonRequest) -> list[str]:
    last = min(upload.part_count, first + LINKS_AT_ONCE - 1)
    return [
        store().part_link(upload.key, upload.upload_id, number, host=request.get_host())
        for number in range(first, last + 1)
    ]
