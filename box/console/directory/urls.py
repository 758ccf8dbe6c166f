from django.urls import path

from box.console.directory import conflicts, connections, groups, mapping, runs, tree, views

app_name = "directory"
urlpatterns = [
    path("", views.connections, name="list"),
    path("explanation/", views.explanation, name="explanation"),
    path("new/", connections.new, name="new"),
    path("<int:pk>/", views.overview, name="overview"),
    path("<int:pk>/connection/", connections.connection, name="connection"),
    path("<int:pk>/mapping/", mapping.mapping, name="mapping"),
    path("<int:pk>/groups/", groups.groups, name="groups"),
    path("<int:pk>/groups/found/", groups.found, name="found-groups"),
    path("<int:pk>/rules/", mapping.rules, name="rules"),
    path("<int:pk>/sign-in/", mapping.sign_in, name="sign-in"),
    path("<int:pk>/tree/", tree.tree, name="tree"),
    path("<int:pk>/entry/", tree.entry, name="entry"),
    path("<int:pk>/conflicts/", conflicts.conflicts, name="conflicts"),
    path("conflicts/<int:pk>/link/", conflicts.linking, name="linking"),
    path("conflicts/<int:pk>/separation/", conflicts.separation, name="separation"),
    path("people/<int:pk>/unlinking/", conflicts.unlinking, name="unlinking"),
    path("<int:pk>/schedule/", views.schedule, name="schedule"),
    path("<int:pk>/runs/", runs.begin, name="runs"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/confirmation/", runs.confirmation, name="confirmation"),
    path("runs/<int:pk>/cancellation/", runs.cancellation, name="cancellation"),
    path("runs/<int:pk>/answer/", runs.guard, name="answer"),
]
