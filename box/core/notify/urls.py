from django.urls import path

from box.core.notify import views

app_name = "notify"
urlpatterns = [
    path("notifications/", views.notifications, name="list"),
    path("notifications/unread/", views.unread, name="unread"),
    path("notifications/reading/", views.reading, name="reading"),
    path("notifications/settings/", views.preferences, name="preferences"),
    path("notifications/<int:pk>/", views.thing, name="thing"),
    path("notifications/<int:pk>/reading/", views.reading_of, name="reading-of"),
    path("letters/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
