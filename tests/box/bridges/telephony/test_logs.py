from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from box.bridges.telephony import cdr, cel, generator, logs
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.events import CallEvent
from box.bridges.telephony.facts import Unreadable
from box.bridges.telephony.logs import AWAITED, CEL_TABLE, LONGEST_RECORD, CsvLog, LogTrouble, TableLog
from box.bridges.telephony.resync import catch_up
from tests.box.bridges.telephony.test_streams import AMI
from tests.telephony.replay import PBX, recorded, told
from tests.telephony.scenarios import SCENARIOS

COLUMNS = ("name", "number")


def names(log: CsvLog, cursor: str) -> tuple[list[object], str]:
    batch = log.read(cursor)
    return [row["name"] for row in batch.rows], batch.cursor


@pytest.fixture
def log(tmp_path: Path) -> CsvLog:
    return CsvLog(tmp_path / "korobka.csv", COLUMNS)


def test_a_file_is_read_on_from_where_the_last_reading_ended(log: CsvLog) -> None:
    log.path.write_text('"Anna","100"\n"Boris","101"\n')
    read, cursor = names(log, "")
    assert read == ["Anna", "Boris"]
    assert names(log, cursor) == ([], cursor)
    with log.path.open("a") as file:
        file.write('"Cara","102"\n')
    assert names(log, cursor)[0] == ["Cara"]


def test_a_record_that_is_half_written_waits(log: CsvLog) -> None:
    log.path.write_text('"Anna","100"\n"Bor')
    read, cursor = names(log, "")
    assert read == ["Anna"]
    with log.path.open("a") as file:
        file.write('is","101"\n')
    assert names(log, cursor)[0] == ["Boris"]


def test_a_callers_line_break_ends_no_record(log: CsvLog) -> None:
    log.path.write_text('"Anna\nof Sales","100"\n"She said ""hi""","101"\n')
    assert names(log, "")[0] == ["Anna\nof Sales", 'She said "hi"']


def test_a_file_that_was_turned_over_is_read_to_its_end_first(log: CsvLog) -> None:
    log.path.write_text('"Anna","100"\n')
    _, cursor = names(log, "")
    with log.path.open("a") as file:
        file.write('"Boris","101"\n')
    log.path.rename(log.path.with_name("korobka.csv.1"))
    log.path.write_text('"Cara","102"\n')
    batch = log.read(cursor)
    assert [row["name"] for row in batch.rows] == ["Boris"]
    assert not batch.is_last
    assert names(log, batch.cursor)[0] == ["Cara"]


def test_an_emptied_file_is_read_from_its_beginning(log: CsvLog) -> None:
    log.path.write_text('"Anna","100"\n"Boris","101"\n')
    _, cursor = names(log, "")
    log.path.write_text('"Cara","102"\n')
    assert names(log, cursor)[0] == ["Cara"]


def test_records_of_another_shape_are_passed_over(log: CsvLog) -> None:
    log.path.write_text(
        '"only one"\n"Anna","100"\n"a","b","c"\n' + f'"{"x" * LONGEST_RECORD}","1"\n"Boris","101"\n'
    )
    assert names(log, "")[0] == ["Anna", "Boris"]


def test_what_is_not_there_yet_is_empty(log: CsvLog) -> None:
    assert log.end() == ""
    assert log.read("") == logs.Batch((), "", is_last=True)


def test_the_past_of_a_new_pbx_is_left_alone(log: CsvLog) -> None:
    log.path.write_text('"Anna","100"\n')
    assert names(log, log.end())[0] == []


@dataclass(frozen=True)
class Table:
    """Of CEL, as a PBX writes it: with ids that count up."""

    log: TableLog
    cursors: dict[str, str] = field(default_factory=dict)

    def write(self, rows: Iterable[Mapping[str, str]], *, first: int) -> None:
        with connection.cursor() as cursor:
            for place, row in enumerate(rows, first):
                placed = {CEL_TABLE[name]: value for name, value in row.items()}
                cursor.execute(
                    f"INSERT INTO cel (id, {', '.join(placed)}) VALUES (%s, " + ", ".join(
                        "to_timestamp(%s)" if name == "eventtime" else "%s" for name in placed) + ")",
                    [place, *placed.values()],
                )  # fmt: skip

    def read(self, calls: Calls) -> list[CallEvent]:
        happened: list[CallEvent] = []
        outcome = catch_up(calls, cel_log=self.log, cdr_log=None, cursors=self.cursors, keep=happened.extend)
        assert not outcome.troubles
        return happened


@pytest.fixture
def table(transactional_db: None) -> Iterator[Table]:
    columns = ", ".join(f"{name} text" for name in CEL_TABLE.values() if name != "eventtime")
    settings = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER"}
    dsn = " ".join(f"{name}={settings[key]}" for name, key in names.items())
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE cel (id bigint PRIMARY KEY, eventtime timestamptz, {columns})")
    yield Table(TableLog(dsn, "cel", CEL_TABLE))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cel")


def rows_of(name: str, *, later: timedelta = timedelta(0)) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(recorded(name, "cel")), generator.CEL_COLUMNS))
    return [{**row, "eventtime": str(float(row["eventtime"]) + later.total_seconds())} for row in rows]


def test_a_table_is_read_on_from_where_the_last_reading_ended(table: Table) -> None:
    calls = Calls(PBX)
    assert table.read(calls) == []
    table.write(rows_of("busy"), first=1)
    table.read(calls)
    assert [call.result for call in calls.over.values()] == ["busy"]
    assert table.cursors["cel"] == table.log.end()
    dsn = table.log.dsn
    for away in (TableLog(dsn + "-not-there", "cel", CEL_TABLE), TableLog("no name", "cel", CEL_TABLE)):
        with pytest.raises(LogTrouble, match="does not let the box in"):
            away.end()
    wrongs = (
        TableLog(dsn, "not_there", CEL_TABLE), TableLog(dsn, "cel", {"peer": "no_column"}),
        TableLog("no name", "cel", CEL_TABLE),
    )  # fmt: skip
    for wrong in wrongs:
        assert catch_up(calls, cel_log=wrong, cdr_log=None, cursors={}, keep=lambda _: None).troubles
    for wrong in wrongs[:2]:
        with pytest.raises(LogTrouble, match="cannot be read"):
            wrong.read("0")


def test_the_last_rows_of_a_forgotten_call_tell_no_other(table: Table) -> None:
    """A call of a queue is long, and of its last rows alone nobody has answered."""
    calls = Calls(PBX)
    table.read(calls)
    table.write(rows_of("incoming_queue"), first=1)
    table.read(calls)
    assert [call.result for call in calls.over.values()] == ["answered"]
    table.write(rows_of("busy", later=timedelta(hours=1)), first=101)
    table.read(calls)
    assert [call.result for call in calls.over.values()] == ["busy"], "the first is forgotten"
    assert table.read(calls) == []
    assert [call.result for call in calls.over.values()] == ["busy"]


def test_a_row_that_comes_behind_a_later_one_is_read_once(table: Table) -> None:
    first, second, *rest = rows_of("busy")
    table.write([first], first=60)
    table.cursors["cel"] = ""
    calls = Calls(PBX)
    assert table.read(calls)
    table.write([second], first=59)
    table.write(rest, first=62)
    table.read(calls)
    assert [call.result for call in calls.over.values()] == ["busy"]
    assert table.read(Calls(PBX)) == []


@pytest.mark.parametrize(("behind", "comes"), [(AWAITED - 1, True), (AWAITED, False)])
def test_for_a_row_that_is_missing_so_many_later_ones_are_awaited(
    table: Table, behind: int, comes: bool
) -> None:
    (row, *_rest) = rows_of("busy")
    table.write([row], first=1000)
    cursor = table.log.read("900").cursor
    table.write([row], first=1000 - behind)
    assert bool(table.log.read(cursor).rows) is comes
    # And not again.
    assert not table.log.read(table.log.read(cursor).cursor).rows


@pytest.mark.parametrize("before", [{"cel": "123:456"}, {"cel": "", "cel source": "file /mnt/pbx/cel.csv"}])
def test_another_log_than_before_is_read_from_its_end(table: Table, before: dict[str, str]) -> None:
    table.write(rows_of("busy"), first=1)
    table.cursors.update(before)
    assert table.read(Calls(PBX)) == []
    table.write(rows_of("busy"), first=101)
    assert table.read(Calls(PBX))


@pytest.mark.parametrize(
    "before", [{"cel": "123 120 121"}, {"cel": "123"}, {"cel": "1:0", "cel source": "file /elsewhere.csv"}]
)
def test_another_file_than_before_is_read_from_its_end(tmp_path: Path, before: dict[str, str]) -> None:
    log = CsvLog(tmp_path / "cel.csv", generator.CEL_COLUMNS)
    log.path.write_text(recorded("busy", "cel"))
    happened: list[CallEvent] = []
    cursors = dict(before)
    catch_up(Calls(PBX), cel_log=log, cdr_log=None, cursors=cursors, keep=happened.extend)
    assert not happened
    with log.path.open("a") as file:
        file.write(recorded("busy", "cel"))
    catch_up(Calls(PBX), cel_log=log, cdr_log=None, cursors=cursors, keep=happened.extend)
    assert happened


def test_where_a_release_that_named_no_source_has_stopped_reading_goes_on(table: Table) -> None:
    table.write(rows_of("busy"), first=1)
    table.cursors["cel"] = "0"
    assert table.read(Calls(PBX))
    # And that release goes on from the new one's.
    assert int(table.cursors["cel"])
    assert "password" not in str(replace(table.log, dsn=table.log.dsn + " password=s").source)


# --- records alone


def records(name: str) -> list[cdr.Record]:
    rows = csv.DictReader(io.StringIO(recorded(name, "cdr")), generator.CDR_COLUMNS)
    return [cdr.record(dict(row)) for row in rows]


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_events_the_records_tell_which_calls_there_were(name: str) -> None:
    calls = Calls(PBX)
    calls.feed(cdr.facts(records(name), known=()))
    truth = told(AMI[name])[0]
    assert set(calls.over) == set(truth.over)
    assert not calls.open
    for key, call in truth.over.items():
        found = calls.over[key]
        # A record's caller is what the line was given in the end.
        assert name == "outgoing" or found.caller == call.caller
        assert abs((found.started_at - call.started_at).total_seconds()) < 1
        assert found.ended_at is not None
        assert call.ended_at is not None
        assert abs((found.ended_at - call.ended_at).total_seconds()) < 1
        if call.result in ("answered", "busy"):
            assert found.result == call.result


def test_of_calls_that_are_known_the_records_say_nothing() -> None:
    told_by_events = told(AMI["busy"])[0]
    assert list(cdr.facts(records("busy"), known=told_by_events.over)) == []


@pytest.mark.parametrize(
    ("column", "value"), [("disposition", "MAYBE"), ("uniqueid", "x y"), ("start", "yesterday"), ("end", "")]
)
def test_a_record_that_asterisk_cannot_have_written_is_refused(column: str, value: str) -> None:
    row = next(csv.DictReader(io.StringIO(recorded("busy", "cdr")), generator.CDR_COLUMNS))
    with pytest.raises(Unreadable):
        cdr.record({**row, column: value})


def test_an_event_with_a_time_of_no_zone_is_refused() -> None:
    row = next(csv.DictReader(io.StringIO(recorded("busy", "cel")), generator.CEL_COLUMNS))
    with pytest.raises(Unreadable, match="dateformat"):
        list(cel.facts({**row, "eventtime": "2026-05-04 09:00:00"}))
