"""The portal with one page more: the ceiling that its own pages are measured against."""

from box.settings import *  # noqa: F403 - a settings module is its names

ROOT_URLCONF = "tests.bench.urls"
