"""Addresses of the settings. No type is called `settings`: its slug would end in a number."""

from django.urls import path

from box.apps.crm.setup import (
    dictionaries,
    field_rights,
    papers,
    permissions,
    pipelines,
    products,
    robots,
    types,
    web_forms,
)

urlpatterns = [
    path("crm/settings/", pipelines.home, name="setup"),
    path("crm/settings/pipelines/<slug:slug>/", pipelines.pipelines, name="setup-pipelines"),
    path("crm/settings/pipeline/<int:pk>/", pipelines.pipeline, name="setup-pipeline"),
    path("crm/settings/pipeline/<int:pk>/place/", pipelines.pipeline_place, name="setup-pipeline-place"),
    path(
        "crm/settings/pipeline/<int:pk>/retirement/",
        pipelines.pipeline_retirement,
        name="setup-pipeline-retirement",
    ),
    path("crm/settings/pipeline/<int:pk>/stages/", pipelines.stages, name="setup-stages"),
    path("crm/settings/stage/<int:pk>/", pipelines.stage, name="setup-stage"),
    path("crm/settings/stage/<int:pk>/place/", pipelines.stage_place, name="setup-stage-place"),
    path(
        "crm/settings/stage/<int:pk>/retirement/", pipelines.stage_retirement, name="setup-stage-retirement"
    ),
    path("crm/settings/robots/<slug:slug>/", robots.robots, name="setup-robots"),
    path("crm/settings/robot/<int:pk>/", robots.robot, name="setup-robot"),
    path("crm/settings/robot/<int:pk>/switch/", robots.switch, name="setup-robot-switch"),
    path("crm/settings/entities/", types.types, name="setup-types"),
    path("crm/settings/entities/<int:pk>/", types.kind, name="setup-type"),
    path("crm/settings/entities/<int:pk>/retirement/", types.retirement, name="setup-type-retirement"),
    path("crm/settings/fields/", types.fields, name="setup-fields"),
    path("crm/settings/products/", products.products, name="setup-products"),
    path("crm/settings/products/new/", products.new_product, name="setup-new-product"),
    path("crm/settings/products/<int:pk>/", products.product, name="setup-product"),
    path("crm/settings/forms/", web_forms.forms, name="setup-forms"),
    path("crm/settings/forms/<int:pk>/", web_forms.form, name="setup-form"),
    path("crm/settings/forms/<int:pk>/switch/", web_forms.switch, name="setup-form-switch"),
    path("crm/settings/papers/", papers.papers, name="setup-papers"),
    path("crm/settings/papers/sellers/<int:pk>/", papers.seller, name="setup-seller"),
    path("crm/settings/papers/templates/", papers.templates, name="setup-templates"),
    path("crm/settings/papers/templates/<int:pk>/", papers.template, name="setup-template"),
    path("crm/settings/papers/numbers/<int:pk>/", papers.series, name="setup-series"),
    path("crm/settings/permissions/", permissions.permissions, name="setup-permissions"),
    path("crm/settings/permissions/<slug:slug>/", permissions.role, name="setup-role"),
    path(
        "crm/settings/permissions/<slug:slug>/fields/<slug:type_slug>/",
        field_rights.field_rights,
        name="setup-field-rights",
    ),
    path("crm/settings/lists/<slug:key>/", dictionaries.dictionary, name="setup-dictionary"),
    path("crm/settings/lists/<slug:key>/<slug:entry>/", dictionaries.entry, name="setup-entry"),
]
