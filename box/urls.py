"""Every address of the portal. What is under /push/ is answered by another program, see box/asgi.py."""

from django.urls import URLPattern, URLResolver, include, path

from box.console import metrics
from box.core.registry import errors
from box.lib.routing import rooms

_rooms: list[URLPattern | URLResolver] = [
    path("", include("box.core.portal.urls")),
    path("", include("box.core.accounts.urls")),
    path("", include("box.core.fields.urls")),
    path("", include("box.core.files.urls")),
    path("", include("box.core.lists.urls")),
    path("", include("box.core.drafts.urls")),
    path("", include("box.core.imports.urls")),
    path("", include("box.core.relations.urls")),
    path("", include("box.core.structure.urls")),
    path("", include("box.core.people.urls")),
    path("", include("box.core.groups.urls")),
    path("", include("box.core.discussion.urls")),
    path("", include("box.core.notify.urls")),
    path("", include("box.core.search.urls")),
    path("", include("box.core.history.urls")),
    path("", include("box.bridges.dav.urls")),
    path("", include("box.bridges.directory.urls")),
    path("", include("box.apps.feed.urls")),
    path("", include("box.apps.drive.urls")),
    path("", include("box.apps.calendar.urls")),
    path("", include("box.apps.worktime.urls")),
    path("", include("box.apps.crm.urls")),
    path("", include("box.apps.tasks.urls")),
    path("", include("box.apps.calls.urls")),
    path("", include("box.apps.pulse.urls")),
    path("", include("box.rest.urls")),
    path("", include("box.console.backups.own_urls")),
    path("", include("box.transfer.own_urls")),
    path("metrics", metrics.show, name="metrics"),
    path("console/", include("box.console.urls")),
    path("console/migrations/", include("box.transfer.urls")),
]
urlpatterns = [rooms(_rooms)]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.page_not_found
handler500 = errors.server_error
