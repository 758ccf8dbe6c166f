from django.utils.translation import gettext_lazy as _

from box.core.access.principals import expanders
from box.core.access.rights import Right, rights
from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    MenuEntry,
    after_restore,
    assets,
    calendar_layers,
    callers,
    card_routes,
    cards,
    demo_shares,
    finders,
    help_pages,
    holdings,
    menu,
    searchables,
)


class CrmConfig(Room):
    name = "box.apps.crm"

    def offer(self) -> None:
        from box.apps.crm.access import ADMINISTER, IMPORT
        from box.apps.crm.belongings import HOLDINGS
        from box.apps.crm.callers import CALLERS
        from box.apps.crm.custom_fields import SETS, own_sets
        from box.apps.crm.field_rights import GUARD
        from box.apps.crm.importing.importers import IMPORTERS, own_importer
        from box.apps.crm.layers import NEXT_STEPS
        from box.apps.crm.permissions import codes_from_roles, may_enter
        from box.apps.crm.robots.letters import answers_to
        from box.apps.crm.settings import ALL, SECTION
        from box.apps.crm.setup import PAGES
        from box.apps.crm.setup.auditing import declare
        from box.core.fields.guards import guards
        from box.core.fields.sets import field_sets, further_sets
        from box.core.imports.importers import further_importers, importers
        from box.core.registry.enclosures import answerers
        from box.core.registry.services import Service, services
        from box.core.registry.settings import Section, sections, settings

        services.add("crm", Service(_("CRM"), _("Leads, deals and clients, with what comes next for each.")))
        entry = MenuEntry(
            key="crm", label=_("CRM"), icon="heart-handshake", url_name="crm:home", order=60, is_for=may_enter
        )
        menu.add(entry.key, entry)
        assets.add("crm", Assets(("crm/crm.css",), ("crm/crm.js",)))
        expanders.add("crm", codes_from_roles)
        declare()
        for name in PAGES:
            help_pages.add(f"crm:{name}", "crm-settings")
        self._offer_objects()
        callers.add("crm", CALLERS)
        sections.add(SECTION, Section(_("CRM"), order=62))
        for setting in ALL:
            settings.add(setting.key, setting)
        answerers.add("crm.robot", answers_to)
        calendar_layers.add("crm.steps", NEXT_STEPS)
        holdings.add("crm", HOLDINGS)
        rights.add(ADMINISTER, Right("crm", _("Set up the CRM: pipelines, lists, robots, permissions")))
        rights.add(IMPORT, Right("crm", _("Import tables into the CRM")))
        for one in SETS.values():
            field_sets.add(one.key, one)
        further_sets.add("crm", own_sets)
        guards.add("crm", GUARD)
        for importer in IMPORTERS:
            importers.add(importer.key, importer)
        further_importers.add("crm", own_importer)

    def _offer_objects(self) -> None:
        """Records as others meet them: a kind for each type that the box brings, one for a company's own."""
        from box.apps.crm.cards import cards_of_kind, discussed_as, finder_of
        from box.apps.crm.codes import CODES
        from box.apps.crm.demo import sell
        from box.apps.crm.history import redactor
        from box.apps.crm.models.types import ANY_RECORD, BUILT_IN
        from box.apps.crm.robots.webhooks import discard_waiting
        from box.apps.crm.searching import RECORDS
        from box.core.discussion.threads import threads
        from box.core.history.redaction import redactors
        from box.core.relations.relatable import codes_of_programs

        for slug in BUILT_IN:
            cards.add(f"crm.{slug}", cards_of_kind(f"crm.{slug}"))
            finders.add(f"crm.{slug}", finder_of(slug))
        cards.add(ANY_RECORD, cards_of_kind(ANY_RECORD))
        card_routes.add("crm:record", ANY_RECORD)
        for kind in (*(f"crm.{slug}" for slug in BUILT_IN), ANY_RECORD):
            threads.add(kind, discussed_as(kind))
            redactors.add(kind, redactor)
        codes_of_programs.add("crm", CODES)
        searchables.add(ANY_RECORD, RECORDS)
        demo_shares.add("crm", sell)
        after_restore.add("crm.robot-calls", discard_waiting)
