from django.urls import path

from box.apps.tasks.views import listing, lookup, tasks

app_name = "tasks"
urlpatterns = [
    path("tasks/", listing.tasks, name="list"),
    path("tasks/news/", listing.news, name="news"),
    path("tasks/quick/", listing.quick, name="quick"),
    path("tasks/trash/", listing.trash, name="trash"),
    path("tasks/people/", lookup.people, name="people"),
    path("tasks/new/", tasks.new, name="new"),
    path("tasks/<int:pk>/", tasks.task, name="task"),
    path("tasks/<int:pk>/edit/", tasks.edit, name="edit"),
    path("tasks/<int:pk>/restoration/", tasks.restoration, name="restoration"),
    path("tasks/<int:pk>/step/", tasks.step, name="step"),
    path("tasks/<int:pk>/deadline/", tasks.deadline, name="deadline"),
    path("tasks/<int:pk>/responsible/", tasks.responsible, name="responsible"),
]
