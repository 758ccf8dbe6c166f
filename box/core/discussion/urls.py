from django.urls import path

from box.core.discussion import views

app_name = "discussion"
urlpatterns = [
    path("discussion/people/", views.people, name="people"),
    path("discussion/comments/<int:pk>/", views.comment, name="comment"),
    path("discussion/comments/<int:pk>/replies/", views.replies, name="replies"),
    path("discussion/<str:kind>/<int:pk>/comments/", views.comments, name="comments"),
    path("discussion/<str:kind>/<int:pk>/comments/news/", views.news, name="news"),
    path("discussion/<str:kind>/<int:pk>/reaction/", views.reaction, name="reaction"),
    path("discussion/<str:kind>/<int:pk>/emoji/", views.emoji, name="emoji"),
]
