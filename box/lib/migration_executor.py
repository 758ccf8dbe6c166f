"""Migrations without the square of their models.

Django renders the models of a state anew whenever one of them changes, with all that are related to it,
however far: here, where everything leads to people, nearly all of them. Nine tenths of the minute in which a
new box got its tables were spent on classes that nobody asked for. What an operation does to the database it
reads from the model that it changes; so that one alone is rendered, and all of them before code is given them
(`RunPython`).
"""

from __future__ import annotations

from typing import Any, override

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState


class LeanState(ProjectState):
    @override
    def reload_model(self, app_label: str, model_name: str, delay: bool = False) -> None:
        """`delay` is Django's word for a change that no relation hangs on; none hangs on a new model either.
        Of such a state its models are rendered anew before anybody looks at their relations."""
        if "apps" not in self.__dict__:
            return
        if not delay and model_name in self.apps.all_models[app_label]:
            super().reload_model(app_label, model_name, delay)
            return
        self.is_delayed = True
        with self.apps.bulk_update():
            self.apps.unregister_model(app_label, model_name)
        self.apps.render_multiple([self.models[app_label, model_name]])


class LeanExecutor(MigrationExecutor):
    """Forwards; the way back is Django's own."""

    def _migrate_all_forwards(self, state: ProjectState, *args: Any, **options: Any) -> ProjectState:
        lean = LeanState(state.models, state.real_apps)
        migrated: ProjectState = super()._migrate_all_forwards(lean, *args, **options)  # type: ignore[misc]
        return migrated
