"""Recordings that are due, and those whose time is over."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.apps.calls.actions.recordings import collect_recordings, expire_recordings
from box.apps.calls.actions.setup import follow_profiles
from box.apps.calls.settings import RECORDINGS_KEPT
from box.bridges.telephony.models import Pbx


@db_periodic_task(crontab())
def collect() -> None:
    collect_recordings(now=timezone.now())


@db_periodic_task(crontab(minute="40"))
def follow() -> None:
    for pbx in Pbx.objects.on().exclude(profile_field=""):
        follow_profiles(pbx, by=None)


@db_periodic_task(crontab(hour="3", minute="20"))
def expire() -> None:
    expire_recordings(before=timezone.now() - timedelta(days=RECORDINGS_KEPT.value))
