"""Intervals of `dealer_pricing` for dealers who learn and shade, and for one who does neither."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mmresearch.estimate.dealer_pricing import (
    _fits,
    _quantities,
    _without_constant,
    dealer_pricing,
)
from mmresearch.estimate.dealer_rows import dealer_rows
from mmresearch.estimate.result import Quantity
from tests.truth.coverage import Row, row
from tests.truth.quoting_dealer import Dealer, quoting, tape

DEALERS = {
    "learns and shades": Dealer(noise=0.02),
    "shades little": Dealer(shade=0.001, noise=0.02),
    "neither": Dealer(prior=1.0, shade=0.0, noise=0.02),
}
CHOICE = {"errors": "auto", "level": 0.95, "draws": 199, "seed": 0}
SAMPLES = (("cluster", 45, 40), ("wild", 12, 60), ("hac", 3, 200))


def truths(dealer: Dealer) -> dict[str, float]:
    """The quantities' true values, in basis points; no weight where nothing is shaded."""
    told = {name: 100 * value for name, value in dealer.truth().items()}
    found = {"information": told["size"], "shading": told["inventory"] + 0.0}
    return found | {"prior_weight": dealer.prior, "half_spread": told["direction"]}


def rows_of(noise: str, worlds: Iterable[tuple[str, Dealer]], samples: tuple, asked: tuple) -> list:
    """A row a world, sample and quantity."""
    replications, seed = asked
    rows = []
    for number, (name, dealer) in enumerate(worlds):
        for errors, days, trades in samples:
            rng = np.random.default_rng([seed, number, days])
            found: list[dict[str, Quantity]] = []
            for _ in range(replications):
                fills = quoting(rng, dealer, days=days, trades=trades)
                draw = int(rng.integers(2**31))
                options = {"size": "units", "noise": noise, "draws": 199, "seed": draw}
                found.append(dict(dealer_pricing(fills, **options).quantities))
            case = f"{days} days of {trades} trades ({errors}), {name}"
            call = "dealer_pricing" if noise == "any" else "dealer_pricing(noise='ma')"
            for term, truth in truths(dealer).items():
                if term != "prior_weight" or dealer.shade:
                    told = [q[term] for q in found]
                    rows.append(row(call, f"{term}: {case}", truth, told))
    return rows


def plain(replications: int, seed: int) -> list[Row]:
    """Least squares, by errors that few, some and many days have."""
    return rows_of("any", DEALERS.items(), SAMPLES, (replications, seed))


def filtered(replications: int, seed: int) -> list[Row]:
    """After the error's MA(1), clustered by day."""
    return rows_of("ma", list(DEALERS.items())[:1], SAMPLES[:1], (replications, seed))


def brokered(replications: int, seed: int) -> list[Row]:
    """The coefficient of what others bought between the dealer's trades: .2 bps a unit."""
    rows = []
    for errors, days, trades in (SAMPLES[0], SAMPLES[2]):
        rng, found = np.random.default_rng([seed, 7, days]), []
        for _ in range(replications):
            fills = quoting(rng, DEALERS["shades little"], days=days, trades=trades, brokered=0.002)
            frame = dealer_rows(fills, held="ledger", size="units", brokered=tape(fills, rng)).frame
            fits = _fits(_without_constant(frame, 0.0), CHOICE)
            found.append(_quantities(fits, errors, "units")["brokered"])
        case = f"brokered: {days} days of {trades} trades ({errors}), 0.2 bps a unit"
        rows.append(row("dealer_pricing(brokered=)", case, 0.2, found))
    return rows


COVERAGE = {
    "dealer_pricing": plain,
    "dealer_pricing ma": filtered,
    "dealer_pricing brokered": brokered,
}
