"""What people send about groups."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from box.core.groups.actions import NewGroup, NewGuest
from box.core.groups.models import Group


class GroupForm(forms.ModelForm[Group]):
    class Meta:
        model = Group
        fields = ("name", "description", "kind")
        widgets = {"kind": forms.RadioSelect, "description": forms.Textarea(attrs={"rows": 3})}

    def new_group(self) -> NewGroup:
        return NewGroup(**self.cleaned_data)


class GuestForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"), max_length=254)
    first_name = forms.CharField(label=_("First name"), max_length=100, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=100, required=False)
    expires_on = forms.DateField(
        label=_("Until and including"),
        help_text=_(
            "After this day they no longer see the group. Invite them again to let them stay longer."
        ),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def new_guest(self) -> NewGuest:
        return NewGuest(**self.cleaned_data)
