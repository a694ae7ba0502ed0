"""The published cleaning of trades and quotes, one rule a function; rows in, rows kept out.

Steps P, T and Q are those of Barndorff-Nielsen, Hansen, Lunde and Shephard (2009), "Realized
kernels in practice: trades and quotes", Econometrics Journal 12, section 3.1; the long names are
those that the R package `highfrequency` gives to these rules (Boudt, Kleen and Sjørup, 2022). Where
its own differ the paper's are done: rmOutliersQuotes by mean and not median absolute deviations;
but tradesCondition, which knows odd lots, is its own. Horizons are counted in observations, as
published. A day is New York's.

Cleaning looks at a whole day, ahead of each row too (Q3's median, Q4's window): it makes data fit
to estimate from, and nothing that could have been known at the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from mmresearch.load.taq import times as taq_times

WIDE = 50  # Q3: times the day's median spread
FAR = 10  # Q4: times the mean absolute deviation
HALF = 25  # Q4: observations on each side
_MICRO = 1e6  # prices compare as whole millionths, so that a tie is a tie
_CHUNK = 50_000  # windows laid out at once
_VALID = ("", "@", "E", "@E", "F", "FI", "@F", "@FI", "I", "@I")
_GROUP = ("symbol", "day")


class About(NamedTuple):
    """What steps need beside the rows: the exchange to keep, the cleaned quotes."""

    exchange: str | Mapping[str, str] | None
    quotes: pl.DataFrame | None


class Step(NamedTuple):
    """One rule: what it does to a table's rows, which column it reads, what goes, in words."""

    keep: Callable[[pl.DataFrame, About], pl.DataFrame]
    needs: str | None
    gone: str


# --- P: trades and quotes -------------------------------------------------------------------------


def _in_hours(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    """The same hours every day, also when the exchange closes early."""
    return rows.filter(taq_times.in_session(rows["local"]))


def _priced(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    """Trades of no price are set aside before every step, in the name of this one."""
    if "price" in rows.columns:
        return rows
    return rows.filter(pl.col("bid").is_not_null() & pl.col("ask").is_not_null())


def _of_exchange(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    if isinstance(about.exchange, str):
        return rows.filter(pl.col("ex").is_in(list(about.exchange)))
    pairs = [(symbol, code) for symbol, codes in about.exchange.items() for code in codes]
    keys = pl.DataFrame(pairs, schema={"symbol": pl.String, "ex": pl.String}, orient="row")
    return rows.join(keys, on=["symbol", "ex"], how="semi", maintain_order="left")


# --- T: trades ------------------------------------------------------------------------------------


def _uncorrected(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    return rows.filter(pl.col("corr").fill_null(0) == 0)


def _normal_sale(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    return rows.filter(~pl.col("cond").fill_null("").str.contains("[A-DG-Za-z]"))


def _valid_sale(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    bare = pl.col("cond").fill_null("").str.replace_all(" ", "", literal=True)
    return rows.filter(bare.is_in(_VALID))


def _merged_trades(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    return _merged(rows, [pl.col("price").median(), pl.col("size").sum()])


def _near_quotes(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    """The quote is the last one before the trade, of its day; without one the trade stays."""
    bid, ask = _micro("bid"), _micro("ask")
    quotes = about.quotes.select(*_GROUP, "time", b=bid, a=ask, s=ask - bid)
    quotes = quotes.filter(pl.col("s") >= 0)  # crossed ones tell nothing
    met = rows.select(*_GROUP, "time", _micro("price").alias("p")).join_asof(
        quotes,
        on="time",
        by=list(_GROUP),
        allow_exact_matches=False,
        check_sortedness=False,
    )
    price, spread = pl.col("p"), pl.col("s")
    far = (price > pl.col("a") + spread) | (price < pl.col("b") - spread)
    return rows.filter(~met.select(far.fill_null(False)).to_series())


# --- Q: quotes ------------------------------------------------------------------------------------


def _merged_quotes(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    return _merged(rows, [pl.col(c).median() for c in ("bid", "ask", "bid_size", "ask_size")])


def _uncrossed(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    return rows.filter((pl.col("ask") >= pl.col("bid")).fill_null(True))


def _narrow(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    spread = _micro("ask") - _micro("bid")
    return rows.filter((spread <= WIDE * spread.median().over(_GROUP)).fill_null(True))


def _near_others(rows: pl.DataFrame, about: About) -> pl.DataFrame:
    """Mid against the median of the 25 mids before and the 25 after, and their mean deviation.

    Quotes without both sides have no mid: they are neither judged nor among the 50. The first and
    last 25 of a day, which lack a whole window, stay.
    """
    sides = _micro("bid") + _micro("ask")
    mids = rows.select("row", *_GROUP, mid=sides).drop_nulls("mid")
    new = pl.any_horizontal(pl.col(c) != pl.col(c).shift() for c in _GROUP).fill_null(True)
    starts = mids.select(new).to_series().arg_true().to_list()
    values, far = mids["mid"].to_numpy(), []
    for start, end in zip(starts, [*starts[1:], mids.height], strict=True):
        far.append(start + outlying(values[start:end]))
    gone = mids["row"].gather(np.concatenate([*far, np.empty(0, np.int64)]))
    return rows.filter(~pl.col("row").is_in(gone.implode()))


def outlying(values: np.ndarray) -> np.ndarray:
    """Where a whole number deviates from the median of its 50 neighbours by over 10 of their MADs.

    MAD is the mean absolute deviation of the 50 from their median (published as "mean absolute
    deviations"; where all 50 are equal it is 0 and any deviation is too much).
    """
    found = [np.empty(0, np.int64)]
    centres = HALF + np.flatnonzero(_extreme(values))
    for first in range(0, len(centres), _CHUNK):
        some = centres[first : first + _CHUNK]
        beside = np.r_[-HALF:0, 1 : HALF + 1]
        ordered = np.sort(values[some[:, None] + beside], axis=1)
        below, above = ordered[:, :HALF], ordered[:, HALF:]
        twice_median = below[:, -1] + above[:, 0]
        deviations = above.sum(axis=1) - below.sum(axis=1)  # of all 50 from their median
        away = np.abs(2 * values[some] - twice_median)
        found.append(some[away * HALF > FAR * deviations])
    return np.concatenate(found)


def _extreme(values: np.ndarray) -> np.ndarray:
    """Of each number with a whole window, whether it can be far out at all.

    It cannot if 5 neighbours lie as far on its side of the median: their deviations alone make a
    MAD of 5/50 of its own, and 10 of those reach it. That spares sorting most windows.
    """
    inner = values[HALF : len(values) - HALF]
    above, below = np.zeros((2, max(len(inner), 0)), np.uint8)
    for shift in (*range(HALF), *range(HALF + 1, 2 * HALF + 1)):
        other = values[shift : shift + len(inner)]
        above += other >= inner
        below += other <= inner
    enough = 2 * HALF // FAR
    return (above < enough) | (below < enough)


# --- together -------------------------------------------------------------------------------------


def _micro(column: str) -> pl.Expr:
    return (pl.col(column) * _MICRO).round().cast(pl.Int64)


def _merged(rows: pl.DataFrame, values: list[pl.Expr]) -> pl.DataFrame:
    """Rows of one symbol and instant as one in the first one's place; `merged` counts them.

    What they do not agree on beside `values` is missing.
    """
    same = pl.all_horizontal(pl.col(c) == pl.col(c).shift() for c in ("symbol", "time"))
    rows = rows.with_columns(_group=(~same.fill_null(False)).cum_sum())
    size = pl.len().over("_group").cast(pl.Int64)
    rows = rows.with_columns(merged=size if "merged" not in rows.columns else pl.col("merged"))
    several = rows.filter(size > 1)
    done = {*(v.meta.output_name() for v in values), "_group", "row", "part", "line"}
    agreed = [c for c in rows.columns if c not in done]
    one = several.group_by("_group", maintain_order=True).agg(
        *values,
        *(pl.col(c).first() for c in ("row", "part", "line")),
        *(pl.when(pl.col(c).n_unique() == 1).then(pl.col(c).first()).alias(c) for c in agreed),
    )
    single = rows.filter(size == 1)
    both = pl.concat([single, one.select(single.columns).cast(dict(single.schema))])
    return both.sort("_group").drop("_group")


_P = {
    "P1": Step(_in_hours, None, "outside 09:30-16:00 New York"),
    "P2": Step(_priced, None, "without a price"),
    "P3": Step(_of_exchange, "ex", "of other exchanges"),
}
_T = _P | {
    "T1": Step(_uncorrected, "corr", "with a correction indicator other than 0"),
    "T2": Step(_normal_sale, "cond", "with a letter other than E and F as condition"),
    "T3": Step(
        _merged_trades, None, "merged into the first of their instant: median price, size sum"
    ),
    "T4": Step(_near_quotes, None, "priced over a spread outside the last quote before them"),
    "tradesCondition": Step(
        _valid_sale, "cond", "of a condition beside none, " + ", ".join(_VALID[1:])
    ),
}
_Q = _P | {
    "Q1": Step(_merged_quotes, None, "merged into the first of their instant: medians"),
    "Q2": Step(_uncrossed, None, "with the ask below the bid"),
    "Q3": Step(_narrow, None, f"with a spread over {WIDE} times the day's median"),
    "Q4": Step(_near_others, None, f"over {FAR} mean absolute deviations off the 50 around them"),
}
_ALSO = {  # highfrequency's names of the same rules
    "trades": {
        "exchangeHoursOnly": "P1",
        "noZeroPrices": "P2",
        "selectExchange": "P3",
        "salesCondition": "tradesCondition",
        "mergeTradesSameTimestamp": "T3",
        "rmTradeOutliersUsingQuotes": "T4",
    },
    "quotes": {
        "exchangeHoursOnly": "P1",
        "noZeroQuotes": "P2",
        "selectExchange": "P3",
        "mergeQuotesSameTimestamp": "Q1",
        "rmNegativeSpread": "Q2",
        "rmLargeSpread": "Q3",
        "rmOutliersQuotes": "Q4",
    },
}
STEPS = {
    table: own | {also: own[name] for also, name in _ALSO[table].items()}
    for table, own in (("trades", _T), ("quotes", _Q))
}
BNHLS = ("P1", "P2", "P3", "T1", "T2", "T3", "T4", "Q1", "Q2", "Q3", "Q4")
UNPRICED = ("P2", "noZeroPrices")  # steps whose trades are set aside before all
BY_QUOTES = ("T4", "rmTradeOutliersUsingQuotes")
BY_EXCHANGE = ("P3", "selectExchange")


def steps_of(clean: str | Sequence[str]) -> tuple[str, ...]:
    """The names of steps; "bnhls" stands for all of the paper's."""
    names: list[str] = []
    for name in [clean] if isinstance(clean, str) else clean:
        names += BNHLS if str(name).lower() == "bnhls" else [name]
    known = STEPS["trades"] | STEPS["quotes"]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no step {unknown[0]!r}; the steps are bnhls, {', '.join(known)}")
    return tuple(names)


def cleaned(
    tables: Mapping[str, pl.DataFrame],
    steps: Sequence[str],
    exchange: str | Mapping[str, str] | None,
) -> tuple[dict[str, pl.DataFrame], list[tuple[str, str, pl.Series]]]:
    """The rows that the steps keep, and of each step (table, its name, the `row` of those gone).

    Rows have `row`, a number of their own in the table, `part` and `line`. Quotes go first, as
    trades are judged by the cleaned ones.
    """
    kept: dict[str, pl.DataFrame] = {}
    gone = []
    for table in [name for name in ("quotes", "trades") if name in tables]:
        rows, about = _in_order(tables[table]), About(exchange, kept.get("quotes"))
        for name in [name for name in steps if name in STEPS[table]]:
            left = STEPS[table][name].keep(rows, about)
            lost = ~rows["row"].is_in(left["row"].implode())
            gone.append((table, name, rows["row"].filter(lost)))
            rows = left
        kept[table] = rows
    return kept, gone


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """By symbol and time, with New York's clock and day."""
    clock = taq_times.local(rows["time"])
    rows = rows.with_columns(local=clock, day=clock.dt.date())
    alone = rows["symbol"].n_unique() == 1
    return rows if alone and rows["time"].is_sorted() else rows.sort("symbol", "time", "row")
