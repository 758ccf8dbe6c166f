from box.core.registry.apps import Room
from box.core.registry.capabilities import demo_shares


class AccountsConfig(Room):
    name = "box.core.accounts"

    def offer(self) -> None:
        from box.core.accounts.demo import hire

        demo_shares.add("accounts", hire)
