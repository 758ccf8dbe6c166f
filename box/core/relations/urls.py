from django.urls import path

from box.core.relations import views

app_name = "relations"
urlpatterns = [
    path("relations/<str:kind>/<int:pk>/", views.relations, name="relations"),
    path("relations/<str:kind>/<int:pk>/<str:other_kind>/<int:other_pk>/", views.relation, name="relation"),
]
