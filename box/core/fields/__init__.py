"""Fields that a company defines for itself, for objects of any kind.

DEALS = FieldSet("crm.deal", _("Fields of deals"))        # what an app declares, in `apps.py`:
field_sets.add(DEALS.key, DEALS)

form = FieldsForm(DEALS.fields, request.POST or None, values=values_of(DEALS, deal.pk), by=user)
changes = write_values(DEALS, deal.pk, form.values)       # in an action, with the deal's row locked
shown_of(DEALS, [deal.pk], reader=user)                   # what a page says of them
"""
