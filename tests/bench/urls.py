from django.urls import URLPattern, URLResolver, path

from box.urls import *  # noqa: F403 - the portal's own pages, its error pages too
from box.urls import urlpatterns as portal
from tests.bench.ceiling import ceiling

urlpatterns: list[URLPattern | URLResolver] = [*portal, path("ceiling/", ceiling)]
