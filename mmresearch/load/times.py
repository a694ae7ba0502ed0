"""Times as sources write them, turned into UTC without rounding."""

from __future__ import annotations

import zoneinfo

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.load.cells import stripped

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DECIMALS = {"s": 9, "ms": 6, "us": 3, "ns": 0}
_DATE = r"^\d{4}-?\d\d-?\d\d"
_OFFSET = r"[Tt ]\d\d.*(?:[Zz]|[+-]\d\d(?::?\d\d)?)$"
_LAST = 2**63 - 1
_ISO = "ISO 8601 times such as 2024-01-31 09:30:00.123"
_RANGE = "times between 1678 and 2261"
EARLY, LATE = pd.Timestamp("1990-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC")

Complaint = tuple[str, str, pd.Series | None]  # found, expected, the rows (missing: all)


def check_zone_and_unit(time_zone: str | None, unit: str | None) -> None:
    """Refuse a time zone or a unit that does not exist."""
    if unit is not None and unit not in UNITS:
        raise ValueError(f"no unit {unit!r}; give one of {', '.join(UNITS)}")
    try:
        zoneinfo.ZoneInfo(time_zone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"no time zone {time_zone!r}; give one as America/New_York") from None


def utc(
    values: pd.Series, *, time_zone: str | None, unit: str | None
) -> tuple[pd.Series, list[Complaint]]:
    """The times in UTC, and what keeps them from being so.

    Times with a zone are converted. Times without one need `time_zone`, numbers need `unit` and
    count from 1970-01-01 00:00 UTC. Missing stays missing.
    """
    if values.isna().all():
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns, UTC]"), []
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        return _placed(values, time_zone)
    if values.dtype.kind in "iuf":
        return _counted(values, values, unit)
    said = stripped(values)
    exact = said.cast(pl.Decimal(38, _DECIMALS[unit or "ns"]), strict=False)
    if exact.null_count() == said.null_count() < said.len():
        return _counted(values.astype("str"), exact, unit)
    return _written(said, values.index, time_zone)


def _placed(values: pd.Series, time_zone: str | None) -> tuple[pd.Series, list[Complaint]]:
    """Clock times on the time line: naive ones belong to `time_zone`."""
    bad = values.notna() & ((values.dt.year < 1678) | (values.dt.year > 2261))
    if bad.any():
        return values, [("", _RANGE, bad)]
    values = values.dt.as_unit("ns")
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_convert("UTC"), []
    if time_zone is None:
        expected = "the zone of these clocks: pass time_zone='UTC', 'America/New_York' or another"
        return values, [("times without a time zone", expected, None)]
    placed = values.dt.tz_localize(time_zone, ambiguous="NaT", nonexistent="NaT")
    lost = placed.isna() & values.notna()
    said = f"times that exist once in {time_zone} (its clocks change then); give UTC or an offset"
    return placed.dt.tz_convert("UTC"), [("", said, lost)] if lost.any() else []


def _counted(
    values: pd.Series, numbers: pd.Series | pl.Series, unit: str | None
) -> tuple[pd.Series, list[Complaint]]:
    """Numbers counted from 1970 in `unit`; `numbers` are the values, exact ones where texts are."""
    if isinstance(numbers, pl.Series):
        plain = pd.Series(numbers.cast(pl.Float64).to_numpy(), index=values.index)
    else:
        plain = pd.to_numeric(values).astype("float64")
    if unit is None:
        return values, [("times as numbers", _unit_asked(plain), None)]
    far = plain.abs() * UNITS[unit] > _LAST
    if far.any():
        return values, [("", f"{_RANGE}, counted in unit {unit!r} from 1970", far)]
    if isinstance(numbers, pl.Series):
        whole = numbers.to_physical().fill_null(0).cast(pl.Int64).to_numpy()
    else:
        whole = _whole(values.fillna(0), UNITS[unit])
    times = pd.Series(whole.astype("datetime64[ns]"), index=values.index).dt.tz_localize("UTC")
    return times.mask(plain.isna()), []


def _whole(values: pd.Series, factor: int) -> np.ndarray:
    """Nanoseconds; the fraction of a float apart from its whole part, so that none is lost."""
    if values.dtype.kind in "iu":
        return values.to_numpy("int64") * factor
    numbers = values.to_numpy("float64")
    floor = np.floor(numbers)
    return floor.astype("int64") * factor + np.rint((numbers - floor) * factor).astype("int64")


def doubtful(column: str, times: pd.Series) -> list[str]:
    """A note where times lie outside the years that have electronic markets."""
    first, last = times.min(), times.max()
    if times.isna().all() or (first >= EARLY and last <= LATE):
        return []
    return [f"`{column}` runs from {first} to {last}: is its unit right?"]


def misread(times: pd.Series, unit: str) -> tuple[np.ndarray, str | None]:
    """Which rows, counted in `unit`, are of our days only in another unit, and in which."""
    if not isinstance(times.dtype, pd.DatetimeTZDtype) or not doubtful("", times):
        return np.array([], dtype=int), None
    numbers = times.dt.as_unit("ns").astype("int64").to_numpy().astype("float64")
    far = times.notna().to_numpy() & ~times.between(EARLY, LATE).to_numpy()
    first, last = EARLY.as_unit("ns").value, LATE.as_unit("ns").value
    found: list[tuple[np.ndarray, str]] = []
    for other, size in UNITS.items():
        scaled = numbers * (size / UNITS[unit])
        found.append((far & (scaled >= first) & (scaled <= last), other))
    rows = np.flatnonzero(np.any([mask for mask, _ in found], axis=0))
    likely = next((other for mask, other in found if len(rows) and mask[rows[0]]), None)
    return rows, likely


def _unit_asked(numbers: pd.Series) -> str:
    if numbers.between(19_000_101, 21_001_231).all():
        return "dates as 2024-01-31, as these look like dates, or else their unit: pass unit='s'"
    return f"their unit, by their size probably: pass unit={likely_unit(numbers)!r}"


def likely_unit(numbers: pd.Series) -> str:
    """The unit in which the numbers are dates of our time."""
    size = numbers.abs().median()
    return next((u for u, top in (("s", 1e11), ("ms", 1e14), ("us", 1e17)) if size < top), "ns")


def _written(
    said: pl.Series, index: pd.Index, time_zone: str | None
) -> tuple[pd.Series, list[Complaint]]:
    """ISO texts, with an offset or without."""
    said = said.str.replace(r" ?UTC$", "Z")
    there = said.is_not_null()
    offset = has_offset(said)
    mixed = there & ~offset
    texts = pd.Series(said.to_pandas().array, index=index)
    if offset.any() and mixed.any():
        return texts, [("", "an offset, as other rows have", _rows(mixed, index))]
    whole = said.set(~said.str.contains(_DATE).fill_null(False), None).to_pandas()
    times = pd.to_datetime(whole, format="ISO8601", errors="coerce", utc=bool(offset.any()))
    bad = _rows(there, index) & times.isna().to_numpy()
    if bad.any():
        return texts, [("", _ISO, bad)]
    return _placed(times.set_axis(index), time_zone)


def has_offset(said: pl.Series) -> pl.Series:
    """Which ISO texts name their offset from UTC."""
    return said.str.replace(r" ?UTC$", "Z").str.contains(_OFFSET).fill_null(False)


def _rows(mask: pl.Series, index: pd.Index) -> pd.Series:
    return pd.Series(mask.to_numpy(), index=index)
