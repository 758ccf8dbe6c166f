from django.utils.translation import gettext_lazy as _

from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.auditing import Audited, audited, recorders


class AuditConfig(Room):
    name = "box.core.audit"

    def offer(self) -> None:
        from box.core.audit.access import READ
        from box.core.audit.actions import write_if_logged
        from box.core.audit.presenters import told_of_settings
        from box.core.audit.settings import KEEP_DAYS, SYSLOG
        from box.core.portal.events import CalendarChanged, SettingsChanged
        from box.core.registry.settings import Section, sections, settings

        sections.add("audit", Section(_("Audit log"), order=90, needs_proof=True))
        for setting in (KEEP_DAYS, SYSLOG):
            settings.add(setting.key, setting)
        rights.add(READ, Right("console", _("Read the audit log")))
        recorders.add("audit", write_if_logged)
        changed = Audited(
            _("changed settings: %(changes)s"), event=SettingsChanged, words={"changes": told_of_settings}
        )
        audited.add("portal.settings", changed)
        audited.add(
            "portal.calendar",
            Audited(_("decided about %(on)s in the working calendar: %(kind)s"), event=CalendarChanged),
        )
        audited.add("audit.exported", Audited(_("exported the audit log")))
