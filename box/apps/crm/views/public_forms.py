"""Forms on websites, as whoever visits them meets them. Other sites may show the page in a frame and send
answers to one address; no session is read there, and nothing else is opened to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import IO, TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import get_object_or_404
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.crm.actions.web_forms import Attached, consent_of, take_answer
from box.apps.crm.models import WebForm
from box.apps.crm.web_forms import LARGEST_FILE, MOST_FILES, answered, pages_of
from box.core.accounts.throttle import Quota
from box.core.files.actions import checked_name, store_whole
from box.core.files.store import StoreUnavailable
from box.core.registry.origin import address_of
from box.lib.pages import render
from box.lib.proof_of_work import BITS, TRAP, Suspicious, challenge_for, check_challenge
from box.lib.questions import Kind, problems_by_name, questions_in
from box.lib.strict_json import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http.response import HttpResponseBase

    from box.lib.questions import Question

# Of one network within a quarter of an hour.
MOST_ANSWERS = 20
MOST_CHALLENGES = 300
LARGEST = 128 * 1024
LARGEST_WITH_FILES = LARGEST + MOST_FILES * (LARGEST_FILE + 1024)
FRAMED = {**settings.SECURE_CSP, "frame-ancestors": ["*"]}


def _form(public_id: str) -> WebForm:
    return get_object_or_404(WebForm.objects.open().select_related("type"), token=public_id)


def from_anywhere(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Scripts of other sites may ask it and read what it answers, without anybody's cookies."""

    @login_not_required
    @never_cache
    @wraps(view)
    def answering(request: HttpRequest, public_id: str) -> HttpResponse:
        response = HttpResponse(status=204) if request.method == "OPTIONS" else view(request, public_id)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        response.headers["Access-Control-Max-Age"] = "86400"
        return response

    return answering


@require_GET
@login_not_required
@never_cache
@xframe_options_exempt
@csp_override(FRAMED)
def page(request: HttpRequest, public_id: str) -> HttpResponseBase:
    form = _form(public_id)
    with translation.override(form.language):
        context = {
            "form": form, "pages": pages_of(questions_in(form.questions)), "consent": consent_of(form),
            "trap": TRAP, "bits": BITS, "largest_file": LARGEST_FILE,
        }  # fmt: skip
        return render(request, "crm/web_form.html", context)


@csrf_exempt
@require_http_methods(["GET", "OPTIONS"])
@from_anywhere
def challenge(request: HttpRequest, public_id: str) -> HttpResponse:
    """What is to be solved before an answer is taken."""
    form = _form(public_id)
    if not Quota("crm.challenge", address_of(request), MOST_CHALLENGES).take(timezone.now()):
        return _refused(_("Please try again in a quarter of an hour."), 429)
    return JsonResponse({"challenge": challenge_for(form.token), "bits": BITS})


@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
@from_anywhere
def answers(request: HttpRequest, public_id: str) -> HttpResponse:
    """Takes a JSON map of answers, with `challenge` and `work`, and with `consent` where that is asked."""
    form = _form(public_id)
    with translation.override(form.language):
        try:
            given, files = _read(request)
            key = check_challenge(form.token, given)
            if not Quota("crm.form", address_of(request), MOST_ANSWERS).take(timezone.now()):
                return _refused(_("Please try again in a quarter of an hour."), 429)
            questions = questions_in(form.questions)
            checked = answered(questions, given, files=files)
            if consent_of(form) and given.get("consent") is not True:
                raise ValidationError({"consent": _("Please agree to this first.")})
            page = str(given.get("page") or "")
            take_answer(form, checked, key=key, page=page, files=_stored(questions, files))
        except Suspicious as suspicious:
            return _refused(str(suspicious), 400)
        except ValidationError as error:
            return JsonResponse({"fields": _problems(error, form)}, status=422)
        return JsonResponse({"thanks": form.thanks}, status=201)


def _problems(error: ValidationError, form: WebForm) -> dict[str, str]:
    return problems_by_name(error, {one.name for one in questions_in(form.questions)} | {"consent"})


def _read(request: HttpRequest) -> tuple[Mapping[str, Any], Mapping[str, UploadedFile[Any]]]:
    """Answers and files: JSON, or the same as the part `answers` of a form with files under the names of
    questions. Raises Suspicious, before anything is read of what is too large."""
    has_files = request.content_type == "multipart/form-data"
    length, most = request.headers.get("Content-Length", ""), LARGEST_WITH_FILES if has_files else LARGEST
    if not length.isdecimal() or int(length) > most:
        raise Suspicious(f"At most {most} bytes are taken.")
    try:
        text = request.POST.get("answers", "").encode() if has_files else request.body
        if len(text) > LARGEST:
            raise Suspicious(f"At most {LARGEST} bytes of answers are taken.")
        given = parsed(text)
    except (ValueError, BadRequest, SuspiciousOperation, MultiPartParserError):
        given = None
    if not isinstance(given, dict):
        raise Suspicious("Send a JSON map of names and answers.")
    # The last of each name; a browser sends an empty one where none was chosen.
    files = {
        name: file
        for name in (request.FILES if has_files else ())
        if isinstance(file := request.FILES[name], UploadedFile) and file.name
    }
    if len(files) > MOST_FILES:
        raise Suspicious(f"At most {MOST_FILES} files are taken.")
    return given, files


def _stored(questions: Sequence[Question], files: Mapping[str, UploadedFile[Any]]) -> list[Attached]:
    """Of those that were asked for, once all else is checked: what comes to nothing behind this the store's
    sweep takes away. Raises ValidationError, also while the store is away."""
    found = []
    for one in questions:
        file = files.get(one.name)
        if one.kind != Kind.FILE or file is None:
            continue
        try:
            found.append(
                Attached(one.label, checked_name(file.name or ""), store_whole(cast("IO[bytes]", file)))
            )
        except StoreUnavailable:
            raise ValidationError({one.name: _("Files cannot be taken just now: try again later.")}) from None
    return found


def _refused(said: str, status: int) -> HttpResponse:
    return JsonResponse({"refused": said}, status=status)


@require_GET
@login_not_required
def embed(request: HttpRequest, public_id: str) -> HttpResponse:
    """The script of the snippet: puts the page into a frame where the snippet stands, as high as it is."""
    form = WebForm.objects.open().filter(token=public_id).first()
    if form is None:
        raise Http404
    script = _EMBED.replace("ADDRESS", request.build_absolute_uri(form.get_absolute_url()))
    return HttpResponse(script, content_type="text/javascript; charset=utf-8")


# The token and the portal's own host are all that is put in: neither can hold a quotation mark.
_EMBED = """\
(() => {
  const script = document.currentScript;
  const address = new URL("ADDRESS");
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (name.startsWith("utm_")) address.searchParams.set(name, value);
  }
  address.searchParams.set("page", location.href.slice(0, 400));
  const frame = document.createElement("iframe");
  frame.src = address;
  frame.title = document.title;
  frame.style.cssText = "width:100%;border:0;height:480px";
  script.after(frame);
  addEventListener("message", ({ origin, source, data }) => {
    if (origin !== address.origin || source !== frame.contentWindow) return;
    if (Number.isFinite(data?.korobkaFormHeight)) frame.style.height = `${data.korobkaFormHeight}px`;
  });
})();
"""
