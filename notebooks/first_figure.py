"""The README's figure: a maker who reverts, and a random walk for which the answer is refused."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

import mmresearch as mm


def random_walk(panel: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """The panel with its flow replaced by coin tosses: nothing brings the inventory back."""
    flow = np.random.default_rng(seed).choice([-1.0, 1.0], len(panel))
    end = flow.cumsum()
    return panel.assign(flow=flow, inventory_start=end - flow, inventory_end=end)


def draw(path: Path) -> None:
    """Both pictures side by side, each under its answer."""
    mpl.use("agg")
    import matplotlib.pyplot as plt

    maker = mm.panel(mm.simulate.glft(days=1, seed=7).market, freq="30s")
    walk = random_walk(maker, seed=7)
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for ax, title, panel in [(left, "GLFT maker", maker), (right, "random walk", walk)]:
        mm.plot_reversion(panel, ax=ax)
        answer = textwrap.fill(f"{title}: {mm.half_life(panel)}", 78)
        ax.set_title(answer, fontsize=8, loc="left")
    plt.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(__file__).with_name("first_figure.png"))
