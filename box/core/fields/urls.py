from django.urls import path

from box.core.fields import views

app_name = "fields"
urlpatterns = [path("fields/options/<str:kind>/", views.options, name="options")]
