"""For whom these pages are, and what stands above each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from box.apps.crm.access import can_administer
from box.apps.crm.frame import tabs_for
from box.apps.crm.permissions import may_enter
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest

    type View[**P, R] = Callable[Concatenate[PersonRequest, P], R]


@dataclass(frozen=True)
class Page:
    key: str
    label: _StrOrPromise
    icon: str
    url_name: str
    arguments: tuple[str, ...] = ()


PAGES = (
    Page(
        "pipelines", _("Pipelines"), icon="arrow-right", url_name="crm:setup-pipelines", arguments=("deal",)
    ),
    Page("robots", _("Robots"), icon="robot", url_name="crm:setup-robots", arguments=("deal",)),
    Page("types", _("Entities"), icon="box", url_name="crm:setup-types"),
    Page("forms", _("Web forms"), icon="forms", url_name="crm:setup-forms"),
    Page("papers", _("Quotes and invoices"), icon="file-invoice", url_name="crm:setup-papers"),
    Page("products", _("Products"), icon="package", url_name="crm:setup-products"),
    Page(
        "dictionaries",
        pgettext_lazy("what one chooses from", "Lists"),
        icon="list",
        url_name="crm:setup-dictionary",
        arguments=("sources",),
    ),
    Page("fields", _("Fields"), icon="forms", url_name="crm:setup-fields"),
    Page("permissions", _("Permissions"), icon="shield-lock", url_name="crm:setup-permissions"),
)


def may_set_up(user: User) -> bool:
    return may_enter(user) and can_administer(user)


def only_administrators[**P, R: HttpResponseBase](view: View[P, R]) -> View[P, R]:
    """For everybody else there is no such page."""

    @wraps(view)
    def guarded(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if not may_set_up(request.user):
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def setup_page(
    request: PersonRequest, key: str, template: str, context: Mapping[str, Any], *, is_refused: bool = False
) -> HttpResponse:
    frame = {"tabs": tabs_for(request.user), "pages": PAGES, "page": key}
    return render(request, template, {**frame, **context}, status=REFUSED if is_refused else 200)
