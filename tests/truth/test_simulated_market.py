"""What `simulate.market` plants is in its tables: estimated by hand, three standard errors.

The market is the sample's own (25 sessions, seed 0); 12 shorter ones (4 sessions, seeds 100 to 111)
show that no bias hides inside the tolerance: the mean of 12 standard scores lies within 3/sqrt(12).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from mmresearch.simulate import market

SECONDS = 23_400
MAKERS = ["MM1", "MM2"]


@pytest.fixture(scope="module")
def simulated():
    return market()


@pytest.fixture(scope="module")
def complete_fills(simulated):
    """The fills with the planted loss put back from the public prints."""
    tables, truth = simulated
    lost = _planted(truth, "missing fill")
    prints = tables.trades.drop_duplicates("trade_id").set_index("trade_id").loc[lost["trade_id"]]
    back = prints.reset_index().assign(
        account=lost["account"].to_numpy(), side=-prints["side"].to_numpy()
    )
    both = pd.concat([tables.fills, back]).sort_values(["time", "seq"], ignore_index=True)
    return both.assign(change=both["side"] * both["size"])


def _planted(truth, kind):
    return truth["anomalies"][truth["anomalies"]["kind"] == kind]


def _by_day(values):
    return np.asarray(values).reshape(-1, SECONDS)


def _score(fit, i, truth):
    return (fit.params[i] - truth) / fit.bse[i]


# reversion


def _reversion(truth, account, target):
    """dI over one second on I - target, no constant, within sessions."""
    path = truth["path"]
    excess = _by_day(path[account] - target)[:, :-1].ravel()
    change = np.diff(_by_day(path[account]), axis=1).ravel()
    return sm.OLS(change, excess).fit(cov_type="HC1")


@pytest.mark.parametrize("account", MAKERS)
def test_inventory_reverts_to_its_target_at_the_planted_rate(simulated, account):
    truth = simulated.truth
    planted = truth["makers"].set_index("account").loc[account]
    assert planted["rho_1s"] == pytest.approx(0.5 ** (1 / planted["half_life_s"]), rel=1e-12)
    fit = _reversion(truth, account, truth["path"][f"{account}_target"])
    assert abs(_score(fit, 0, planted["rho_1s"] - 1)) < 3
    assert abs(_score(fit, 0, 0.0)) > 3


def test_without_its_target_the_second_maker_seems_slower(simulated):
    truth = simulated.truth
    fit = _reversion(truth, "MM2", truth["path"]["MM2"].mean())
    assert _score(fit, 0, truth["makers"]["rho_1s"][1] - 1) > 3


def test_no_probability_was_clipped(simulated):
    assert simulated.truth["clipped_trades"] == 0


# prices


def _minute_table(tables, truth):
    """Return (bps) of the quoted mid, change of both makers' holdings and surprise, by minute."""
    path, quotes = truth["path"], tables.quotes
    mid = pd.DataFrame({"time": quotes["time"], "mid": (quotes["bid"] + quotes["ask"]) / 2})
    known = pd.merge_asof(path[["time"]], mid, on="time")["mid"]
    log_mid = 1e4 * np.log(_by_day(known)[:, ::60])
    held = _by_day(path["MM1"] + path["MM2"])[:, ::60]
    surprise = _by_day(path["surprise"]).reshape(len(held), -1, 60).sum(axis=2)[:, :-1]
    columns = {"r": np.diff(log_mid), "change": np.diff(held), "surprise": surprise}
    columns["before"] = held[:, :-1]
    return pd.DataFrame({name: value.ravel() for name, value in columns.items()})


def _regress(table, y, *regressors):
    x = sm.add_constant(table[list(regressors)].to_numpy())
    return sm.OLS(table[y].to_numpy(), x).fit(cov_type="HC1")


def test_joint_regression_recovers_pressure_and_impact(simulated):
    tables, truth = simulated
    minutes = _minute_table(tables, truth)
    fit = _regress(minutes, "r", "change", "surprise")
    assert abs(_score(fit, 1, truth["alpha_bps_per_unit"])) < 3
    assert abs(_score(fit, 2, truth["kappa_bps_per_unit"])) < 3
    assert (fit.params[1:] + 5 * fit.bse[1:] < 0).all()


def test_innovation_of_a_bar_s_autoregression_serves_as_the_surprise(simulated):
    tables, truth = simulated
    minutes = _minute_table(tables, truth)
    minutes["innovation"] = _regress(minutes, "change", "before").resid
    fit = _regress(minutes, "r", "change", "innovation")
    assert abs(_score(fit, 1, truth["alpha_bps_per_unit"])) < 3
    assert abs(_score(fit, 2, truth["kappa_bps_per_unit"])) < 3


def test_return_on_change_alone_mixes_the_two(simulated):
    """The trap of Hendershott and Menkveld (2014): nearly alpha + kappa, as changes surprise."""
    tables, truth = simulated
    fit = _regress(_minute_table(tables, truth), "r", "change")
    alpha, kappa = truth["alpha_bps_per_unit"], truth["kappa_bps_per_unit"]
    assert abs(_score(fit, 1, alpha)) > 10
    assert fit.params[1] == pytest.approx(alpha + kappa, rel=0.05)


def test_no_bias_over_many_short_markets():
    scores = []
    for seed in range(100, 112):
        tables, truth = market(days=4, seed=seed)
        fit = _regress(_minute_table(tables, truth), "r", "change", "surprise")
        prices = [_score(fit, i + 1, truth[f"{n}_bps_per_unit"]) for i, n in enumerate(_PRICES)]
        speeds = [
            _score(_reversion(truth, name, truth["path"][f"{name}_target"]), 0, rho - 1)
            for name, rho in zip(MAKERS, truth["makers"]["rho_1s"], strict=True)
        ]
        scores.append(prices + speeds)
    assert (np.abs(np.mean(scores, axis=0)) < 3 / np.sqrt(len(scores))).all()


_PRICES = ("alpha", "kappa")


def test_units_of_the_truth_agree(simulated):
    truth = simulated.truth
    for name in _PRICES:
        per_unit = truth[f"{name}_bps_per_unit"]
        assert truth[f"{name}_bps_per_million"] == pytest.approx(per_unit * 1e6 / 50.0)
        assert truth[f"{name}_price_per_unit"] == pytest.approx(per_unit * 1e-4 * 50.0)
    kappa = truth["kappa_informed_bps_per_unit"] * truth["informed_share"]
    assert kappa == pytest.approx(truth["kappa_bps_per_unit"])


def test_mid_is_efficient_plus_pressure(simulated):
    truth = simulated.truth
    path = truth["path"]
    pressure = 1e4 * np.log(path["mid"] / path["efficient"])
    both = path["MM1"] + path["MM2"]
    np.testing.assert_allclose(pressure, truth["alpha_bps_per_unit"] * both, rtol=0, atol=1e-8)
    assert pressure.std(ddof=0) == pytest.approx(truth["pressure_sd_bps"], rel=1e-6)


def test_the_price_follows_the_informed_and_not_the_noise(simulated, complete_fills):
    """Efficient return over a second on the customers' signed units in it, by kind of customer."""
    truth = simulated.truth
    path, fills = truth["path"], complete_fills[complete_fills["counterparty"].notna()]
    second = path["time"].searchsorted(fills["time"], side="right") - 1
    table = pd.DataFrame({"r": _by_day(1e4 * np.log(path["efficient"])).ravel()})
    for kind in ("informed", "noise"):
        units = -fills["change"].where(fills["counterparty"] == kind, 0.0)
        table[kind] = np.bincount(second, weights=units, minlength=len(path))
    inside = np.arange(len(path)) % SECONDS != SECONDS - 1
    table["r"] = table["r"].shift(-1) - table["r"]
    fit = _regress(table[inside], "r", "informed", "noise")
    assert abs(_score(fit, 1, -truth["kappa_informed_bps_per_unit"])) < 3
    assert abs(_score(fit, 2, 0.0)) < 3
    assert _score(fit, 1, 0.0) > 10
    share, n = (fills["counterparty"] == "informed").mean(), len(fills)
    expected = truth["informed_share"]
    assert abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / n)


# conservation


def test_fills_and_transfers_explain_every_snapshot_but_the_planted_loss(simulated):
    tables, truth = simulated
    lost = _planted(truth, "missing fill")
    fills = tables.fills.assign(change=tables.fills["side"] * tables.fills["size"])
    for account, held in tables.positions.groupby("account"):
        own = lost[lost["account"] == account]
        gap = held["position"] - _rebuilt(fills, tables.transfers, account, held)
        # what the customer bought, the maker sold without our knowing
        expected = [-own.loc[own["start"] <= t, "customer_units"].sum() for t in held["time"]]
        np.testing.assert_array_equal(gap, expected)
    assert len(lost) == 1
    assert lost["customer_units"].abs().eq(300).all()


def _rebuilt(fills, transfers, account, held):
    moved = transfers[(transfers["account"] == account) & (transfers["asset"] == "SIM")]
    traded = fills[fills["account"] == account]
    return [
        held["position"].iloc[0]
        + traded.loc[traded["time"] <= t, "change"].sum()
        + moved.loc[moved["time"] <= t, "amount"].sum()
        for t in held["time"]
    ]


def test_snapshots_are_at_each_opening_and_closing_and_the_night_changes_nothing(simulated):
    tables, _ = simulated
    sessions = tables.sessions("SIM")
    assert len(sessions) == 25
    for _, held in tables.positions.groupby("account"):
        expected = sessions[["open", "close"]].to_numpy().ravel()
        np.testing.assert_array_equal(held["time"], expected)
        position = held["position"].to_numpy()
        np.testing.assert_array_equal(position[1:-1:2], position[2::2])


def test_prints_are_the_fills_from_the_customers_side(simulated, complete_fills):
    trades = simulated.market.trades
    again = trades.duplicated("trade_id")
    prints = trades[~again].reset_index(drop=True)
    np.testing.assert_array_equal(prints["side"], -complete_fills["side"])
    for column in ("time", "seq", "price", "size", "trade_id"):
        assert (prints[column] == complete_fills[column]).all()
    twice = trades.loc[again, "trade_id"].tolist()
    assert twice == _planted(simulated.truth, "duplicate")["trade_id"].tolist()
    assert len(twice) == 2


def test_the_rebate_is_a_fifth_of_a_basis_point(simulated):
    fills = simulated.market.fills
    np.testing.assert_allclose(fills["fee"], -0.2e-4 * fills["price"] * fills["size"], atol=5.1e-5)
    assert fills["maker"].all()


# quotes


def test_quotes_are_whole_ticks_with_the_bid_below_the_ask(simulated):
    quotes = simulated.market.quotes
    assert (quotes["bid"] < quotes["ask"]).all()
    for side in ("bid", "ask"):
        ticks = quotes[side] / 0.01
        np.testing.assert_allclose(ticks, ticks.round(), rtol=0, atol=1e-6)
        assert (quotes[f"{side}_size"] >= 300).all()


def test_each_trade_is_at_the_quote_strictly_before_it(simulated):
    trades = simulated.market.trades.drop_duplicates("trade_id")
    both = pd.concat([trades, simulated.market.quotes]).sort_values(["time", "seq"])
    both[["bid", "ask"]] = both[["bid", "ask"]].where(both["price"].isna()).ffill()
    met = both[both["price"].notna()]
    np.testing.assert_array_equal(met["price"], np.where(met["side"] > 0, met["ask"], met["bid"]))


def _withdrawn(truth, first="start", last="end"):
    """How many makers withdraw in each second of the path."""
    time = truth["path"]["time"]
    count = np.zeros((2, len(time) + 1), dtype=int)
    for spell in truth["spells"].itertuples():
        row = MAKERS.index(spell.account)
        count[row, time.searchsorted(getattr(spell, first))] += 1
        count[row, time.searchsorted(getattr(spell, last))] -= 1
    return np.cumsum(count, axis=1)[:, :-1] > 0


def test_withdrawal_widens_the_spread_and_thins_the_book(simulated):
    """A bid rounded down and an ask rounded up lie 2h + 1 ticks apart on average."""
    tables, truth = simulated
    quotes = pd.merge_asof(truth["path"][["time"]], tables.quotes.drop(columns="seq"), on="time")
    makers = _withdrawn(truth).sum(axis=0)
    spread = ((quotes["ask"] - quotes["bid"]) / 0.01).groupby(makers).mean()
    expected = 1 + 2 * (truth["half_spread_ticks"] + truth["spell_ticks_each_side"] * spread.index)
    np.testing.assert_allclose(spread.loc[:1], expected[:2], atol=0.05)
    depth = (quotes["bid_size"] + quotes["ask_size"]).groupby(makers).mean()
    assert depth[1] / depth[0] == pytest.approx((1 + truth["spell_depth"]) / 2, rel=0.02)


def test_volatility_rises_a_minute_after_a_withdrawal_starts(simulated):
    """Returns of the efficient price in seconds without a trade, divided by the daily U."""
    tables, truth = simulated
    rough = _withdrawn(truth, "volatile_from", "volatile_to").any(axis=0)
    fresh = _withdrawn(truth, "start", "volatile_from").any(axis=0) & ~rough
    noise, quiet = _standard_noise(tables, truth)
    sigma, multiple = truth["sigma_bps_per_root_s"], truth["volatility_multiple"]
    for where, expected in ((~rough, sigma), (fresh, sigma), (rough, sigma * multiple)):
        kept = noise[where & quiet]
        assert abs(kept.std() / expected - 1) < 4 / np.sqrt(2 * len(kept))


def _standard_noise(tables, truth):
    path = truth["path"]
    second = np.arange(len(path)) % SECONDS
    u = 0.75 + 0.75 * (2 * (second + 0.5) / SECONDS - 1) ** 2
    step = np.diff(1e4 * np.log(path["efficient"]), append=np.nan)
    at = path["time"].searchsorted(tables.trades["time"], side="right") - 1
    quiet = np.bincount(at, minlength=len(path)) == 0
    return step / np.sqrt(u), quiet & (second != SECONDS - 1)


def test_spells_last_four_to_eight_minutes_and_volatility_follows(simulated):
    tables, truth = simulated
    spells = truth["spells"]
    assert (spells.groupby("account").size() == 50).all()
    lasts = (spells["end"] - spells["start"]).dt.total_seconds()
    assert lasts.between(240, 480).all()
    for name, after in (("volatile_from", 60), ("volatile_to", 900)):
        assert ((spells[name] - spells["start"]).dt.total_seconds() == after).all()
        assert truth[f"{name}_s"] == after
    row = tables.sessions("SIM")["open"].searchsorted(spells["start"], side="right") - 1
    closes = tables.sessions("SIM")["close"].to_numpy()[row]
    assert (spells["volatile_to"].to_numpy() <= closes).all()


def test_quoted_mid_moves_more_in_the_volatile_minutes(simulated):
    tables, truth = simulated
    minutes = _minute_table(tables, truth)
    rough = _withdrawn(truth, "volatile_from", "volatile_to").any(axis=0)
    share = rough.reshape(-1, SECONDS // 60, 60).mean(axis=2)[:, :-1].ravel()
    squared = minutes["r"] ** 2
    calm, wild = squared[share == 0], squared[share == 1]
    error = np.sqrt(calm.var() / len(calm) + wild.var() / len(wild))
    assert wild.mean() - calm.mean() > 5 * error


# activity, targets, anomalies


@pytest.mark.parametrize("account", MAKERS)
def test_trades_are_poisson_with_the_planted_rate(simulated, complete_fills, account):
    """Counts by half-hour and by withdrawn or not, apart from bursts: chi-square at 0.1 %."""
    truth = simulated.truth
    rate = truth["makers"].set_index("account").loc[account, "trades_per_second"]
    second = np.arange(len(truth["path"])) % SECONDS
    u = 0.75 + 0.75 * (2 * (second + 0.5) / SECONDS - 1) ** 2
    away = _withdrawn(truth)[MAKERS.index(account)]
    expected = rate * u * np.where(away, truth["spell_activity"], 1.0)
    own = complete_fills[complete_fills["account"] == account]
    at = truth["path"]["time"].searchsorted(own["time"], side="right") - 1
    counts = np.bincount(at, minlength=len(u))
    for burst in _planted(truth, "burst").itertuples():
        hit = truth["path"]["time"].between(burst.start.floor("s"), burst.end).to_numpy()
        counts[hit] = expected[hit] = 0
    cell = second // 1800 + 13 * away
    n, m = np.bincount(cell, weights=counts), np.bincount(cell, weights=expected)
    assert ((n - m) ** 2 / m).sum() < chi2.ppf(0.999, len(m))


def test_targets_and_transfers_are_as_listed(simulated):
    tables, truth = simulated
    path, targets = truth["path"], truth["targets"]
    assert (path["MM1_target"] == 0).all()
    own = targets[targets["account"] == "MM2"]
    assert len(own) > 2
    listed = own["target"].to_numpy()[own["time"].searchsorted(path["time"], side="right") - 1]
    np.testing.assert_array_equal(path["MM2_target"], listed)
    pd.testing.assert_frame_equal(truth["transfers"], tables.transfers)
    moves = tables.transfers[tables.transfers["asset"] == "SIM"]
    assert (moves.groupby("account").size() == 50).all()
    assert (tables.transfers["asset"] == "USD").sum() == 2


def test_bursts_are_one_sided(simulated):
    tables, truth = simulated
    bursts = _planted(truth, "burst")
    assert len(bursts) == 3
    for burst in bursts.itertuples():
        inside = tables.trades[tables.trades["time"].between(burst.start, burst.end)]
        customers = (inside["side"] == np.sign(burst.customer_units)).sum()
        assert customers >= burst.trades == 12
        assert burst.end - burst.start <= pd.Timedelta("30s")


def test_a_market_without_anomalies_reconciles():
    tables, truth = market(days=1, bursts=0, duplicates=0, missing_fills=0, seed=4)
    assert truth["anomalies"].empty
    assert tables.trades["trade_id"].is_unique
    assert len(tables.trades) == len(tables.fills)


def test_other_session_lengths_run():
    tables, truth = market(days=2, session_seconds=86_400, seed=2)
    assert tables.calendar("SIM") == "24/7"
    assert len(truth["path"]) == 2 * 86_400
    short, _ = market(days=1, session_seconds=120, bursts=1, missing_fills=0, seed=2)
    assert short.calendar("SIM") == "00:00-00:02 UTC"


def test_too_few_trades_for_the_anomalies_is_said():
    with pytest.raises(ValueError, match="too few"):
        market(days=1, session_seconds=60, bursts=0, missing_fills=100)


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - to see that nobody touched it
    first, again, other = (market(days=1, seed=seed).market for seed in (7, 7, 8))
    assert first.data_hash == again.data_hash != other.data_hash
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
