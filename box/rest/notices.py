"""What administrators are told of integrations."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

STOPPED = Topic("rest", _("Integrations that stopped"), by_mail=True)

PAUSED = Notice(
    "rest.paused",
    _("For days nothing reached %(about)s: it is told of nothing until you resume it."),
    STOPPED,
)
