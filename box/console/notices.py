"""What the console tells people."""

from django.utils.translation import gettext_lazy as _

from box.core.registry.notices import Notice, Topic

BACKUPS = Topic("console.backups", _("How backups are"), by_mail=True)
BACKUPS_CHANGED = Topic(
    "console.backups_changed", _("Who can open the backups"), by_mail=True, is_always=True
)
RETRIEVALS_ASKED = Topic("console.retrievals_asked", _("Who asks to get something back"), by_mail=True)
RETRIEVALS = Topic("console.retrievals", _("What you asked to get back"), by_mail=True)

CLUSTER = Topic("console.cluster", _("How the nodes are"), by_mail=True)

DIRECTORY = Topic("console.directory", _("How the directories are"), by_mail=True)

ILL = Notice("console.backups_ill", _("Backups need you: %(about)s"), BACKUPS)
WELL = Notice("console.backups_well", _("Backups: %(about)s"), BACKUPS)
CLUSTER_ILL = Notice("console.cluster_ill", _("The nodes need you: %(about)s"), CLUSTER)
CLUSTER_WELL = Notice("console.cluster_well", _("The nodes: %(about)s"), CLUSTER)
DIRECTORY_ILL = Notice("console.directory_ill", _("The directories need you: %(about)s"), DIRECTORY)
DIRECTORY_WELL = Notice("console.directory_well", _("The directories: %(about)s"), DIRECTORY)
CHANGED = Notice(
    "console.backups_changed",
    _("Who can open the backups may have changed. %(about)s"),
    BACKUPS_CHANGED,
)
ASKED = Notice(
    "console.retrieval_asked", _("%(actor)s asks to get something back: %(about)s"), RETRIEVALS_ASKED
)
REFUSED = Notice(
    "console.retrieval_refused",
    _("%(actor)s refused your request to get something back: %(about)s"),
    RETRIEVALS,
)
LOOKED = Notice("console.retrieval_looked", _("The backup was looked through for you: %(about)s"), RETRIEVALS)
OVER = Notice(
    "console.retrieval_over",
    _("Your request to get something back came to nothing: %(about)s"),
    RETRIEVALS,
)
