"""What the stack can do at best: three indexed queries, and fifty rows rendered by the same engine."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import engines

from box.apps.feed.models import Post
from box.core.accounts.models import User
from box.core.structure.models import Department

ROWS = 50
PAGE = engines["jinja2"].from_string(
    """<!doctype html><title>Ceiling</title>
{% for post in posts %}<p><a href="/feed/{{ post.pk }}/">{{ post.text }}</a> {{ post.created_at }}</p>
{% endfor %}{{ person }} {{ department }}"""
)


def ceiling(request: HttpRequest) -> HttpResponse:
    posts = list(Post.objects.order_by("-id")[:ROWS])
    person = User.objects.order_by("-id").first()
    department = Department.objects.order_by("-id").first()
    return HttpResponse(PAGE.render({"posts": posts, "person": person, "department": department}, request))
