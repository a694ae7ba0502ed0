"""The shape over the time of day: by hand, from simulated days, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import mmresearch as mm
from tests.truth.times_of_day import BARS, factors, noise, table_of


@pytest.fixture(scope="module")
def many():
    """250 days of 78 bars; the noise has a standard deviation of 0.8 on logarithms."""
    return table_of(factors() * np.exp(noise(np.random.default_rng(1), 250, BARS)))


@pytest.fixture(scope="module")
def found(many):
    return mm.seasonal(many, "y")


def test_the_shape_is_found_to_three_per_cent(found):
    # error of k = 14 coefficients: 0.8 sqrt(k / (250 * 78)) = 2.1 %; with the 4 harmonics alone 1.8
    shape = found.details["shape"]
    away = shape["factor"] / factors() - 1
    assert np.sqrt((away**2).mean()) < 0.03
    assert shape["factor"].mean() == pytest.approx(1, abs=1e-12)
    assert "6 harmonics" in found.errors  # the least BIC's 4, and 2 more
    orders = found.details["orders"].set_index("harmonics")
    assert orders["bic"].idxmin() == 4
    assert found.quantities["no_shape"].value < 0.001
    inside = (shape["joint_low"] < factors()) & (factors() < shape["joint_high"])
    assert inside.all()


def test_the_size_of_signed_values_has_the_same_shape():
    y = factors() * np.random.default_rng(2).normal(size=(250, BARS))
    found = mm.seasonal(table_of(y), "y", kind="scale", harmonics=4)
    # log|z| of a normal z has a standard deviation of 1.11, so the error is 2.5 %
    away = found.details["shape"]["factor"] / factors() - 1
    assert np.sqrt((away**2).mean()) < 0.04
    left = found.details["adjusted"]["without_shape"].to_numpy().reshape(250, BARS)
    assert np.sign(left) == pytest.approx(np.sign(y))
    assert left.std(axis=0)[:5].mean() == pytest.approx(left.std(axis=0)[36:42].mean(), rel=0.1)


def test_without_noise_it_is_exact_and_what_is_left_is_the_day():
    level = np.array([1.0, 3.0, 0.5])[:, None]
    found = mm.seasonal(table_of(level * factors()), "y", harmonics=4)
    assert found.details["shape"]["factor"].to_numpy() == pytest.approx(factors(), rel=1e-9)
    left = found.details["adjusted"]["without_shape"].to_numpy().reshape(3, BARS)
    assert left == pytest.approx(np.broadcast_to(level, left.shape), rel=1e-9)
    middle = factors()[39]
    q = found.quantities
    assert q["open_to_middle"].value == pytest.approx(factors()[0] / middle)
    assert q["close_to_middle"].value == pytest.approx(factors()[-1] / middle)


def test_a_shift_is_taken_off():
    n = np.arange(1, 25)
    wave = np.sin(2 * np.pi * n / 24)
    found = mm.seasonal(table_of(np.array([[-5.0], [2.0], [0.0]]) + wave), "y", harmonics=1)
    assert found.details["shape"]["shift"].to_numpy() == pytest.approx(wave, abs=1e-9)
    left = found.details["adjusted"]["without_shape"].to_numpy().reshape(3, 24)
    assert left == pytest.approx(np.repeat([[-5.0], [2.0], [0.0]], 24, axis=1), abs=1e-9)


def test_the_equation_and_errors_the_long_way_round(many):
    """Least squares with a dummy a day; errors by leaving days out, each fitted again."""
    few = many[many["day"] < "2024-01-08"]
    days, n = 7, np.arange(1.0, BARS + 1)
    shape = np.column_stack(
        [n / 39.5, n**2 / (79 * 157 / 6)]
        + [f(2 * np.pi * p * n / 78) for p in (1, 2) for f in (np.cos, np.sin)]
    )
    x, own = np.tile(shape, (days, 1)), np.kron(np.eye(days), np.ones((BARS, 1)))
    y = np.log(few["y"].to_numpy())
    beta = sm.OLS(y, np.hstack([x, own])).fit().params[:6]
    found = mm.seasonal(few, "y", harmonics=2)
    assert found.table["estimate"].to_numpy() == pytest.approx(beta, rel=1e-6)
    assert found.fit.params.to_numpy() == pytest.approx(beta, rel=1e-6)
    left = []
    for d in range(days):
        keep = np.repeat(np.arange(days), BARS) != d
        design = np.hstack([x, np.delete(own, d, axis=1)])[keep]
        left.append(sm.OLS(y[keep], design).fit().params[:6])
    cv3 = np.sqrt((days - 1) / days * ((np.array(left) - beta) ** 2).sum(axis=0))
    assert found.table["std_error"].to_numpy() == pytest.approx(cv3, rel=1e-6)


def test_past_days_only_and_the_future_does_not_matter(many):
    few = many[many["day"] < "2024-02-05"].copy()  # 35 days
    past = mm.seasonal(few, "y", past=True, first=10)
    then = few.assign(y=few["y"].where(few["day"] < "2024-01-25", few["y"] ** 2 + 7))
    changed = mm.seasonal(then, "y", past=True, first=10)
    same = few["day"] < "2024-01-25"
    one, two = (f.details["adjusted"]["without_shape"][same] for f in (past, changed))
    pd.testing.assert_series_equal(one, two)
    # the day's own values do not matter to its factor either
    day = few["day"] == "2024-01-25"
    one, two = (f.details["adjusted"]["factor"][day] for f in (past, changed))
    pd.testing.assert_series_equal(one, two)
    assert past.sample.dropped["without a past shape"] == 10 * BARS
    assert one.notna().all()
    # and it is the shape of the fit on the days before
    before = mm.seasonal(few[few["day"] < "2024-01-25"], "y").details["shape"]["factor"]
    assert one.to_numpy() == pytest.approx(before.to_numpy(), rel=1e-8)


def test_zeros_are_left_out_or_given_eps(many):
    few = many[many["day"] < "2024-01-15"].copy()
    few.loc[few["bar"] == 40, "y"] = 0.0
    found = mm.seasonal(few, "y")
    assert found.sample.dropped["zero, which has no logarithm"] == 14
    assert found.details["adjusted"]["without_shape"][few["bar"] == 40].eq(0).all()
    given = mm.seasonal(few, "y", zeros="eps")
    eps = few.loc[few["y"] > 0, "y"].quantile(0.01) / 2
    assert f"{eps:.4g} was added" in given.errors
    assert "zeros_by_eps" in given.flags
    assert given.sample.used == found.sample.used + 14
    few.loc[few["bar"] < 10, "y"] = 0.0
    assert "many_zeros_left_out" in mm.seasonal(few, "y").flags


def test_a_half_day_is_left_out_or_scaled(many):
    few = many[many["day"] < "2024-01-12"]
    half = few[~((few["day"] == "2024-01-05") & (few["bar"] >= 42))]
    out = mm.seasonal(half, "y", harmonics=3)
    assert out.sample.dropped["in sessions much shorter or longer than usual"] == 42
    alone = mm.seasonal(few[few["day"] != "2024-01-05"], "y", harmonics=3)
    assert out.table["estimate"].to_numpy() == pytest.approx(alone.table["estimate"].to_numpy())
    scaled = mm.seasonal(half, "y", harmonics=3, short="scaled")
    assert scaled.flags == ("short_sessions_scaled",)
    part = scaled.details["adjusted"]
    part = part[part["day"] == "2024-01-05"]
    # its last bar is a session's last, its 21st of 42 the 39th of 78
    whole = scaled.details["shape"]["factor"]
    assert part["factor"].iloc[[20, -1]].to_numpy() == pytest.approx(whole[[38, 77]].to_numpy())


def test_summer_time_is_followed_by_the_clock_people_live_by():
    """Activity at 9:30 New York: the UTC bar of it moves by an hour on 10 March 2024."""
    start = pd.date_range("2024-02-26", "2024-03-23 23:30", freq="30min", tz="UTC")
    local = start.tz_convert("America/New_York")
    place = local.hour * 2 + local.minute // 30
    y = 1 + np.exp(-(((place - 24) / 6.0) ** 2))
    day = start.tz_localize(None).normalize()
    since = (start.tz_localize(None) - day).total_seconds()
    table = pd.DataFrame({"day": day, "bar": (since // 1800).astype(int), "start": start})
    table = table.assign(symbol="X", time_of_day=since, y=y)
    by_clock = mm.seasonal(table, "y", zone="America/New_York", harmonics=6)
    in_utc = mm.seasonal(table, "y", harmonics=6)
    spread = [f.details["adjusted"]["without_shape"].std() for f in (by_clock, in_utc)]
    assert spread[0] < 0.01 < 0.05 < spread[1]
    with pytest.raises(ValueError, match="whole days"):
        mm.seasonal(table[table["bar"] < 20], "y", zone="America/New_York")


def test_dummies(many):
    few = many[many["day"] < "2024-01-20"].copy()
    few.loc[few["bar"] == 77, "y"] *= 3.0
    few["announced"] = ((few["bar"] == 54) & (few["day"].dt.day % 4 == 0)).astype(float)
    few.loc[few["announced"] == 1, "y"] *= 5.0
    few.loc[few["bar"] == 11, "y"] *= 2.0  # up to and including 60 minutes after the open
    found = mm.seasonal(few, "y", harmonics=4, dummies=("close", "announced", "60min"))
    table = found.table.set_index("term")
    for name, truth in (("close", np.log(3)), ("announced", np.log(5)), ("60min", np.log(2))):
        assert abs(table.loc[name, "estimate"] - truth) < 3.5 * table.loc[name, "std_error"]
    adjusted = found.details["adjusted"]
    at = few["bar"] == 54
    factor = adjusted["factor"][at & (few["announced"] == 1)]
    plain = adjusted["factor"][at & (few["announced"] == 0)]
    ratio = factor.iloc[0] / plain.iloc[0]
    assert ratio == pytest.approx(np.exp(table.loc["announced", "estimate"]))
    assert found.details["shape"]["factor"].mean() == pytest.approx(1)


def test_one_day_is_refused_or_flagged(many):
    one = many[many["day"] == "2024-01-01"]
    found = mm.seasonal(one, "y")
    assert all(not q.identified for q in found.quantities.values())
    assert "own slow moves" in found.quantities["r2"].reason
    assert len(found.table) == 0
    flagged = mm.seasonal(one, "y", one_day="flagged", harmonics=1)
    assert flagged.flags == ("one_day",)
    assert all(not q.identified for q in flagged.quantities.values())
    assert flagged.details["shape"]["low"].isna().all()
    assert flagged.details["adjusted"]["without_shape"].notna().all()
    assert "few_days" in mm.seasonal(many[many["day"] < "2024-01-04"], "y").flags


def test_flat_series_have_no_shape():
    rng = np.random.default_rng(5)
    found = mm.seasonal(table_of(np.exp(noise(rng, 40, BARS))), "y", harmonics=3)
    assert found.quantities["no_shape"].value > 0.05
    constant = mm.seasonal(table_of(np.ones((5, BARS))), "y")
    assert "the same in all bars" in constant.quantities["r2"].reason


def test_the_rows_come_back_as_they_were_and_accounts_that_agree_are_one(many):
    few = many[many["day"] < "2024-01-10"]
    both = pd.concat([few, few.assign(account="B")]).sample(frac=1, random_state=1)
    found = mm.seasonal(both, "y", harmonics=2)
    alone = mm.seasonal(few, "y", harmonics=2)
    assert found.sample == alone.sample
    adjusted = found.details["adjusted"]
    assert adjusted.index.equals(both.index)
    assert adjusted["y"].tolist() == both["y"].tolist()
    factor = adjusted["factor"].to_numpy()
    assert factor == pytest.approx(alone.details["shape"]["factor"].to_numpy()[both["bar"]])
    with pytest.raises(ValueError, match="choose account="):
        mm.seasonal(pd.concat([few, few.assign(account="B", y=1.0)]), "y")
    with pytest.raises(ValueError, match="2 symbols: choose symbol="):
        mm.seasonal(pd.concat([few, few.assign(symbol="Z")]), "y")
    chosen = mm.seasonal(pd.concat([few, few.assign(symbol="Z", y=1.0)]), "y", symbol="X")
    assert chosen.sample.used == alone.sample.used


def test_missing_stays_missing(many):
    few = many[many["day"] < "2024-01-10"].copy()
    few.loc[few["bar"].between(3, 5), "y"] = np.nan
    found = mm.seasonal(few, "y")
    assert found.sample.dropped["without y"] == 27
    left = found.details["adjusted"]["without_shape"]
    assert left.isna().equals(few["y"].isna())


@pytest.mark.bad_input("bars of a count for a shape over the day", "a table without a day")
def test_bad_tables(many):
    few = many[many["day"] < "2024-01-04"]
    with pytest.raises(ValueError, match="lacks the columns 'day', 'z'"):
        mm.seasonal(few.drop(columns="day"), "z")
    with pytest.raises(TypeError, match="a table with a row a bar"):
        mm.seasonal([1.0], "y")
    with pytest.raises(ValueError, match="not of one length of time"):
        mm.seasonal(few.assign(time_of_day=few["bar"] ** 1.5), "y")
    with pytest.raises(ValueError, match="no clock inside a session"):
        mm.seasonal(few.assign(time_of_day=np.nan), "y")
    with pytest.raises(ValueError, match=r"infinite in 1 rows"):
        mm.seasonal(few.assign(y=few["y"].where(few.index > 0, np.inf)), "y")
    with pytest.raises(ValueError, match="no symbol 'Q'"):
        mm.seasonal(few, "y", symbol="Q")
    with pytest.raises(ValueError, match="kind='shift'"):
        mm.seasonal(few.assign(y=-few["y"]), "y", kind="factor")
    with pytest.raises(ValueError, match=r"harmonics must be.*short must be"):
        mm.seasonal(few, "y", harmonics=-1, short="no")
    daily = mm.seasonal(few[few["bar"] == 0], "y")
    assert "a session has 1 bars" in daily.quantities["r2"].reason
    empty = mm.seasonal(few.iloc[:0], "y")
    assert not empty.quantities["r2"].identified
