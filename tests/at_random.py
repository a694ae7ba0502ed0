"""How examples are made at random: the same ones on every machine, however long each takes."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def calmly(examples: int) -> settings:
    """Settings for so many examples, none kept from run to run."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
