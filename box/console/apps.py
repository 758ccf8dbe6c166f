from django.utils.translation import gettext_lazy as _

from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.auditing import audited
from box.core.registry.capabilities import (
    Assets,
    MenuEntry,
    assets,
    cards,
    console_pages,
    menu,
    own_pages,
)


class ConsoleConfig(Room):
    name = "box.console"

    def offer(self) -> None:
        from box.console.access import (
            BACKUPS,
            DIRECTORY,
            RESTART,
            SEE,
            can_ask_back,
            can_connect_directories,
            can_look_after_backups,
            can_upgrade,
            can_use_console,
        )
        from box.console.actions import BULLETIN, CHANGE
        from box.console.audit.operations import OPERATIONS_ASKED
        from box.console.backups.agent import memory
        from box.console.backups.cards import RETRIEVAL, bulletin_cards, change_cards, retrieval_cards
        from box.console.jobs import look_after_retrievals, take_over_record, watch_backups
        from box.console.metrics import cluster_metrics, machine_metrics
        from box.core.accounts.access import can_edit_roles
        from box.core.audit.access import can_read
        from box.core.events.node_jobs import node_jobs
        from box.core.portal.access import can_change_settings
        from box.core.registry.metrics import sources

        node_jobs.add("the log of the machine", take_over_record)
        node_jobs.add("backups", watch_backups)
        node_jobs.add("retrievals", look_after_retrievals)
        sources.add("machine", machine_metrics)
        sources.add("cluster", cluster_metrics)

        # Whoever reads the audit log and nothing else of the console comes to it from the menu.
        reader = MenuEntry(
            key="audit",
            label=_("Audit log"),
            icon="history",
            url_name="console:audit",
            order=101,
            is_for=lambda user: can_read(user) and not can_use_console(user),
        )
        menu.add(reader.key, reader)
        assets.add("console", Assets(("console/backups.css",), ("console/print.js",)))
        cards.add(BULLETIN, bulletin_cards)
        cards.add(CHANGE, change_cards)
        audited.add("audit.agent", OPERATIONS_ASKED)
        cards.add(RETRIEVAL, retrieval_cards)
        own = MenuEntry(
            key="retrievals",
            label=_("Get something back"),
            icon="arrow-back-up",
            url_name="retrievals:list",
            order=30,
            is_for=lambda user: can_ask_back(user) and memory.is_set_up(),
        )
        own_pages.add(own.key, own)
        rights.add(SEE, Right("console", _("See how the box is, and its logs")))
        rights.add(RESTART, Right("console", _("Restart services")))
        rights.add(BACKUPS, Right("console", _("See, make and verify backups")))
        rights.add(DIRECTORY, Right("console", _("Connect directories, and import people from them")))
        entry = MenuEntry(
            key="console",
            label=_("Console"),
            icon="server-cog",
            url_name="console:health",
            order=100,
            is_for=can_use_console,
        )
        menu.add(entry.key, entry)
        for page in (
            MenuEntry(
                key="health",
                label=_("Health"),
                icon="heartbeat",
                url_name="console:health",
                order=10,
                is_for=can_use_console,
            ),
            MenuEntry(
                key="cluster",
                label=_("Nodes"),
                icon="topology-star-3",
                url_name="console:cluster",
                order=12,
                is_for=can_use_console,
            ),
            MenuEntry(
                key="backups",
                label=_("Backups"),
                icon="database-export",
                url_name="console:backups",
                order=15,
                is_for=can_look_after_backups,
            ),
            MenuEntry(
                key="settings",
                label=_("Settings"),
                icon="settings",
                url_name="console:settings",
                order=20,
                is_for=can_change_settings,
            ),
            MenuEntry(
                key="directory",
                label=_("Directories"),
                icon="address-book",
                url_name="console:directory:list",
                order=50,
                is_for=can_connect_directories,
            ),
            MenuEntry(
                key="roles",
                label=_("Roles"),
                icon="shield-lock",
                url_name="console:roles",
                order=60,
                is_for=can_edit_roles,
            ),
            MenuEntry(
                key="upgrades",
                label=_("Releases"),
                icon="circle-arrow-up",
                url_name="console:upgrades",
                order=65,
                is_for=can_upgrade,
            ),
            MenuEntry(
                key="audit",
                label=_("Audit log"),
                icon="history",
                url_name="console:audit",
                order=70,
                is_for=can_read,
            ),
        ):
            console_pages.add(page.key, page)
