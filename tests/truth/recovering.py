"""Small books that come back at a known speed, and their tables of events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

import mmresearch as mm

HORIZONS = ["200ms", "500ms", "1s", "2s", "4s", "8s", "16s", "24s"]


class Book(NamedTuple):
    """Sessions, what comes back and how fast."""

    days: int = 3
    seconds: int = 900
    kappa: float = 0.3
    returns: float = 1.0

    def __str__(self) -> str:
        share = f"{self.returns:.0%} comes back" if self.returns else "nothing comes back"
        speed = f" with half-life {np.log(2) / self.kappa:.3g} s" if self.returns else ""
        return f"{self.days} days of {self.seconds} s, {share}{speed}"

    def market(self, seed: int) -> mm.Market:
        return mm.simulate.resilient_book(
            kappa=self.kappa,
            returns=self.returns,
            rate=0.08,
            mean_size=6.0,
            depth=500.0,
            levels=1,
            days=self.days,
            session_seconds=self.seconds,
            flicker=0.05,
            moves=0.005,
            seed=seed,
        ).market

    def events(self, seed: int) -> pd.DataFrame:
        return mm.recoveries(
            self.market(seed), of="touch", large=0.6, horizons=HORIZONS, controls=5
        )

    def share(self, seconds: float) -> float:
        """What is back in the mean, known from theory."""
        return self.returns * (1 - np.exp(-self.kappa * seconds))
