import io, time, pytest, resource
from box.core.imports import jobs
from box.core.imports.actions import begin_import, start_import
from box.core.imports.importers import importers
from box.apps.crm.models import Record
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]
def test_speed(olga):
    lines = ["First Name,Last Name,Company,Business Phone,Mobile Phone,E-mail Address"]
    for n in range(50_000):
        k = n if n % 5 else n // 5          # a fifth are there already
        lines.append(f"Rose{k},Weber{k%997},Company {k%5000},+7495{k:07},+7916{k:07},rose{k}@b.test")
    run = begin_import(importers["crm.contact"], io.BytesIO("\n".join(lines).encode()), "a.csv", by=olga)
    usual = [o.key for o in importers["crm.contact"].options if o.is_usual]
    start_import(run, run.columns, options=usual, by=olga)
    m0 = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    t = time.monotonic(); jobs.import_once(run.pk); d = time.monotonic() - t
    run.refresh_from_db()
    print(f"\nSPEED {run.done} rows in {d:.1f} s = {run.done/d:.0f}/s created {run.created} changed {run.changed} failed {run.failed} records {Record.objects.count()} rss {m0//1024} -> {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024} MB")
