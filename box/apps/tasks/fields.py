"""The fields that a company adds to tasks."""

from django.utils.translation import gettext_lazy as _

from box.core.fields.sets import FieldSet

TASK_FIELDS = FieldSet("tasks.task", _("Fields of tasks"), _("What your company notes of every task."))
