from box.core.registry.apps import Room


class FilesConfig(Room):
    name = "box.core.files"
