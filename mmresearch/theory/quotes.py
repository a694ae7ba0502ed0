"""The quotes that theory prescribes at each inventory."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.theory.glft import (
    Glft,
    closed_form,
    distances,
    log_ground_state,
    log_v_before,
    risk_neutral_distance,
)

MODELS = ("glft", "avellaneda-stoikov")
QUOTES = ("eigenvector", "closed_form")


def optimal_quotes(
    *,
    model: str = "glft",
    A: float = 0.9,  # noqa: N803 - the papers' letters
    k: float = 0.3,
    gamma: float = 0.01,
    sigma: float = 0.3,
    Q: int = 30,  # noqa: N803
    quotes: str = "eigenvector",
    horizon: float | None = None,
    mu: float = 0.0,
    xi: float = 0.0,
) -> pd.DataFrame:
    """How far below and above the fair price a maker should quote, by its inventory.

    A passive order at distance d from the fair price S is filled with intensity A exp(-k d),
    dS = mu dt + sigma dW, and utility is -exp(-gamma wealth). Any unit of price (ticks, currency)
    and of time will do, the same one throughout; the defaults are in ticks and seconds.

    Parameters
    ----------
    model : {"glft", "avellaneda-stoikov"}
        Guéant, Lehalle and Fernandez-Tapia (2013), which is exact, with at most Q lots; or
        Avellaneda and Stoikov (2008), which holds near the horizon and knows no limit.
    A, k : float
        Fills a unit of time at distance 0, and their decay in 1/price: `calibrate_intensity`.
        Avellaneda and Stoikov's quotes do not depend on A.
    gamma : float
        Absolute risk aversion, 1/price a lot: above 0.
    sigma : float
        Volatility of the fair price, price per square root of the unit of time.
    Q : int
        Largest inventory in lots, and the table's end. GLFT's maker has no bid at +Q and no ask at
        -Q (missing).
    quotes : {"eigenvector", "closed_form"}
        GLFT far from the horizon: exact, or the paper's approximation.
    horizon : float, optional
        Time that is left, T - t. GLFT without one is far from it; with one the quotes are exact by
        the matrix exponential. Avellaneda and Stoikov's need one.
    mu : float
        Drift of the fair price, price a unit of time. GLFT only.
    xi : float
        Adverse selection: by how much the fair price falls when the maker buys and rises when it
        sells, at each fill. GLFT only.

    Returns
    -------
    DataFrame
        A row an inventory q (lots, + long), in the unit of price: delta_bid, delta_ask (distances
        of the quotes from the fair price), spread (their sum), reservation (the middle of the
        quotes less the fair price: below 0 where a long maker leans to be rid of it), skew (change
        of `reservation` with one lot more, price a lot: below 0). attrs: model; c, the distance
        that is left without inventory risk; s, the closed form's -skew.

    Notes
    -----
    GLFT: delta_bid = c + xi/2 + ln(v_q / v_{q+1})/k, delta_ask = c + xi/2 + ln(v_q / v_{q-1})/k,
    c = ln(1 + gamma/k)/gamma; v is the eigenvector of the smallest eigenvalue of the tridiagonal M
    (alpha q^2 - k mu q on the diagonal, -eta beside it), or exp(-M (T - t)) v(T); alpha = k gamma
    sigma^2 / 2, eta = A (1 + gamma/k)^-(1 + k/gamma) exp(-k xi/2). Closed form: c + xi/2 +- s (q -
    mu/(gamma sigma^2)) + s/2 with s = sqrt(alpha/eta)/k.

    Avellaneda and Stoikov: reservation -q gamma sigma^2 (T - t) (also Ho and Stoll 1981, first
    order), spread gamma sigma^2 (T - t) + 2 c. Near the horizon both models are the same.

    References
    ----------
    Avellaneda and Stoikov (2008), "High-frequency trading in a limit order book", equations 29-30;
    Guéant, Lehalle and Fernandez-Tapia (2013), theorems 1-2 and their extensions to drift and
    market impact; Ho and Stoll (1981).
    """
    given = Glft(A, k, gamma, sigma, mu, xi)
    _refuse(model, given, Q, quotes, horizon)
    levels = np.arange(-Q, Q + 1)
    if model == "avellaneda-stoikov":
        bid, ask = avellaneda_stoikov(gamma, sigma, k, horizon, levels)
        scales = {"c": risk_neutral_distance(gamma, k), "s": gamma * sigma**2 * horizon}
    else:
        bid, ask = glft_distances(given, levels, quotes=quotes, horizon=horizon)
        scales = {"c": given.c, "s": given.s}
    table = pd.DataFrame({"delta_bid": bid, "delta_ask": ask}, index=pd.Index(levels, name="q"))
    table["spread"] = bid + ask
    table["reservation"] = (ask - bid) / 2
    table["skew"] = _slope(table["reservation"].to_numpy())
    table.attrs = {"model": model} | {name: float(value) for name, value in scales.items()}
    return table


def avellaneda_stoikov(
    gamma: float, sigma: float, k: float, horizon: float | np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bid and ask distance of Avellaneda and Stoikov (2008), equations 29 and 30."""
    lean = gamma * sigma**2 * horizon
    half = risk_neutral_distance(gamma, k) + lean / 2
    return half + lean * levels, half - lean * levels


def glft_distances(
    given: Glft, levels: np.ndarray, *, quotes: str = "eigenvector", horizon: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Bid and ask distance, none beyond the first and last of `levels`."""
    if quotes == "closed_form":
        bid, ask = closed_form(given, levels)
        bid[-1] = ask[0] = np.nan
        return bid, ask
    if horizon is None:
        return distances(given, log_ground_state(given, levels))
    return distances(given, log_v_before(given, levels, horizon))


def _slope(reservation: np.ndarray) -> np.ndarray:
    """Change a lot, central where both neighbours are there."""
    known = np.isfinite(reservation)
    slope = np.full(len(reservation), np.nan)
    if known.sum() > 1:
        slope[known] = np.gradient(reservation[known])
    return slope


def _refuse(model: str, given: Glft, limit: int, quotes: str, horizon: float | None) -> None:
    """One error that names every fault."""
    faults = []
    if model not in MODELS:
        faults.append(f"model is one of {', '.join(MODELS)}, not {model!r}")
    if quotes not in QUOTES:
        faults.append(f"quotes={quotes!r}; give 'eigenvector' or 'closed_form'")
    numbers = given._asdict()
    low = [n for n in ("A", "k", "gamma", "sigma") if not 0 < numbers[n] < np.inf]
    faults += [f"{name} must be a number above 0, not {numbers[name]}" for name in low]
    if not np.isfinite(given.mu):
        faults.append(f"mu must be finite, not {given.mu}")
    if not 0 <= given.xi < np.inf:
        faults.append(f"xi must be 0 or more, not {given.xi}")
    if limit < 1 or limit != int(limit):
        faults.append(f"Q must be a whole number of lots from 1, not {limit}")
    if horizon is not None and not 0 <= horizon < np.inf:
        faults.append(f"horizon must be 0 or more, not {horizon}")
    if model == "avellaneda-stoikov":
        if horizon is None:
            faults.append("Avellaneda and Stoikov's quotes need a horizon, the time that is left")
        if given.mu or given.xi:
            faults.append("mu and xi are of the model 'glft' only")
    elif horizon is not None and quotes == "closed_form":
        faults.append("the closed form is that of a far horizon: give quotes='eigenvector'")
    if faults:
        raise ValueError("; ".join(faults))
