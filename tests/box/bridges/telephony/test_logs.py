from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.db import connection

from box.bridges.telephony import cdr, cel, generator, logs
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.facts import Unreadable
from box.bridges.telephony.logs import CEL_TABLE, LONGEST_RECORD, CsvLog, LogTrouble, TableLog
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


@pytest.mark.django_db(transaction=True)
def test_a_table_is_read_on_with_a_little_overlap() -> None:
    columns = ", ".join(f"{name} text" for name in CEL_TABLE.values() if name != "eventtime")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE cel (id bigserial PRIMARY KEY, eventtime timestamptz, {columns})")
        settings = connection.settings_dict
        try:
            for row in csv.DictReader(io.StringIO(recorded("busy", "cel")), generator.CEL_COLUMNS):
                placed = {CEL_TABLE[name]: value for name, value in row.items()}
                cursor.execute(
                    f"INSERT INTO cel ({', '.join(placed)}) VALUES (" + ", ".join(
                        "to_timestamp(%s)" if name == "eventtime" else "%s" for name in placed) + ")",
                    list(placed.values()),
                )  # fmt: skip
            names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER"}
            dsn = " ".join(f"{name}={settings[key]}" for name, key in names.items())
            log = TableLog(dsn, "cel", CEL_TABLE)
            calls = Calls(PBX)
            cursors = {"cel": ""}
            catch_up(calls, cel_log=log, cdr_log=None, cursors=cursors, keep=lambda _: None)
            assert [call.result for call in calls.over.values()] == ["busy"]
            assert cursors["cel"] == log.end()
            with pytest.raises(LogTrouble, match="does not let the box in"):
                TableLog(dsn + "-not-there", "cel", CEL_TABLE).end()
            for wrong in (TableLog(dsn, "not_there", CEL_TABLE), TableLog(dsn, "cel", {"peer": "no_column"})):
                assert catch_up(calls, cel_log=wrong, cdr_log=None, cursors={}, keep=lambda _: None).troubles
                with pytest.raises(LogTrouble, match="cannot be read"):
                    wrong.read("0")
        finally:
            cursor.execute("DROP TABLE cel")


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
