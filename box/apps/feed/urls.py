from django.urls import path

from box.apps.feed import badges, drafting, filing, reacting, views, waiting

app_name = "feed"
urlpatterns = [
    path("feed/", views.feed, name="list"),
    path("feed/news/", views.news, name="news"),
    path("feed/people/", views.people, name="people"),
    path("feed/audiences/", views.audiences, name="audiences"),
    path("feed/<int:pk>/", views.post, name="post"),
    path("feed/<int:pk>/restoration/", views.restoration, name="restoration"),
    path("feed/<int:pk>/menu/", views.menu, name="menu"),
    path("feed/<int:pk>/text/", views.text, name="text"),
    path("feed/<int:pk>/vote/", views.vote, name="vote"),
    path("feed/<int:pk>/reading/", views.reading, name="reading"),
    path("feed/<int:pk>/readers/", views.readers, name="readers"),
    path("feed/<int:pk>/versions/", views.versions, name="versions"),
    path("feed/<int:pk>/favourite/", views.favourite, name="favourite"),
    path("feed/<int:pk>/hiding/", views.hiding, name="hiding"),
    path("feed/<int:pk>/following/", views.following, name="following"),
    path("feed/<int:pk>/pin/", views.pin, name="pin"),
    path("feed/comments/<int:pk>/", views.comment, name="comment"),
    path("feed/<int:pk>/comments/", views.comments, name="comments"),
    path("feed/<int:pk>/comments/news/", views.comment_news, name="comment-news"),
    path("feed/<int:pk>/reaction/", views.reaction, name="reaction"),
    path("feed/thanks/", badges.thanks, name="thanks"),
    path("feed/thanks/<int:pk>/", badges.thanks_to, name="thanks-to"),
    path("feed/badges/", badges.badges, name="badges"),
    path("feed/badges/<int:pk>/", badges.badge, name="badge"),
    path("feed/badges/pictures/<int:pk>/", badges.picture, name="badge-picture"),
    path("feed/views/", filing.views, name="views"),
    path("feed/views/<int:pk>/", filing.view, name="view"),
    path("feed/scheduled/", waiting.scheduled, name="scheduled"),
    path("feed/scheduled/<int:pk>/", waiting.scheduled_post, name="scheduled-post"),
    path("feed/scheduled/<int:pk>/publication/", waiting.publication, name="publication"),
    path("feed/drafts/<slug:place>/", drafting.draft, name="draft"),
    path("feed/<int:pk>/emoji/", reacting.emoji, name="emoji"),
]
