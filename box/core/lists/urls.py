from django.urls import path

from box.core.lists import views

app_name = "lists"
urlpatterns = [
    path("lists/options/<str:kind>/", views.options, name="options"),
]
