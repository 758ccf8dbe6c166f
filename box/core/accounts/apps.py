from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room
from box.core.registry.capabilities import (
    Assets,
    LetterWriter,
    after_restore,
    assets,
    cards,
    demo_shares,
    letters,
)


class AccountsConfig(Room):
    name = "box.core.accounts"

    def offer(self) -> None:
        from box.core.access.principals import expanders
        from box.core.access.rights import Right, rights
        from box.core.accounts import policy
        from box.core.accounts.access import EDIT_PEOPLE, codes_of_editors
        from box.core.accounts.browsers import KIND, browser_cards
        from box.core.accounts.custom_fields import PROFILE
        from box.core.accounts.demo import hire
        from box.core.accounts.events import BrowserAppeared, PasswordResetAsked, PersonInvited
        from box.core.accounts.invitations import INVITATION_DAYS
        from box.core.accounts.letters import invitation, new_browser, password_reset
        from box.core.accounts.sessions import end_everybodys
        from box.core.fields.sets import field_sets
        from box.core.registry.settings import Section, sections, settings

        settings.add(INVITATION_DAYS.key, INVITATION_DAYS)
        sections.add("sign_in", Section(_("Signing in"), order=40, needs_proof=True))
        for setting in policy.ALL:
            settings.add(setting.key, setting)
        letters.add("accounts.new_browser", LetterWriter(event=BrowserAppeared, write=new_browser))
        letters.add("accounts.invitation", LetterWriter(event=PersonInvited, write=invitation))
        letters.add("accounts.password_reset", LetterWriter(event=PasswordResetAsked, write=password_reset))
        demo_shares.add("accounts", hire)
        rights.add(EDIT_PEOPLE, Right("company", _("Add, change and dismiss people")))
        expanders.add("accounts", codes_of_editors)
        assets.add("accounts", Assets(scripts=("accounts/passkeys.js",)))
        cards.add(KIND, browser_cards)
        field_sets.add(PROFILE.key, PROFILE)
        after_restore.add("accounts", end_everybodys)
