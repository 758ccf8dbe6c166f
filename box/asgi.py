"""The push service's entry: the only asynchronous part of the portal."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "box.settings")
django.setup()

from box.core.push.service import application  # noqa: E402 - its models need Django to be set up

__all__ = ["application"]
