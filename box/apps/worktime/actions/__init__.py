"""Every write to working days."""

from box.apps.worktime.actions.corrections import CORRECTABLE, Truth, ask_correction, decide_correction
from box.apps.worktime.actions.days import current_day, forget_days, take_step, zone_of
from box.apps.worktime.actions.reports import begin_report, confirm_report, write_report
from box.apps.worktime.actions.schedules import Plan, delete_schedule, give_schedule, save_schedule

__all__ = [
    "CORRECTABLE",
    "Plan",
    "Truth",
    "ask_correction",
    "begin_report",
    "confirm_report",
    "current_day",
    "decide_correction",
    "delete_schedule",
    "forget_days",
    "give_schedule",
    "save_schedule",
    "take_step",
    "write_report",
    "zone_of",
]
