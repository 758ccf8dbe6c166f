"""What people are told of groups."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

INVITATIONS = Topic("groups.invitations", _("Invitations to groups"), by_mail=True)
MEMBERSHIP = Topic("groups.membership", _("Requests and members of groups"))

INVITED = Notice("groups.invited", _("%(actor)s invites you to the group %(about)s"), INVITATIONS)
ASKED = Notice("groups.asked", _("%(actor)s asks to join the group %(about)s"), MEMBERSHIP)
ACCEPTED = Notice("groups.accepted", _("%(actor)s accepted you into the group %(about)s"), MEMBERSHIP)
HANDED_OVER = Notice(
    "groups.handed-over", _("%(actor)s made you the owner of the group %(about)s"), MEMBERSHIP
)
