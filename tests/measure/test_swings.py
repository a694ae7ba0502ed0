"""Positioning by period: Parseval to 1e-10, N = 4 by hand, waves whose gain is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from mmresearch.measure.swings import MEAN
from tests.at_random import calmly
from tests.panels import panel_of

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def with_mids(held, moved, *, seconds=1.0, **options):
    """A panel whose sum_t I_(t-1) dm_t is that of held * moved, a row a session."""
    held, moved = np.atleast_2d(held), np.atleast_2d(moved)
    panel = panel_of([np.append(h, h[-1]) for h in held], seconds=seconds, **options)
    mid = 100 + np.cumsum(moved, axis=1)
    return panel.assign(mid=mid.ravel(), mid_start=(mid - moved).ravel())


def wave(n, period, phase=0.0):
    return np.cos(2 * np.pi * np.arange(n) / period + phase)


def gains(panel, **options):
    return mm.positioning_by_period(panel, **options).set_index("bin")["positioning"]


@pytest.mark.parametrize("sign", [1, -1])
def test_four_bars_by_hand(sign):
    """I = (6, 5, 4, 5), dm = (2, 1, -2, 1): sum 12 + 5 - 8 + 5 = 14.

    F_I = (20, 2, 0, 2), F_dm = (2, 4, -2, 4): the mean gains 20 * 2 / 4 = 10, the wave of four
    bars 2 * (2 * 4) / 4 = 4, that of two bars 0.
    """
    found = gains(with_mids(sign * np.array([6.0, 5, 4, 5]), [2.0, 1, -2, 1]), bands=(3.0,))
    assert found.index.tolist() == ["under 3 s", "3 s and over", MEAN]
    assert found.tolist() == pytest.approx([0, sign * 4, sign * 10])


def test_a_wave_in_phase_with_the_mid_gains_in_its_band_alone():
    # 30 units that swing every 60 s with a mid that moves 2 an amplitude: 30 * 2 / 2 a bar
    held, moved = 30 * wave(600, 60) + 500, 2 * wave(600, 60)
    found = gains(with_mids(held, moved), bands=("10s", "5min"))
    assert found["10 s to 5 min"] == pytest.approx(30 * 600)
    assert found.drop("10 s to 5 min").abs().max() < 1e-8
    out_of_phase = gains(with_mids(held, 2 * wave(600, 60, np.pi / 2)), bands=("10s", "5min"))
    assert out_of_phase.abs().max() < 1e-8
    against = gains(with_mids(held, -moved), bands=("10s", "5min"))
    assert against["10 s to 5 min"] == pytest.approx(-30 * 600)


SESSION = st.lists(
    st.tuples(st.integers(-1000, 1000), st.integers(-50, 50)), min_size=2, max_size=80
)


@calmly(60)
@given(st.lists(SESSION, min_size=1, max_size=4), st.sampled_from([(3.0,), ("5s", "20s", "1min")]))
def test_bands_add_up_to_1e_10(sessions, bands):
    panels = []
    for number, rows in enumerate(sessions):
        held, moved = (np.array(values, dtype="float64") for values in zip(*rows, strict=True))
        panels.append(with_mids(held, moved, account=f"A{number}"))
    panel = pd.concat(panels, ignore_index=True)
    table = mm.positioning_by_period(panel, bands=bands)
    made = panel["inventory_start"] * (panel["mid"] - panel["mid_start"])
    expected = made.groupby(panel["account"]).sum()
    scale = 1 + made.abs().sum()
    np.testing.assert_allclose(
        table.groupby("account")["positioning"].sum(), expected, atol=1e-10 * scale
    )


def test_sessions_are_transformed_alone():
    rng = np.random.default_rng(2)
    held, moved = rng.normal(size=(2, 3, 50))
    both = mm.positioning_by_period(with_mids(held, moved), bands=(10.0,))
    for k, (_, own) in enumerate(both.groupby("day")):
        alone = mm.positioning_by_period(with_mids(held[k], moved[k]), bands=(10.0,))
        assert own["positioning"].tolist() == pytest.approx(alone["positioning"].tolist())
        assert (own["bars"] == 50).all()


def test_a_market_has_its_multiplier_and_inverse_contracts_turned():
    second = pd.to_timedelta(np.arange(61), unit="s")
    mid = np.where(np.arange(61) < 30, 100.0, 125.0)
    base = {"time": START + second, "seq": 0, "bid_size": 1.0, "ask_size": 1.0}
    quotes = pd.concat(
        [pd.DataFrame(base | {"symbol": s, "bid": mid - 1, "ask": mid + 1}) for s in ("F", "I")]
    )
    fills = pd.DataFrame(
        {"time": START + pd.Timedelta("5s"), "seq": 1, "account": "A", "symbol": ["F", "I"]}
        | {"side": [1, -1], "size": 3.0, "price": 100.0}
    )
    about = pd.DataFrame(
        {"symbol": ["F", "I"], "asset": ["F", "BTC"], "currency": "USD"}
        | {"settlement": ["USD", "BTC"], "multiplier": [50.0, 10.0]}
    )
    market = mm.Market(quotes=quotes.sort_values("time"), fills=fills, symbols=about)
    total = mm.positioning_by_period(market).groupby("symbol")["positioning"].sum()
    assert total["F"] == pytest.approx(3 * 25 * 50)
    assert total["I"] == pytest.approx(-3 * (1 / 100 - 1 / 125) * 10)
    later = fills.assign(time=START + pd.Timedelta("9s"))
    blind = mm.Market(fills=pd.concat([fills, later]), symbols=about)
    with pytest.raises(ValueError, match="periods need quotes or a book"):
        mm.positioning_by_period(blind)


def test_on_the_sample_it_is_the_sum_within_sessions():
    market = mm.sample()
    table = mm.positioning_by_period(market, bands=("5min", "1h"), freq="1min")
    panel = mm.panel(market, freq="1min")
    made = panel["inventory_start"] * (panel["mid"] - panel["mid_start"])
    by = ["account", "symbol", "day"]
    expected = made.groupby([panel[c] for c in by]).sum()
    found = table.groupby(by)["positioning"].sum()
    np.testing.assert_allclose(found, expected[found.index], atol=1e-10 * made.abs().sum())
    assert table.attrs["bins"] == ["under 5 min", "5 min to 1 h", "1 h and over", MEAN]


def test_bars_without_a_mid_are_counted_and_split_the_session():
    rng = np.random.default_rng(4)
    panel = with_mids(*rng.normal(size=(2, 2, 60)))
    panel.loc[[20, 90], "mid"] = np.nan
    panel.loc[100, "inventory_start"] = np.nan
    table = mm.positioning_by_period(panel, bands=(10.0,))
    assert table.attrs["counts"] == {
        **{"without inventory": 1, "without a mid": 2, "sessions split": 3}
    }
    made = (panel["inventory_start"] * (panel["mid"] - panel["mid_start"])).groupby(panel["day"])
    assert table.groupby("day")["positioning"].sum().tolist() == pytest.approx(
        made.sum().tolist(), rel=1e-10
    )


@pytest.mark.bad_input("bands of periods that do not rise")
@pytest.mark.parametrize("bands", [(), ("5min", "10s"), (0.0,), (np.inf,), ("soon",)])
def test_bands_that_are_none(bands):
    with pytest.raises(ValueError, match="bands must be times above 0 that rise"):
        mm.positioning_by_period(with_mids(np.ones(9), np.ones(9)), bands=bands)


@pytest.mark.bad_input("bands below two bars")
def test_bands_below_the_bars():
    with pytest.raises(ValueError, match=r"longer than two bars \(2 s\).*not 2 s"):
        mm.positioning_by_period(with_mids(np.ones(9), np.ones(9)), bands=("2s", "10s"))
    with pytest.raises(ValueError, match=r"longer than two bars \(2 min\).*not 10 s"):
        mm.positioning_by_period(mm.sample(), freq="1min")


@pytest.mark.bad_input("a panel whose bars are no clock's")
def test_panels_that_cannot_answer():
    panel = with_mids(np.ones((3, 9)), np.ones((3, 9)))
    with pytest.raises(ValueError, match="clock bars of one length"):
        mm.positioning_by_period(panel[panel["bar"] == 0])
    with pytest.raises(ValueError, match="bars stand twice"):
        mm.positioning_by_period(pd.concat([panel, panel]))
    with pytest.raises(ValueError, match="lacks the columns mid"):
        mm.positioning_by_period(panel.drop(columns="mid"))
    with pytest.raises(ValueError, match="no bar of that account"):
        mm.positioning_by_period(panel, account="B")
    with pytest.raises(ValueError, match="no bar has an inventory and a mid"):
        mm.positioning_by_period(panel.assign(mid=np.nan))
    with pytest.raises(ValueError, match="clock bars of one length"):
        mm.positioning_by_period(mm.sample(), freq="1D")
