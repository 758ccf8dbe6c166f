from django.urls import path

from box.core.imports import views

app_name = "imports"
urlpatterns = [
    path("imports/<int:pk>/", views.run, name="run"),
    path("imports/<int:pk>/reading/", views.reading, name="reading"),
    path("imports/<int:pk>/problems/", views.problems, name="problems"),
    path("imports/<int:pk>/undoing/", views.undoing, name="undoing"),
    path("imports/<str:key>/", views.imports, name="imports"),
]
