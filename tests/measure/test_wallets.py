"""An owner's wallets and venues as one account: own transfers net out, by hand."""

import pandas as pd
import pytest

import mmresearch as mm

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")


def at(seconds):
    return START + pd.to_timedelta(seconds, unit="s")


def study(**more):
    rows = [
        (1, "binance", "BTC", 1, 5.0),
        (2, "bybit", "BTC", -1, 2.0),
        (3, "other", "BTC", 1, 9.0),
    ]
    fills = pd.DataFrame(rows, columns=["s", "account", "symbol", "side", "size"])
    fills = fills.assign(time=at(fills["s"]), seq=fills["s"], price=10.0)
    moves = [
        ("binance", -3.0, "bybit"),  # both sides of one
        ("bybit", 3.0, "binance"),
        ("bybit", -1.0, "cold"),  # one side alone of another
        ("binance", 4.0, "other"),
    ]
    moved = pd.DataFrame(moves, columns=["account", "amount", "counterparty"])
    moved = moved.assign(time=at(4), seq=range(10, 14), asset="BTC")
    return mm.Market(fills=fills, transfers=moved, **more)


OWN = {"binance": "desk", "bybit": "desk", "cold": "desk"}


def test_own_transfers_net_out_and_others_stay():
    joined = mm.join_accounts(study(), OWN)
    assert joined.transfers["amount"].tolist() == [4.0]
    ends = mm.ledger(joined).groupby("account")["position"].last()
    assert ends.to_dict() == {"desk": 5 - 2 + 4, "other": 9}
    assert joined.fills["wallet"].tolist() == ["binance", "bybit", "other"]
    # apart, the transfer to the cold wallet is a loss of one
    apart = mm.ledger(study()).groupby("account")["position"].last()
    assert apart[["binance", "bybit"]].sum() == 5 - 2 + 4 - 1


def test_positions_are_summed_once_every_wallet_has_reported():
    rows = [(0, "binance", 1.0), (5, "bybit", 2.0), (6, "binance", -4.0), (7, "other", 8.0)]
    told = pd.DataFrame(rows, columns=["s", "account", "position"]).assign(symbol="BTC")
    told["time"] = at(told["s"])
    joined = mm.join_accounts(study(positions=told), OWN).positions
    assert joined[["account", "position"]].to_numpy().tolist() == [
        ["desk", 3.0],
        ["desk", -2.0],
        ["other", 8.0],
    ]
    assert joined["time"].tolist() == [at(5), at(6), at(7)]


def test_a_wallet_that_is_not_there():
    with pytest.raises(ValueError, match=r"no wallets \['okx'\].*binance"):
        mm.join_accounts(study(), {"okx": "desk"})


def test_no_wallets_change_nothing_but_what_is_sent_to_oneself():
    joined = mm.join_accounts(study())
    assert len(joined.transfers) == 4
