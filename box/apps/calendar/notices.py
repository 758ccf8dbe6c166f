"""What calendars tell people."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

INVITATIONS = Topic("calendar.invitations", _("Invitations to events and changes to them"), by_mail=True)
ANSWERS = Topic("calendar.answers", _("Answers to your invitations"))
REMINDERS = Topic("calendar.reminders", _("Reminders of events"))
APPOINTMENTS = Topic(
    "calendar.appointments", _("What people outside book on your booking pages"), by_mail=True
)
ROOMS = Topic("calendar.rooms", _("Rooms that need approval: requests and answers"), by_mail=True)
RECORDS = Topic("calendar.records", _("Records of meetings"), by_mail=True)

INVITED = Notice("calendar.invited", _("%(actor)s invites you to %(about)s"), INVITATIONS)
MOVED = Notice(
    "calendar.moved", _("%(actor)s moved %(about)s to another time: please answer again"), INVITATIONS
)
CHANGED = Notice("calendar.changed", _("%(actor)s changed %(about)s"), INVITATIONS)
CANCELLED = Notice("calendar.cancelled", _("%(actor)s cancelled %(about)s"), INVITATIONS)
ACCEPTED = Notice("calendar.accepted", _("%(actor)s comes to %(about)s"), ANSWERS)
TENTATIVE = Notice("calendar.tentative", _("%(actor)s may come to %(about)s"), ANSWERS)
DECLINED = Notice("calendar.declined", _("%(actor)s does not come to %(about)s"), ANSWERS)
GUEST_ACCEPTED = Notice("calendar.guest-accepted", _("Somebody from outside comes to %(about)s"), ANSWERS)
GUEST_TENTATIVE = Notice(
    "calendar.guest-tentative", _("Somebody from outside may come to %(about)s"), ANSWERS
)
GUEST_DECLINED = Notice(
    "calendar.guest-declined", _("Somebody from outside does not come to %(about)s"), ANSWERS
)
REMINDER = Notice("calendar.reminder", _("Coming up: %(about)s"), REMINDERS)
ROOM_ASKED = Notice("calendar.room-asked", _("%(actor)s asks for %(about)s"), ROOMS)
ROOM_APPROVED = Notice("calendar.room-approved", _("%(actor)s has approved %(about)s"), ROOMS)
ROOM_REFUSED = Notice("calendar.room-refused", _("%(actor)s has refused %(about)s: see why"), ROOMS)
RECORD = Notice("calendar.record", _("%(actor)s sends the record of %(about)s"), RECORDS)
BOOKED = Notice("calendar.booked", _("Somebody from outside has booked %(about)s"), APPOINTMENTS)
REBOOKED = Notice(
    "calendar.rebooked", _("Somebody from outside has chosen another time for %(about)s"), APPOINTMENTS
)
UNBOOKED = Notice("calendar.unbooked", _("Somebody from outside has cancelled %(about)s"), APPOINTMENTS)
