"""What every simulation returns: the market, and the truth that was planted in it."""

from __future__ import annotations

from typing import NamedTuple

from mmresearch.market import Market


class Simulation(NamedTuple):
    """A simulated market with its truth.

    market : Market
        The tables, as a loader would give them.
    truth : dict
        Everything planted or known from theory: plain numbers, Series and DataFrames.
    """

    market: Market
    truth: dict
