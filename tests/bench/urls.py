from django.urls import URLPattern, URLResolver, path

from box.urls import handler400, handler403, handler404, handler500
from box.urls import urlpatterns as portal
from tests.bench.ceiling import ceiling

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns: list[URLPattern | URLResolver] = [*portal, path("ceiling/", ceiling)]
