from box.core.registry.apps import Room


class FieldsConfig(Room):
    name = "box.core.fields"

    def offer(self) -> None:
        from box.core.registry.capabilities import Assets, assets

        assets.add("fields", Assets(scripts=("fields/inputs.js",)))
