"""Size of the test of `flow_cointegration`, and its intervals where price and flow go together."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from mmresearch.estimate.dealer_rows import dealer_rows
from mmresearch.estimate.flow_cointegration import (
    _fits,
    _quantities,
    _sessions,
)
from mmresearch.estimate.flow_walks import cointegrating, null_law, paths
from tests.truth.coverage import Row, Study, row
from tests.truth.flow_market import flow_market
from tests.truth.quoting_dealer import Dealer, quoting

CALL = 'flow_cointegration details["cointegration"]'
LAGS = {60: 3, 40: 3, 400: 5, 300: 5}  # the rule's
PARTING = {
    "hedged": partial(flow_market, rho=1.0),
    "noisy prices": partial(flow_market, rho=1.0, bounce=4.0),
    "never hedged, shades": partial(quoting, dealer=Dealer(noise=0.02)),
}
SAMPLES = {"hedged": ((12, 60), (45, 40), (1, 400))}


def p_value(fills: pd.DataFrame, lags: int, draws: int, seed: int) -> float:
    """The p of the test alone, without the rest of the answer."""
    frame, _ = _sessions(dealer_rows(fills, held="ledger", size="units"))
    laid = paths(frame["run"].to_numpy(), frame["price"].to_numpy(), [frame["flow"].to_numpy()])
    statistic = cointegrating(laid.price, laid.flows, laid.there, lags).statistic
    law = null_law(laid, lags, draws, np.random.default_rng(seed))
    return float((1 + (law <= statistic).sum()) / (draws + 1))


def size(replications: int, seed: int) -> list[Row]:
    """How often cointegration is found at 5 % where there is none; 19 draws suffice for it."""
    rows = []
    for number, (name, world) in enumerate(PARTING.items()):
        for days, trades in SAMPLES.get(name, SAMPLES["hedged"][:1]):
            rng, said = np.random.default_rng([seed, number, days]), 0
            for _ in range(replications):
                made = world(rng, days=days, trades=trades)
                said += p_value(made, LAGS[trades], 19, int(rng.integers(2**31))) <= 0.05
            share = said / replications
            error = (share * (1 - share) / replications) ** 0.5
            case = f"test of cointegration: {days} days of {trades} trades, {name}"
            rows.append(Row(CALL, case, 0.0, 0.05, share, 0.0, replications, error))
    return rows


def quick(fills: pd.DataFrame, draws: int, seed: int) -> dict:
    """The quantities of `flow_cointegration` in units, for 300 trades a session."""
    frame, _ = _sessions(dealer_rows(fills, held="ledger", size="units"))
    choice = {"errors": "auto", "level": 0.95}
    return _quantities(_fits(frame, LAGS[300], choice, draws, seed), "units", 0.95)


def levels(replications: int, seed: int) -> list[Row]:
    """Where price and flow stay together: beta .5, and rho -.2."""
    rng = np.random.default_rng([seed, 9, 12])
    found = [
        quick(flow_market(rng, days=12, trades=300, rho=0.8), 19, int(rng.integers(2**31)))
        for _ in range(replications)
    ]
    case = "12 days of 300 trades, beta 0.5, rho -0.2"
    return [
        row("flow_cointegration", f"{name}: {case}", truth, [q[name] for q in found])
        for name, truth in (("long_run", 0.5), ("adjustment", -0.2))
    ]


COVERAGE: dict[str, Study] = {
    "flow_cointegration size": size,
    "flow_cointegration": levels,
}
