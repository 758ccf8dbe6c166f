from django.urls import path

from box.core.structure import views

app_name = "structure"
urlpatterns = [
    path("structure/", views.structure, name="structure"),
    path("structure/chart/", views.chart, name="chart"),
    path("structure/undo/", views.undoing, name="undo"),
    path("structure/departments/", views.departments, name="departments"),
    path("structure/departments/<int:pk>/", views.department, name="department"),
    path("structure/departments/<int:pk>/people/", views.people, name="department-people"),
    path("structure/departments/<int:pk>/name/", views.name, name="name"),
    path("structure/departments/<int:pk>/place/", views.place, name="place"),
    path("structure/departments/<int:pk>/merger/", views.merger, name="merger"),
    path("structure/departments/<int:pk>/members/", views.members, name="members"),
    path("structure/memberships/<int:pk>/", views.membership, name="membership"),
    path("structure/memberships/<int:pk>/transfer/", views.transfer, name="transfer"),
]
