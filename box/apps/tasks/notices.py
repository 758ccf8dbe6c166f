"""What people are told of tasks."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

GIVEN_TO_ME = Topic("tasks.given", _("Tasks that you are given"), by_mail=True)
CHANGES = Topic("tasks.changes", _("What becomes of your tasks"))
DUE = Topic("tasks.due", _("Deadlines and reminders of tasks"))
TALK = Topic("tasks.comments", _("Comments on your tasks"))
DAY = Topic("tasks.day", _("In the morning: what is due today"))

GIVEN = Notice("tasks.given", _("%(actor)s gave you the task %(about)s"), GIVEN_TO_ME)
HELPS = Notice("tasks.helps", _("%(actor)s asks you to help with the task %(about)s"), GIVEN_TO_ME)
WATCHES = Notice("tasks.watches", _("%(actor)s shows you the task %(about)s"), CHANGES)
PASSED_ON = Notice("tasks.passed-on", _("%(actor)s passed the task on: %(about)s"), CHANGES)
SUBMITTED = Notice("tasks.submitted", _("%(actor)s asks you to accept what was done: %(about)s"), CHANGES)
COMPLETED = Notice("tasks.completed", _("%(actor)s completed the task %(about)s"), CHANGES)
ACCEPTED = Notice("tasks.accepted", _("%(actor)s accepted what you have done: %(about)s"), CHANGES)
RETURNED = Notice("tasks.returned", _("%(actor)s returned the task %(about)s"), CHANGES)
MOVED = Notice("tasks.moved", _("%(actor)s moved the deadline: %(about)s"), CHANGES)
ASSIGNED = Notice("tasks.assigned", _("%(actor)s gave you a line of the list of %(about)s"), GIVEN_TO_ME)
OVERDUE = Notice("tasks.overdue", _("The deadline has passed: %(about)s"), DUE)
REMINDER = Notice("tasks.reminder", _("You wanted to be reminded: %(about)s"), DUE)
COMMENTED = Notice("tasks.commented", _("%(actor)s commented on the task %(about)s"), TALK)
MENTIONED = Notice("tasks.mentioned", _("%(actor)s called you in a comment on the task %(about)s"), TALK)
STOPPED = Notice("tasks.stopped", _("Its tasks could not be given, and it has stopped: %(about)s"), CHANGES)
TODAY = Notice("tasks.today", _("Your tasks for today: %(about)s"), DAY)
