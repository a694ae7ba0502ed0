"""The sessions that a simulation runs on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

FIRST = "2024-03-04"  # a Monday; New York's clocks change on the Sunday after
_DAY = 86_400


class Days(NamedTuple):
    """Sessions of equal length: the calendar, and each one's opening instant (UTC)."""

    calendar: str
    opens: np.ndarray
    seconds: int

    @property
    def closes(self) -> np.ndarray:
        return self.opens + np.timedelta64(self.seconds, "s")

    def instant(self, day: np.ndarray, nanoseconds: np.ndarray) -> pd.DatetimeIndex:
        """UTC time of an offset (ns) from the opening of the day with this number."""
        clock = self.opens[day] + np.asarray(nanoseconds).astype("timedelta64[ns]")
        return pd.DatetimeIndex(clock).tz_localize("UTC")


def trading_days(days: int, seconds: int) -> Days:
    """Sessions of so many seconds each, from 4 March 2024.

    23,400 seconds are New York's 09:30 to 16:00 on weekdays; 86,400 are "24/7", every day; any
    other length opens at midnight UTC on weekdays, its calendar closing on the next whole minute.
    """
    if days < 1 or not 1 <= seconds <= _DAY or seconds != int(seconds):
        raise ValueError(
            f"days={days}, seconds={seconds}: give 1 or more days of 1 to {_DAY} whole seconds"
        )
    if seconds == 23_400:
        calendar, zone, start = "09:30-16:00 America/New_York", "America/New_York", "09:30:00"
    else:
        calendar, zone, start = _from_midnight(seconds), "UTC", "00:00:00"
    dates = pd.date_range(FIRST, periods=days, freq="D" if calendar == "24/7" else "B")
    opens = (dates + pd.Timedelta(start)).tz_localize(zone).tz_convert("UTC").tz_localize(None)
    return Days(calendar, opens.to_numpy("datetime64[ns]"), int(seconds))


def _from_midnight(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "24/7" if minutes == 1440 else f"00:00-{minutes // 60:02d}:{minutes % 60:02d} UTC"
