"""Stoikov's micro-price: against a closed form, long simulations, and the mid that comes later."""

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure import microprice as micro

TICK = 0.01
SIZES = {"low": (1, 9), "even": (5, 5), "high": (9, 1)}
START = pd.Timestamp("2024-01-02", tz="UTC").value


def closed_form(a, b, keep, turn):
    """The adjustment in a state that leans up, in ticks, of a chain with one spread.

    From "high" the mid moves up with a, the sizes go even with b. After a move they are high again
    with `keep`, low with `turn`, else even; from even they go either way alike, which adds nothing.
    So g = a/(a + b) is the next move before all is even, and each move up leaves (keep - turn) of
    the same behind: g (1 + (keep - turn) x) = x.
    """
    g = a / (a + b)
    return g / (1 - g * (keep - turn))


def chain(rng, n, *, a=0.1, b=0.2, keep=0.2, turn=0.5, idle=0.0):
    """States (-1 low, 0 even, 1 high) and half ticks of the mid of that chain, n quotes."""
    lean, mid = np.zeros(n, np.int64), np.zeros(n, np.int64)
    draws = rng.random((n, 2))
    for i in range(1, n):
        u, v = draws[i]
        now, here = lean[i - 1], mid[i - 1]
        if now == 0:
            now = 0 if u < 0.5 else (1 if v < 0.5 else -1)
        elif u < a:
            here += 2 * now
            now = now if v < keep else (-now if v < keep + turn else 0)
        elif u < a + b:
            now = 0
        lean[i], mid[i] = now, here
    return lean, mid


def market(lean, mid, *, calendar="24/7", step=1.0):
    """A quote a step, one tick wide; sizes as the states say."""
    n = len(lean)
    sizes = np.array([SIZES["low"], SIZES["even"], SIZES["high"]])[lean + 1]
    low = 1000 + mid // 2
    quotes = {
        "time": pd.to_datetime(START + (np.arange(n) * step * 1e9).astype("int64"), utc=True),
        "seq": np.arange(n),
        "symbol": "X",
        "bid": low * TICK,
        "ask": (low + 1) * TICK,
        "bid_size": sizes[:, 0].astype(float),
        "ask_size": sizes[:, 1].astype(float),
    }
    symbols = pd.DataFrame({"symbol": ["X"], "tick": [TICK], "calendar": [calendar]})
    return mm.Market(quotes=pd.DataFrame(quotes), symbols=symbols)


def adjustments(table):
    """Low, even, high of a table of one spread and three buckets."""
    return table["adjustment_ticks"].to_numpy()


@pytest.mark.parametrize(("keep", "turn"), [(0.2, 0.5), (0.6, 0.1), (0.0, 0.0)])
def test_closed_form(keep, turn):
    """40 000 quotes, seed 1: within 4 of the errors that the table gives, and these are small."""
    lean, mid = chain(np.random.default_rng(1), 40_000, keep=keep, turn=turn)
    table = mm.microprice(market(lean, mid), buckets=3)
    truth = closed_form(0.1, 0.2, keep, turn)
    low, even, high = adjustments(table)
    assert (low, even) == (-high, 0)
    error = table["std_error"].iloc[2]
    assert 0.003 < error < 0.04
    assert abs(high - truth) < 4 * error


def test_errors_are_as_wide_as_the_estimates_scatter():
    """60 samples of 6 000 quotes, seeds 0 to 59: the scatter's own error is 9 %, so within 3."""
    found = []
    for seed in range(60):
        table = mm.microprice(market(*chain(np.random.default_rng(seed), 6_000)), buckets=3)
        found.append(table[["adjustment_ticks", "std_error"]].iloc[2].to_numpy())
    values, errors = np.array(found).T
    assert values.std(ddof=1) == pytest.approx(np.mean(errors), rel=0.3)
    truth = closed_form(0.1, 0.2, 0.2, 0.5)
    assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / np.sqrt(60) + 0.005


def test_the_mid_later_is_the_micro_price_in_the_mean():
    """A martingale: 300 steps on, far beyond the chain's memory, mean move = adjustment."""
    lean, mid = chain(np.random.default_rng(2), 120_000, keep=0.0, turn=0.9)
    _, _, high = adjustments(mm.microprice(market(lean, mid), buckets=3))
    ahead = (mid[300:] - mid[:-300]) / 2 * lean[:-300]
    picked = ahead[lean[:-300] != 0]
    # windows of 300 steps overlap: one of them is one piece of news
    pieces = picked[: len(picked) // 300 * 300].reshape(-1, 300).mean(axis=1)
    error = pieces.std(ddof=1) / np.sqrt(len(pieces))
    assert error < 0.05
    assert picked.mean() == pytest.approx(high, abs=4 * error)
    # the weighted mid, .4 of a tick, is not a martingale here
    assert abs(high - 0.4) > 4 * error


def by_the_series(states, moves, mirror):
    """G1 = (I - Q)^-1 R K, B = (I - Q)^-1 T, the sum of B^i G1: the paper's way, symmetrised."""
    n = len(mirror)
    quiet, moved, shift = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n)
    for x, y, d in zip(states[:-1], states[1:], moves, strict=True):
        for here, there, by in ((x, y, d), (mirror[x], mirror[y], -d)):
            (moved if by else quiet)[here, there] += 1
            shift[here] += by
    count = (quiet + moved).sum(axis=1)
    inverse = np.linalg.inv(np.eye(n) - quiet / count[:, None])
    g, b = inverse @ (shift / count), inverse @ (moved / count[:, None])
    total = np.zeros(n)
    for _ in range(2_000):
        total, g = total + g, b @ g
    return total


def test_it_is_the_papers_series():
    lean, mid = chain(np.random.default_rng(3), 3_000, keep=0.5, turn=0.2)
    found = adjustments(mm.microprice(market(lean, mid), buckets=3))
    want = by_the_series(lean + 1, np.diff(mid) / 2, [2, 1, 0])
    np.testing.assert_allclose(found, want, atol=1e-10)


def random_quotes(rng, n=4_000):
    """Spreads of 1 to 4 ticks, sizes 1 to 9, the mid drawn to the thin side."""
    spread, half = np.empty(n, int), np.empty(n, int)
    sizes = rng.integers(1, 10, (n, 2)).astype(float)
    place = 200_000
    for i in range(n):
        spread[i] = rng.integers(1, 5)
        place += (place + spread[i]) % 2  # bid and ask on the grid
        half[i] = place
        up = sizes[i, 0] / sizes[i].sum()
        place += int(rng.choice([2, 0, -2], p=[up / 3, 2 / 3, (1 - up) / 3]))
    quotes = pd.DataFrame({"bid": (half - spread) / 2 * TICK, "ask": (half + spread) / 2 * TICK})
    when = pd.to_datetime(START + np.arange(n) * 10**9, utc=True)
    quotes = quotes.assign(time=when, seq=np.arange(n), symbol="X")
    return quotes.assign(bid_size=sizes[:, 0], ask_size=sizes[:, 1])


def study(quotes, tick=TICK, **tables):
    symbols = pd.DataFrame({"symbol": ["X"], "tick": [tick]})
    return mm.Market(quotes=quotes, symbols=symbols, **tables)


def test_several_spreads_are_the_papers_series_too():
    quotes = random_quotes(np.random.default_rng(4))
    table = mm.microprice(study(quotes), buckets=5, most=3)
    spread = np.minimum(np.round((quotes["ask"] - quotes["bid"]) / TICK), 3).astype(int)
    share = quotes["bid_size"] / (quotes["bid_size"] + quotes["ask_size"])
    # no share of sizes below 10 is nearer to an edge than this, but those on it
    bucket = np.where(share < 0.5, np.ceil(5 * share - 1e-9) - 1, np.floor(5 * share + 1e-9))
    states = (spread - 1) * 5 + bucket.astype(int)
    mids = np.round((quotes["bid"] + quotes["ask"]) / TICK).to_numpy() / 2
    mirror = [5 * (x // 5) + 4 - x % 5 for x in range(15)]
    want = by_the_series(states.to_numpy(), np.diff(mids), mirror)
    np.testing.assert_allclose(table["adjustment_ticks"], want, atol=1e-10)
    assert table["spread_ticks"].tolist() == np.repeat([1, 2, 3], 5).tolist()
    np.testing.assert_array_equal(table["quotes"], np.bincount(states[:-1], minlength=15))


def test_mirror_scale_and_idle_quotes_change_nothing():
    quotes = random_quotes(np.random.default_rng(5), 1_500)
    table = mm.microprice(study(quotes), buckets=5)
    turned = quotes.rename(columns={"bid": "a", "ask": "b", "bid_size": "n", "ask_size": "m"})
    turned = turned.assign(bid=5000 - turned["b"], ask=5000 - turned["a"])
    turned = turned.rename(columns={"n": "ask_size", "m": "bid_size"}).drop(columns=["a", "b"])
    mirror = mm.microprice(study(turned), buckets=5)["adjustment_ticks"].to_numpy()
    mirror = -mirror.reshape(-1, 5)[:, ::-1].ravel()
    np.testing.assert_allclose(mirror, table["adjustment_ticks"], atol=1e-10)
    wide = quotes.assign(bid=8 * quotes["bid"], ask=8 * quotes["ask"])
    again = mm.microprice(study(wide, tick=8 * TICK), buckets=5)
    np.testing.assert_allclose(again["adjustment_ticks"], table["adjustment_ticks"], atol=1e-10)
    idle = quotes.iloc[::3].assign(seq=lambda q: q["seq"] + 10**6)
    more = pd.concat([quotes, idle]).sort_values(["time", "seq"], kind="stable")
    again = mm.microprice(study(more), buckets=5)
    np.testing.assert_allclose(again["adjustment_ticks"], table["adjustment_ticks"], atol=1e-10)


def test_nothing_is_learnt_from_a_night_or_from_quotes_that_are_not_valid():
    lean, mid = chain(np.random.default_rng(6), 4_000)
    day = market(lean, mid, calendar="00:00-01:00 UTC")
    later = day.quotes.assign(time=lambda q: q["time"] + pd.Timedelta("1D"))
    later = later.assign(bid=later["bid"] + 1, ask=later["ask"] + 1)  # 100 ticks up in the night
    outside = later.assign(time=lambda q: q["time"] + pd.Timedelta("8h"), bid=5.0, ask=5.01)
    one = mm.microprice(day, buckets=3)
    two = pd.concat([day.quotes, later, outside]).assign(seq=range(12_000))
    two = mm.microprice(mm.Market(quotes=two, symbols=day.symbols), buckets=3)
    np.testing.assert_allclose(adjustments(two), adjustments(one), atol=1e-10)
    spoilt = day.quotes.iloc[::7].assign(seq=lambda q: q["seq"] + 10**6)
    kinds = [
        {"bid": np.nan},
        {"ask": 9.0},
        {"bid": 11.0, "ask": 11.0},
        {"bid_size": 0, "ask_size": 0},
    ]
    bad = pd.concat([spoilt.iloc[k::4].assign(**kind) for k, kind in enumerate(kinds)])
    both = pd.concat([day.quotes, bad]).sort_values(["time", "seq"], kind="stable")
    found = mm.microprice(mm.Market(quotes=both, symbols=day.symbols), buckets=3)
    np.testing.assert_allclose(adjustments(found), adjustments(one), atol=1e-10)
    inside = (bad["time"] <= pd.Timestamp("2024-01-02 01:00", tz="UTC")).sum()
    assert found.attrs["counts"]["X"]["not valid"] == inside


def test_blocks_and_saved_days_change_nothing(tmp_path, monkeypatch):
    quotes = random_quotes(np.random.default_rng(7), 2_000)
    whole = study(quotes)
    whole.save(tmp_path / "saved", by="day")
    table = mm.microprice(whole)
    pd.testing.assert_frame_equal(mm.microprice(mm.open(tmp_path / "saved")), table)
    monkeypatch.setattr(micro, "_AT_ONCE", 7)
    pd.testing.assert_frame_equal(mm.microprice(whole), table)


def test_spreads_against_the_micro_price():
    """Every reference is the mid and a tick's multiple from the table, top spreads together."""
    quotes = random_quotes(np.random.default_rng(8), 2_000)
    rng = np.random.default_rng(9)
    when = quotes["time"].iloc[:1_900] + pd.Timedelta("500ms")
    side = rng.choice([-1.0, 1.0], 1_900)
    price = np.where(side > 0, quotes["ask"][:1_900], quotes["bid"][:1_900])
    trades = pd.DataFrame({"time": when, "seq": 0, "symbol": "X", "price": price, "size": 1.0})
    whole = study(quotes, trades=trades.assign(side=side))
    found = mm.spreads(whole, horizons=["10s"], unit="abs", reference="microprice")
    table = mm.microprice(whole).set_index(["spread_ticks", "imbalance_low"])
    widest = table.index.get_level_values(0).max()
    share = quotes["bid_size"] / (quotes["bid_size"] + quotes["ask_size"])
    for i in range(0, 1_900, 37):
        own = table.xs(min(round((quotes["ask"][i] - quotes["bid"][i]) / TICK), widest))
        row = own[(own.index - 1e-9 <= share[i]) & (share[i] <= own["imbalance_high"] + 1e-9)]
        mid = (quotes["bid"][i] + quotes["ask"][i]) / 2
        # on an edge the bucket is the outer one
        away = row["adjustment_ticks"].iloc[-1 if share[i] >= 0.5 else 0]
        assert found["reference"][i] == pytest.approx(mid + TICK * away, abs=1e-9)
    whole_spread = found["realized_full_abs_10s"] + found["impact_full_abs_10s"]
    np.testing.assert_allclose(whole_spread[:1_800], found["effective_full_abs"][:1_800], atol=1e-9)
    later = mm.spreads(whole, horizons=["10s"], unit="abs")
    assert not np.allclose(
        found["impact_full_abs_10s"][:1_800], later["impact_full_abs_10s"][:1_800]
    )


@pytest.mark.bad_input("a symbol without a tick")
def test_what_is_refused():
    quotes = random_quotes(np.random.default_rng(10), 200)
    for tick in (np.nan, None):
        with pytest.raises(ValueError, match="tick of X"):
            mm.microprice(study(quotes, tick=tick))
    with pytest.raises(ValueError, match="buckets must be an odd"):
        mm.microprice(study(quotes), buckets=4)
    with pytest.raises(ValueError, match="most must be"):
        mm.microprice(study(quotes), most=0)
    with pytest.raises(ValueError, match="needs quotes"):
        mm.microprice(mm.Market(trades=_trade()))
    still = quotes.assign(bid=10.0, ask=10.01)
    with pytest.raises(ValueError, match="0 moves of the mid"):
        mm.microprice(study(still))
    with pytest.raises(ValueError, match="X has 0 moves"):
        mm.microprice(study(still, trades=_trade().assign(symbol="X")).select(end="2023-01-01"))
    with pytest.raises(KeyError, match="no symbol"):
        mm.microprice(study(quotes), symbol="Z")


@pytest.mark.bad_input("sizes that never lean the other way")
def test_a_lean_that_never_turns_has_no_micro_price():
    """The chain and its mirror image never meet: what the lean tells has no end."""
    quotes = random_quotes(np.random.default_rng(11), 400)
    always = quotes.assign(bid_size=9.0, ask_size=1.0)
    with pytest.raises(ValueError, match="never balanced"):
        mm.microprice(study(always), buckets=3)


def _trade():
    when = [pd.Timestamp(START, tz="UTC")]
    return pd.DataFrame({"time": when, "seq": [1], "symbol": ["X"], "price": [10.0], "size": [1.0]})
