"""Tables that become objects: uploaded, understood, previewed, taken in step by step, and undone.

An app says what it takes (`Importer`), offers it (`importers.add(key, ...)`), and has pages, a job, a report
and an undo for it.
"""
