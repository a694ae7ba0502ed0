"""Whether mids and trade prices tell the same components, as they do where the model holds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.component_rows import component_rows
from mmresearch.estimate.errors import regress

COLUMNS = ["difference", "quotes", "prices", "apart", "low", "high", "p"]
DISAGREE = "quotes_and_prices_disagree"
_FEWEST = 50
_TERMS = {"x1": "alpha + beta", "x2": "alpha (1 - 2 pi)"}
_BOTH = "both are 0 (Wald)"


def agreement(
    table: pd.DataFrame, *, bunch: bool, within: str | None, kind: str, level: float
) -> pd.DataFrame:
    """What the prices' equation tells less what the mids' does, on the same trades.

    Both explain a change by S/2 Q of the two trades before: the mid's, and the price's without the
    half spread that the model lets trades pay. Their coefficients differ by those of the difference
    of both, p_t - m_t - S_t/2 Q_t less the same at the trade before, which are 0 where trades pay
    the quoted half spread and what they pay besides is noise. It is Hausman's (1978) comparison,
    with the covariance of both estimates in the errors of that one regression.

    Parameters
    ----------
    table : DataFrame
        As `component_rows` takes it.
    kind : str
        "cluster" (by day) or "hac", as in `estimate.errors.regress`.

    Returns
    -------
    DataFrame
        difference, quotes, prices (the coefficients), apart (prices less quotes), low, high, p. The
        last row is of both differences together, F with the errors' degrees of freedom. Empty
        where there are no quotes or too few trades; apart is 0 and p 1 where every trade is at its
        quote.
    """
    frame = component_rows(table, on="prices", bunch=bunch, within=within).frame
    x = frame[list(_TERMS)]
    if len(frame) < _FEWEST or np.linalg.matrix_rank(x.to_numpy("float64")) < len(_TERMS):
        return pd.DataFrame(columns=COLUMNS)
    both = {
        name: np.linalg.lstsq(x.to_numpy(), frame[y].to_numpy(), rcond=None)[0]
        for name, y in (("quotes", "mid_change"), ("prices", "y"))
    }
    # the second coefficient of the equation is -alpha (1 - 2 pi)
    turn = np.array([1.0, -1.0])
    found = pd.DataFrame({"difference": list(_TERMS.values())} | both)
    found[["quotes", "prices"]] = found[["quotes", "prices"]].mul(turn, axis=0)
    apart = frame["y"] - frame["mid_change"]
    if np.ptp(apart.to_numpy()) <= 1e-12 * np.ptp(frame["y"].to_numpy()):
        found = found.assign(apart=0.0, low=0.0, high=0.0, p=1.0)
        return _with_both(found, 1.0)
    fit = regress(apart, x, frame["day"], errors=kind, level=level)
    ends = fit.table[["low", "high"]].mul(turn, axis=0)
    found = found.assign(
        apart=fit.table["estimate"] * turn,
        low=ends.min(axis=1),
        high=ends.max(axis=1),
        p=fit.table["p"],
    )
    joint = fit.fit.wald_test(np.eye(len(_TERMS)), use_f=True, scalar=True)
    return _with_both(found, float(joint.pvalue))


def _with_both(found: pd.DataFrame, p: float) -> pd.DataFrame:
    last = dict.fromkeys(COLUMNS[1:-1], np.nan) | {"difference": _BOTH, "p": p}
    return pd.concat([found, pd.DataFrame([last])], ignore_index=True)[COLUMNS]


def disagree(table: pd.DataFrame, level: float) -> bool:
    """Whether both differences together are told from 0."""
    return bool(len(table) and table["p"].iloc[-1] < 1 - level)
