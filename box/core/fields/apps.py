from django.utils.translation import gettext_lazy as _

from box.core.registry.apps import Room


class FieldsConfig(Room):
    name = "box.core.fields"

    def offer(self) -> None:
        from box.core.fields import auditing
        from box.core.fields.actions import forget_person
        from box.core.registry.capabilities import Assets, Eraser, assets, erasers

        assets.add("fields", Assets(scripts=("fields/inputs.js",)))
        erasers.add(
            "fields",
            Eraser(_("Fields that name them"), _naming, forget_person, reaches=("fields.Value.person",)),
        )
        auditing.declare()


def _naming(person: object) -> list[str]:
    from box.core.fields.models import Field, Value

    fields = Field.objects.filter(pk__in=Value.objects.filter(person=person).values("field"))
    return [field.name for field in fields.order_by("name", "id")[:50]]
