from django.urls import path

from box.apps.tasks.views import checklists, gantt, lists, lookup, tasks, templates, time

app_name = "tasks"
urlpatterns = [
    path("tasks/", lists.tasks, name="list"),
    path("tasks/board/<str:way>/", lists.board, name="board"),
    path("tasks/gantt/", gantt.gantt, name="gantt"),
    path("tasks/gantt/undo/", gantt.schedule_undo, name="schedule-undo"),
    path("tasks/dependencies/<int:pk>/", gantt.dependency, name="dependency"),
    path("tasks/news/", lists.news, name="news"),
    path("tasks/quick/", lists.quick, name="quick"),
    path("tasks/trash/", lists.trash, name="trash"),
    path("tasks/time/", time.report, name="time"),
    path("tasks/time/<int:pk>/", time.entry, name="time-entry"),
    path("tasks/clock/", time.clock, name="clock"),
    path("tasks/items/<int:pk>/", checklists.item, name="item"),
    path("tasks/items/<int:pk>/place/", checklists.place, name="item-place"),
    path("tasks/people/", lookup.people, name="people"),
    path("tasks/templates/", templates.templates, name="templates"),
    path("tasks/templates/new/", templates.new, name="new-template"),
    path("tasks/templates/<int:pk>/", templates.template, name="template"),
    path("tasks/templates/<int:pk>/pause/", templates.pause, name="template-pause"),
    path("tasks/new/", tasks.new, name="new"),
    path("tasks/<int:pk>/", tasks.task, name="task"),
    path("tasks/<int:pk>/edit/", tasks.edit, name="edit"),
    path("tasks/<int:pk>/restoration/", tasks.restoration, name="restoration"),
    path("tasks/<int:pk>/schedule/", gantt.schedule, name="schedule"),
    path("tasks/<int:pk>/dependencies/", gantt.dependencies, name="dependencies"),
    path("tasks/<int:pk>/step/", tasks.step, name="step"),
    path("tasks/<int:pk>/deadline/", tasks.deadline, name="deadline"),
    path("tasks/<int:pk>/responsible/", tasks.responsible, name="responsible"),
    path("tasks/<int:pk>/items/", checklists.items, name="items"),
    path("tasks/<int:pk>/timer/", time.timer, name="timer"),
    path("tasks/<int:pk>/time/", time.of_task, name="time-of-task"),
]
