from django.urls import path

from box.core.history import views

app_name = "history"
urlpatterns = [path("history/<str:kind>/<int:pk>/", views.history, name="history")]
