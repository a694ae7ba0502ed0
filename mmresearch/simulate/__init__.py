"""Markets whose truth is known: what is simulated, and every number that was planted in it."""

from __future__ import annotations

from mmresearch.simulate.avellaneda_stoikov import avellaneda_stoikov
from mmresearch.simulate.glft import glft
from mmresearch.simulate.market import market
from mmresearch.simulate.order_flow import order_flow
from mmresearch.simulate.queue_book import queue_book
from mmresearch.simulate.resilient_book import resilient_book
from mmresearch.simulate.simulation import Simulation
from mmresearch.theory.law import glft_theory

__all__ = [
    "Simulation",
    "avellaneda_stoikov",
    "glft",
    "glft_theory",
    "market",
    "order_flow",
    "queue_book",
    "resilient_book",
]
