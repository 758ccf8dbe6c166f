from box.core.registry.apps import Room


class AccountsConfig(Room):
    name = "box.core.accounts"
