"""Imports of people become imports like any other, under the numbers that they had, and go on where they were."""

from django.db import migrations

RUNS = """
    INSERT INTO imports_importrun (id, importer, by_id, name, blob_id, reading, head, columns, preview, options,
                                   duplicates, language, status, total, done, created, changed, failed, problem,
                                   created_at, started_at, moved_at, finished_at)
    SELECT id, 'people', by_id, name, blob_id, '{}', 1, columns, preview,
           to_jsonb(array_remove(ARRAY[CASE WHEN makes_departments THEN 'makes_departments' END,
                                       CASE WHEN invites THEN 'invites' END], NULL)),
           'merge', language, status, total, done, created, changed, failed, '',
           created_at, started_at, moved_at, finished_at
      FROM org_peopleimport;
    SELECT setval(pg_get_serial_sequence('imports_importrun', 'id'), max(id))
      FROM imports_importrun HAVING max(id) > 0;
    INSERT INTO imports_importproblem (run_id, row, text, cells)
    SELECT run_id, row, text, cells FROM org_importproblem ORDER BY id;
"""
# What was not delivered yet is delivered to those who listen now; a form that is sent again finds what it made.
NAMES = """
    UPDATE events_delivery SET handler = 'box.core.imports.handlers.import_table'
     WHERE handler = 'box.core.structure.handlers.import_people';
    UPDATE events_event SET kind = 'imports.ImportStarted',
           payload = jsonb_build_object('run_id', payload -> 'import_id', 'by_id', payload -> 'by_id')
     WHERE kind = 'org.PeopleImportStarted';
    UPDATE events_nonce SET result = replace(result, 'org.PeopleImport:', 'imports.ImportRun:')
     WHERE result LIKE 'org.PeopleImport:%';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("org", "0007_tables_let_go"),
        ("imports", "0001_initial"),
        ("events", "0004_origin"),
    ]

    operations = [migrations.RunSQL([RUNS, NAMES], migrations.RunSQL.noop)]
