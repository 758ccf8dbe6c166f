from django.utils.translation import gettext_lazy as _

from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    MenuEntry,
    Widget,
    assets,
    at_work,
    cards,
    demo_shares,
    menu,
    widgets,
)


class WorktimeConfig(Room):
    name = "box.apps.worktime"

    def offer(self) -> None:
        from box.apps.worktime import access
        from box.apps.worktime import cards as own
        from box.apps.worktime.demo import work
        from box.apps.worktime.export import EXPORTED
        from box.apps.worktime.models import CORRECTION, DAY, REPORT
        from box.apps.worktime.presenters import scheduled_now
        from box.apps.worktime.settings import ALL
        from box.core.registry.auditing import Audited, audited
        from box.core.registry.services import Service, services
        from box.core.registry.settings import Section, sections, settings

        entry = MenuEntry(
            key="worktime",
            label=_("My time"),
            icon="clock",
            url_name="worktime:home",
            order=80,
            is_for=access.has_working_day,
        )
        menu.add(entry.key, entry)
        audited.add(EXPORTED, Audited(_("exported the working days of %(month)s (%(format)s) %(about)s")))
        widgets.add("worktime", Widget("worktime/widget.html", order=10, is_for=access.has_working_day))
        assets.add("worktime", Assets(("worktime/worktime.css",), ("worktime/clock.js",)))
        services.add(
            "worktime",
            Service(_("Working day"), _("The clock above every page, work reports and schedules.")),
        )
        sections.add("worktime", Section(_("Working day"), order=60))
        for setting in ALL:
            settings.add(setting.key, setting)
        rights.add(access.SEE_ALL, Right("worktime", _("See the working days of everybody")))
        rights.add(access.SCHEDULE, Right("worktime", _("Set up work schedules")))
        rights.add(access.DECIDE_ALL, Right("worktime", _("Decide on corrections and reports of everybody")))
        cards.add(DAY, own.day_cards)
        cards.add(CORRECTION, own.correction_cards)
        cards.add(REPORT, own.report_cards)
        demo_shares.add("worktime", work)
        at_work.add("worktime", scheduled_now)
