"""The withdrawal index: by hand, beside statsmodels, and blind to the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import mmresearch as mm

NAN = np.nan


def bars(days: int, per_day: int, account: str = "M", **columns: object) -> pd.DataFrame:
    """A provision-like table of one series, a bar a minute from 10:00."""
    day = np.repeat(pd.date_range("2024-01-01", periods=days), per_day)
    number = np.tile(np.arange(per_day), days)
    start = pd.Series(day + pd.to_timedelta(10 * 3600 + 60 * number, unit="s")).dt.tz_localize(
        "UTC"
    )
    table = pd.DataFrame({"account": account, "symbol": "X", "day": day, "bar": number})
    table = table.assign(start=start, end=start + pd.Timedelta("1min"), gap=False)
    return table.assign(time_of_day=60.0 * number, **columns)


def random(seed: int = 0, days: int = 12, per_day: int = 60, account: str = "M") -> pd.DataFrame:
    rng, n = np.random.default_rng(seed), days * per_day
    table = bars(days, per_day, account, realized_variance=rng.gamma(2, 2, n))
    table["inventory_start"] = rng.normal(0, 100, n)
    noise = rng.standard_normal((n, 2))
    rough = np.sqrt(table["realized_variance"]).shift(fill_value=1)
    table["at_touch"] = 0.6 - 0.02 * rough + 0.05 * noise[:, 0]
    table["distance_bps"] = 2 + 0.004 * table["inventory_start"].abs() + noise[:, 1]
    return table


def indexed(table: pd.DataFrame, **how: object) -> pd.DataFrame:
    known = [c for c in ("two_sided", "at_touch", "distance_bps") if c in table]
    return mm.withdrawal_index(table, **{"components": known or "auto"} | how)


def test_by_hand():
    """Two parts of a day, no controls: z = (value - mean of that part) / sd, by hand."""
    values = [1, 3, 10, 12, 3, 5, 10, 16, 8, 2, 20, 13]
    table = bars(3, 4, distance_bps=np.array(values, float))
    found = indexed(table, components="distance_bps", season="2min", min_days=2)
    assert found["past_days"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert found["index"].iloc[:8].isna().all()
    # past: 1, 3, 3, 5 (mean 3) and 10, 12, 10, 16 (mean 12): what is left squares to 8 + 24
    scale = np.sqrt(32 / (8 - 2))
    wanted = (np.array([8, 2, 20, 13]) - [3, 3, 12, 12]) / scale
    np.testing.assert_allclose(found["z_distance_bps"].iloc[8:], wanted, rtol=1e-12)
    np.testing.assert_allclose(found["index"].iloc[8:], wanted, rtol=1e-12)
    left = np.array([-2, 0, -2, 0, 0, 2, -2, 4]) / scale
    assert found["threshold"].iloc[8] == pytest.approx(np.quantile(left, 0.95), rel=1e-12)
    assert found["withdrawn"].iloc[8:].tolist() == [True, False, True, False]
    assert found.attrs["left_out"]["of days with fewer than 2 days before them"] == 8


def test_less_of_what_is_good_is_withdrawal():
    table = bars(3, 4, at_touch=[0.5, 0.7, 0.4, 0.6] * 2 + [0.1, 0.9, 0.5, 0.5])
    found = indexed(table, components={"at_touch": -1}, season="1h", min_days=2)
    turned = indexed(table, components={"at_touch": 1}, season="1h", min_days=2)
    assert found["index"].iloc[8] > 0 > found["index"].iloc[9]
    np.testing.assert_allclose(found["index"], -turned["index"])


def test_beside_statsmodels():
    """Expectation and scale of the last day by statsmodels on the days before it."""
    table = random()
    found = indexed(table, season="20min")
    past, last = table["day"] < table["day"].max(), table["day"] == table["day"].max()
    parts = pd.get_dummies(table["time_of_day"] // 1200).astype(float)
    rough = np.sqrt(table["realized_variance"]).groupby(table["day"]).shift()
    x = parts.assign(rough=rough, held=table["inventory_start"].abs())
    whole = x.notna().all(axis=1)
    fit = sm.OLS(table["distance_bps"][past & whole], x[past & whole]).fit()
    z = (table["distance_bps"] - fit.predict(x)) / np.sqrt(fit.scale)
    np.testing.assert_allclose(found["z_distance_bps"][last], z[last], rtol=1e-8)
    mean = found[["z_at_touch", "z_distance_bps"]].mean(axis=1)
    np.testing.assert_allclose(found["index"][last], mean[last], rtol=1e-12)


@pytest.mark.parametrize("cut", [6, 9])
def test_the_past_does_not_change_when_the_future_does(cut):
    table = random()
    whole = indexed(table, season="20min")
    rng = np.random.default_rng(1)
    later = (table["day"].rank(method="dense") > cut).to_numpy()
    other = table.copy()
    for name in ("at_touch", "distance_bps", "realized_variance", "inventory_start"):
        other.loc[later, name] = 50 * rng.random(later.sum())
    for changed in (other, table[~later]):
        found = indexed(changed, season="20min")
        pd.testing.assert_frame_equal(
            found[~later[: len(found)]][list(_NEW)], whole[~later][list(_NEW)], check_exact=True
        )


_NEW = ("index", "threshold", "withdrawn", "z_at_touch", "z_distance_bps", "past_days")


def test_within_a_day_a_bar_knows_nothing_of_later_bars():
    table = random()
    whole = indexed(table, season="20min")
    other = table.copy()
    other.loc[table.index[-5:], ["at_touch", "distance_bps", "realized_variance"]] = 9.0
    found = indexed(other, season="20min")
    pd.testing.assert_frame_equal(
        found.iloc[:-5][list(_NEW)], whole.iloc[:-5][list(_NEW)], check_exact=True
    )


def test_volatility_and_inventory_are_taken_out():
    """What both explain leaves no trace in the index; without them it does."""
    table = random(3, days=30)
    found = indexed(table, season="1h")
    used = found.dropna(subset="index")
    assert abs(np.corrcoef(used["index"], used["volatility_before"])[0, 1]) < 0.06  # 3 / sqrt(n)
    assert abs(np.corrcoef(used["index"], used["inventory_size"])[0, 1]) < 0.09
    blind = indexed(table.drop(columns=["inventory_start"]), season="1h")
    held = blind.dropna(subset="index")
    assert np.corrcoef(held["index"], table["inventory_start"].abs()[held.index])[0, 1] > 0.1


def test_of_noise_the_scores_are_standard_and_a_twentieth_is_called():
    """Seed 5, 55 days used of 60 bars: n = 3,245; three standard errors."""
    found = indexed(random(5, days=60), season="20min").dropna(subset="index")
    n = len(found)
    z = found["z_distance_bps"]
    assert abs(z.mean()) < 3 * (1 / n + 6 / 300) ** 0.5  # the first fits rest on 300 bars
    assert z.std() == pytest.approx(1, abs=3 / np.sqrt(2 * n) + 0.02)
    assert found["withdrawn"].mean() == pytest.approx(
        0.05, abs=3 * np.sqrt(0.05 * 0.95 / n) + 0.005
    )


def test_series_are_apart():
    one, two = random(1), random(2, account="N")
    both = indexed(pd.concat([one, two], ignore_index=True), season="20min")
    alone = indexed(two, season="20min")
    pd.testing.assert_frame_equal(
        both[both["account"] == "N"].reset_index(drop=True)[list(_NEW)], alone[list(_NEW)]
    )


def test_rows_without_an_index_are_counted_once():
    table = random()
    table.loc[table.index[-3:], ["at_touch", "distance_bps"]] = NAN
    table.loc[table.index[-9:-6], "at_touch"] = NAN
    table.loc[table.index[-20], "inventory_start"] = NAN
    found = indexed(table, season="20min")
    left = found.attrs["left_out"]
    assert sum(left.values()) == found["index"].isna().sum()
    assert list(left.values()) == [5 * 60, 7 + 1, 3]  # a first bar a day, and one without inventory
    assert found.attrs["without"] == {"at_touch": 3, "distance_bps": 0}
    assert found["withdrawn"].isna().sum() == found["index"].isna().sum()


def test_a_component_that_never_moved_says_nothing_and_a_share_has_a_least_scale():
    table = random().assign(two_sided=1.0, distance_bps=7.0)
    table.loc[table.index[-1], ["two_sided", "distance_bps"]] = [0.9, 9.0]
    found = indexed(table, season="20min")
    assert found["z_distance_bps"].isna().all()
    assert found["z_two_sided"].iloc[-1] == pytest.approx(10, rel=1e-6)  # 0.1 / 0.01
    assert found["z_two_sided"].iloc[-2] == pytest.approx(0, abs=1e-9)


def test_a_part_of_the_day_that_the_past_does_not_know_is_counted():
    table = random(days=8)
    late = table[table["bar"] < 20].copy()
    more = table[table["day"] == table["day"].max()]
    found = indexed(pd.concat([late[late["day"] < table["day"].max()], more]), season="20min")
    assert found["index"].iloc[-40:].isna().all()
    assert list(found.attrs["left_out"].values())[1] == 40 + 3


def test_sessions_as_bars():
    rng = np.random.default_rng(0)
    table = bars(
        40, 1, spread_bps=np.exp(rng.normal(2, 0.2, 40)), depth=np.exp(rng.normal(5, 1, 40))
    )
    table = table.assign(time_of_day=NAN, realized_variance=rng.gamma(2, 2, 40))
    found = indexed(table, min_days=20)
    assert found.attrs["components"] == {"spread_bps": 1, "depth": -1}
    assert found["index"].notna().sum() == 20


def test_user_threshold_and_components():
    found = indexed(random(), threshold=1.0, components=["at_touch"], season="20min")
    used = found.dropna(subset="index")
    assert (used["withdrawn"] == (used["z_at_touch"] > 1)).all()
    assert (used["threshold"] == 1).all()


def test_one_day_says_why_not():
    found = indexed(random(days=1), season="20min")
    assert found["index"].isna().all()
    assert found["withdrawn"].isna().all()
    assert found.attrs["left_out"]["of days with fewer than 5 days before them"] == 60


REFUSED = [
    ({"components": ["mid"]}, "have no sign"),
    ({"components": {"at_touch": 2}}, "signs are"),
    ({"components": {"nothing": 1}}, "lacks nothing"),
    ({"components": []}, "components"),
    ({"min_days": 0}, "min_days"),
    ({"quantile": 1.0}, "quantile"),
    ({"threshold": NAN}, "threshold"),
    ({"season": "-1min"}, "season"),
]


@pytest.mark.parametrize(("how", "told"), REFUSED)
def test_refused(how, told):
    with pytest.raises(ValueError, match=told):
        indexed(random(days=3), **how)


def test_refused_tables():
    table = random(days=3)
    with pytest.raises(ValueError, match="no column day"):
        indexed(table.drop(columns="day"))
    with pytest.raises(ValueError, match="twice"):
        indexed(pd.concat([table, table]))
    with pytest.raises(ValueError, match="infinite"):
        indexed(table.assign(at_touch=np.inf))
    with pytest.raises(ValueError, match="there already"):
        indexed(indexed(table))
    nothing = table.assign(at_touch=NAN, distance_bps=NAN)
    nothing.attrs["unknown"] = {"at_touch": "no quotes at all"}
    with pytest.raises(ValueError, match="no quotes at all"):
        mm.withdrawal_index(nothing)
