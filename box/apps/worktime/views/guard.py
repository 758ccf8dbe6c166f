"""Who gets to these pages at all."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import Http404

from box.apps.worktime.access import has_working_day

if TYPE_CHECKING:
    from collections.abc import Callable


def for_employees[**P, R](view: Callable[P, R]) -> Callable[P, R]:
    """An outside guest has no working day, and no such pages."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        request: Any = args[0]
        if not has_working_day(request.user):
            raise Http404
        return view(*args, **kwargs)

    return guarded
