from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from django.apps import AppConfig

# What these modules of a room declare is known once Django has started, without another word.
REACTING = ("handlers", "jobs")
DECLARING = ("api", "auditing", "belongings", "export", "notices")


class Room(AppConfig):
    """The base of every app of the portal.

    Its handlers and jobs are loaded; `declare()` of its api, auditing and export is called; its BELONGINGS
    and all of its notices are offered. What else it offers it says in `offer`.
    """

    def __init_subclass__(cls) -> None:
        # apps.py of a room also holds the name Room: tells Django which of the two it is about.
        cls.default = True

    def ready(self) -> None:
        for name in (*REACTING, *DECLARING):
            if find_spec(f"{self.name}.{name}"):
                self._declare(import_module(f"{self.name}.{name}"))
        self.offer()

    def _declare(self, module: ModuleType) -> None:
        from box.core.registry.belongings import belongings
        from box.core.registry.notices import offer_notices

        if module.__name__.endswith(".notices"):
            offer_notices(module)
        if hasattr(module, "BELONGINGS"):
            belongings.add(self.name.rpartition(".")[2], module.BELONGINGS)
        if hasattr(module, "declare"):
            module.declare()

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
