"""The pages on which administrators set up the CRM: pipelines, entities, lists, products, permissions."""

PAGES = (
    "setup", "setup-pipelines", "setup-stage", "setup-types", "setup-type", "setup-fields", "setup-products",
    "setup-new-product", "setup-product", "setup-permissions", "setup-role", "setup-field-rights",
    "setup-dictionary", "setup-robots", "setup-robot", "setup-papers", "setup-forms", "setup-form",
    "setup-seller", "setup-template",
)  # fmt: skip
"""By the names of their addresses: what help explains them is known to processes that have no pages, too."""
