from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig


class Room(AppConfig):
    """The base of every app of the portal: its handlers and jobs are there once Django has started."""

    def __init_subclass__(cls) -> None:
        # apps.py of a room also holds the name Room: tells Django which of the two it is about.
        cls.default = True

    def ready(self) -> None:
        for module in ("handlers", "jobs"):
            if find_spec(f"{self.name}.{module}"):
                import_module(f"{self.name}.{module}")
        self.offer()

    def offer(self) -> None:
        """Adds to `registry.capabilities` what this room offers."""


class RegistryConfig(Room):
    name = "box.core.registry"

    def offer(self) -> None:
        from django.db.models import fields
        from django.utils.translation import gettext_lazy as _

        import box.core.registry.company
        import box.core.registry.services  # noqa: F401 - both add their settings
        from box.core.registry.capabilities import read_with_person
        from box.core.registry.metrics import request_metrics, sources
        from box.core.registry.settings import current_version

        sources.add("requests", request_metrics)
        # Django's own is no word of ours, and has no translation.
        fields.BLANK_CHOICE_LABEL = _("choose")
        read_with_person.add("settings_version", current_version())
