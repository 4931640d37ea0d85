"""Dates and times of a data set: the value representations DA and TM (PS3.5 6.2)."""

from __future__ import annotations

import datetime as dt
import re

from webviewer.dicom.dataset import DataSet


def date_of(ds: DataSet, tag: int) -> dt.date | None:
    """Return a DA; the ACR-NEMA form with dots is read too; what is no date is None."""
    text = ds.code(tag).replace(".", "")
    if not re.fullmatch("[0-9]{8}", text):
        return None
    try:
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def time_of(ds: DataSet, tag: int) -> dt.time | None:
    """Return a TM: HH, HHMM, HHMMSS or HHMMSS.F…; what is no time of day is None."""
    found = re.fullmatch(r"([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?", ds.code(tag).replace(":", ""))
    if found is None:
        return None
    hours, minutes, seconds, fraction = found.groups()
    try:
        return dt.time(int(hours), int(minutes or 0), min(int(seconds or 0), 59), int((fraction or "0").ljust(6, "0")))
    except ValueError:
        return None


def seconds_of_day(ds: DataSet, tag: int) -> float | None:
    """Return a TM in seconds since midnight; what is no time of day is None."""
    time = time_of(ds, tag)
    return None if time is None else 3600 * time.hour + 60 * time.minute + time.second + time.microsecond / 1e6
