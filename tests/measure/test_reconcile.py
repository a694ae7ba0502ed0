"""Summary and reconciliation of a ledger, by hand."""

import pandas as pd
import pytest

import mmresearch as mm


def _market(reported: list[float]) -> mm.Market:
    day = "2024-01-02 "
    fills = pd.DataFrame(
        {
            "time": pd.to_datetime([day + "10:00", day + "11:00", day + "12:00"], utc=True),
            "seq": [1, 2, 3],
            "account": "M",
            "symbol": "A",
            "side": [1, -1, -1],
            "price": [10.0, 12.0, 11.0],
            "size": [100, 40, 80],
            "fee": [1.0, 1.0, -0.5],
        }
    )
    clocks = [day + "09:00", day + "10:30", day + "11:30", day + "12:30"]
    times = pd.to_datetime(clocks, utc=True).tolist()[: len(reported)]
    positions = pd.DataFrame({"time": times, "account": "M", "symbol": "A", "position": reported})
    tables = {"fills": fills} | ({"positions": positions} if reported else {})
    return mm.Market(**tables)


def test_summary_by_hand() -> None:
    # buy 100 at 10, sell 40 at 12 (+80), sell 80 at 11 (60 close: +60; 20 short at 11, marked 11)
    row = mm.ledger_summary(mm.ledger(_market([0.0]))).iloc[0]
    assert (row["fills"], row["bought"], row["sold"], row["position"]) == (3, 100, 120, -20)
    assert row["realised"] == pytest.approx(140)
    assert row["fees"] == pytest.approx(1.5)
    assert row["profit"] == pytest.approx(140 + row["unrealised"] - 1.5)


def test_a_missing_fill_is_located_between_two_reports_in_both_signs() -> None:
    for lost in (5.0, -5.0):
        # rebuilt: 0, 100, 60, -20; the loss happens between 10:30 and 11:30 and then stays
        ledger = mm.ledger(_market([0.0, 100.0, 60.0 + lost, -20.0 + lost]))
        found = mm.reconcile(ledger)
        assert len(found) == 1
        assert found.loc[0, "missing"] == lost
        assert found.loc[0, "after"] == pd.Timestamp("2024-01-02 10:30", tz="UTC")
        assert f"{lost:+.0f} units of A" in mm.reconciliation(ledger)


def test_reports_that_agree_and_no_reports() -> None:
    agreed = mm.ledger(_market([0.0, 100.0, 60.0, -20.0]))
    assert mm.reconcile(agreed).empty
    assert "All 4 reported" in mm.reconciliation(agreed)
    assert "nothing can be reconciled" in mm.reconciliation(mm.ledger(_market([])))
