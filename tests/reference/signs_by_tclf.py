"""Signs of one tape by tclf 0.4.0, which needs numpy below 2 and so an environment of its own.

    python -m tests.reference.signs_by_tclf tape     here: writes signs_tape.csv from our simulator
    python -m venv ENV && ENV/bin/pip install tclf==0.4.0 "numpy<2" pandas
    ENV/bin/python tests/reference/signs_by_tclf.py signs       there: writes signs_tclf.csv

The tape's quotes are those that stood before each trade of `mm.simulate.market`; prices are moved
to the bid, the ask, the mid, inside, outside, or to the price before, and some quotes taken away.
Prices are whole numbers of half ticks, for at the mid tclf takes a rounded price for one beside it
(49.96 between 49.94 and 49.98 is a buy to it). A quote is taken away on both sides: of one with the
ask alone its EMO signs nothing, ours asks the tick test. tclf wants the last price that differs, of
the symbol's day; that is made here, by a plain loop.
strategy="const" leaves what a rule does not sign 0, where its default draws a sign at random.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
TAPE, SIGNS = HERE / "signs_tape.csv", HERE / "signs_tclf.csv"
RULES = {"quote": "quote", "tick": "tick", "lee_ready": "lr", "emo": "emo", "clnv": "clnv"}
ROWS, SEED = 600, 22


def write_tape() -> None:
    """Trades at all places of the spread, with the quotes that they met."""
    import mmresearch as mm
    from mmresearch.measure.quoted_trades import quoted_trades

    made = mm.simulate.market(days=3, session_seconds=3_600, seed=SEED, duplicates=0).market
    rng = np.random.default_rng(SEED)
    met = quoted_trades(made)[["day", "time", "bid", "ask"]].iloc[:ROWS].reset_index(drop=True)
    bid, ask = (np.round(200 * met[side]).to_numpy() for side in ("bid", "ask"))
    places = [bid, ask, (bid + ask) / 2, bid + 2, ask - 2, bid - 2, ask + 2]
    price = np.choose(rng.integers(0, len(places), len(met)), places)
    again, gone = rng.random(len(met)) < 0.15, rng.random(len(met)) < 0.05
    price[1:] = np.where(again[1:], price[:-1], price[1:])
    quoted = {"bid": np.where(gone, np.nan, bid), "ask": np.where(gone, np.nan, ask)}
    tape = met.assign(price=price, day=met["day"].astype("str"), **quoted)
    tape[["day", "time", "price", "bid", "ask"]].to_csv(TAPE, index=False)


def write_signs() -> None:
    """Each rule's sign of each row of the tape, 0 where it gives none."""
    from tclf.classical_classifier import ClassicalClassifier

    tape = pd.read_csv(TAPE)
    last = last_different(tape["day"].tolist(), tape["price"].tolist())
    table = pd.DataFrame(
        {
            "trade_price": tape["price"],
            "price_ex_lag": last,
            "price_all_lag": last,
            "bid_ex": tape["bid"],
            "ask_ex": tape["ask"],
        }
    )
    signs = {}
    for ours, theirs in RULES.items():
        rule = ClassicalClassifier(layers=[(theirs, "ex")], strategy="const")
        signs[ours] = rule.fit(table).predict(table).astype(int)
    pd.DataFrame(signs).to_csv(SIGNS, index=False)


def last_different(days: list, prices: list) -> list[float]:
    """The last price of the day that is not the trade's own."""
    found = []
    for i, (day, price) in enumerate(zip(days, prices)):  # noqa: B905 (also run by old Pythons)
        before = [p for d, p in zip(days[:i], prices[:i]) if d == day and p != price]  # noqa: B905
        found.append(before[-1] if before else float("nan"))
    return found


if __name__ == "__main__":
    {"tape": write_tape, "signs": write_signs}[sys.argv[1]]()
