from django.urls import path

from box.core.notify import views

app_name = "notify"
urlpatterns = [
    path("notifications/", views.notifications, name="list"),
    path("notifications/unread/", views.unread, name="unread"),
    path("notifications/reading/", views.reading, name="reading"),
]
