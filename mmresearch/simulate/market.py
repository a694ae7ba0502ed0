"""A market of several days with two makers, everything about which is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.simulate import plan, tape, truth
from mmresearch.simulate.days import Days, trading_days
from mmresearch.simulate.economy import Flow, Makers, Prices, draw_flow, draw_prices
from mmresearch.simulate.own import own_quotes
from mmresearch.simulate.plan import Plan
from mmresearch.simulate.simulation import Simulation

ACCOUNTS = ["MM1", "MM2"]
_STREAMS = ("start", "plan", "flow", "bursts", "prices", "depth", "anomalies", "own")


def market(
    *,
    days: int = 25,
    session_seconds: int = 23_400,
    half_life: tuple[float, float] = (600.0, 1800.0),
    trades_per_second: tuple[float, float] = (0.055, 0.035),
    alpha: float = -160.0,
    kappa: float = -100.0,
    informed_share: float = 0.3,
    sigma: float = 3.0,
    overnight: float = 40.0,
    fee: float = -0.2,
    price: float = 50.0,
    tick: float = 0.01,
    bursts: int = 3,
    duplicates: int = 2,
    missing_fills: int = 1,
    own: bool = False,
    skew: tuple[float, float] = (0.002, 0.001),
    seed: int = 0,
) -> Simulation:
    """Simulate two makers, MM1 and MM2, who fill all customers of one symbol, SIM.

    Time runs in steps of one second, events fall inside them. A maker's inventory reverts to its
    target: E[dI in a second] = -(1 - rho)(I - target), rho = 2^(-1/half_life), exactly, transfers
    apart. Log prices: the mid before rounding = efficient + alpha * (MM1's + MM2's inventory),
    targets not subtracted; the efficient price moves by kappa times the makers' surprise purchase
    (actual less expected, transfers are no surprise of trade and carry nothing) plus noise. All of
    kappa comes from informed customers, whose share of trades is random; per unit of theirs the
    price moves kappa/informed_share. So return = alpha * dI + kappa * surprise + u holds in every
    bar with u uncorrelated to both, as in Hendershott and Menkveld (2014), with both negative.

    In withdrawal spells a maker shows 30 % of its depth and does 60 % of its trades, the spread is
    wider by two ticks, and from 60 to 900 s after the start the noise has 2.5 times its volatility
    (once, whoever withdraws). Activity and noise follow a U over the day. MM2's target shifts on a
    fifth of the days; MM1's stays 0. Each maker has two random transfers with the desk a day, which
    move inventory and pressure but not the efficient price or the target.

    Parameters
    ----------
    days, session_seconds : int
        Sessions and their length; calendars as `mmresearch.simulate.days` says.
    half_life : (float, float)
        Seconds, of MM1 and MM2.
    trades_per_second : (float, float)
        Mean rate of each maker's trades.
    alpha, kappa : float
        Basis points per million of currency at the starting price: temporary pressure of the
        makers' inventory, permanent impact of a surprise purchase of theirs.
    informed_share : float
        Share of trades with informed customers.
    sigma : float
        Noise of the efficient price, basis points per square root of a minute.
    overnight : float
        Standard deviation of the efficient price's move between sessions, basis points.
    fee : float
        Makers' fee in basis points of the notional, negative: a rebate.
    price, tick : float
        Price at the start; price step.
    bursts, duplicates, missing_fills : int
        How many anomalies of each kind: one-sided bursts of customers, prints repeated with the
        same trade_id, fills absent from `fills` though positions and prints have them.
    own : bool
        Whether the makers' own quotes are there too; everything else is the same. Every five
        seconds, and after each fill or transfer of its own, a maker quotes 2 ticks (in a spell 3)
        on either side of mid - skew * tick * (inventory - target), rounded outward to the tick.
        Just before each fill of its own it joins the market's best on that side, for that instant.
    skew : (float, float)
        Ticks a unit of inventory, of MM1 and MM2, by which own quotes lean.
    seed : int
        The same arguments and seed, the same market.

    Returns
    -------
    Simulation
        market: trades, quotes, fills, transfers, positions, with `own` own_quotes. truth: the
        parameters in several units; DataFrames makers, targets, spells, transfers, anomalies, with
        `own` own_quotes (how they lean); and path, a row a second: time, efficient and mid
        (currency, unrounded), MM1, MM2 (units) at the second's start, MM1_target, MM2_target, the
        surprise of the second that begins (units, both makers).
    """
    sessions = trading_days(days, session_seconds)
    streams = np.random.default_rng(seed).spawn(len(_STREAMS))
    rng = dict(zip(_STREAMS, streams, strict=True))
    makers = Makers(ACCOUNTS, 1 - 0.5 ** (1 / np.array(half_life)), np.array(trades_per_second))
    unit = price / 1e6  # millions of currency in one unit
    prices = Prices(price, alpha * unit, kappa * unit, informed_share, sigma / 60**0.5, overnight)
    planned = plan.draw_plan(rng["plan"], sessions, makers.rate)
    flow = draw_flow(rng, sessions, makers, planned, informed_share=informed_share, bursts=bursts)
    points = draw_prices(rng["prices"], sessions, planned, flow, prices)
    tables, anomalies, fills = tape.tables(
        rng,
        sessions,
        flow,
        points,
        planned.away,
        ACCOUNTS,
        tick=tick,
        fee_bps=fee,
        duplicates=duplicates,
        missing_fills=missing_fills,
    )
    known = _truth(sessions, makers, prices, planned, flow, points)
    if own:
        drawn = (rng["own"], sessions, flow, points, planned, fills, ACCOUNTS)
        tables["own_quotes"] = own_quotes(*drawn, tick=tick, skew=skew)
        known["own_quotes"] = truth.skew_table(ACCOUNTS, skew)
    simulated = _market(tables, sessions.calendar, tick)
    given = {"seed": seed, "days": days, "session_seconds": session_seconds}
    given |= {"fee_bps": fee, "tick": tick}
    planted = {"anomalies": anomalies, "transfers": simulated.transfers}
    return Simulation(simulated, given | known | planted)


def _market(tables: dict[str, pd.DataFrame], calendar: str, tick: float) -> Market:
    symbol = {"symbol": [tape.SYMBOL], "currency": [tape.CURRENCY], "tick": [tick]}
    name = "simulated market"
    return Market(symbols=pd.DataFrame(symbol), calendar=calendar, name=name, **tables)


def _truth(
    sessions: Days, makers: Makers, prices: Prices, planned: Plan, flow: Flow, points: pd.DataFrame
) -> dict:
    return {
        **truth.numbers(makers, prices, flow),
        **truth.constants(),
        "pressure_sd_bps": truth.pressure_sd(prices, flow),
        "makers": truth.maker_table(makers, flow),
        "targets": truth.target_table(planned, sessions, ACCOUNTS),
        "spells": truth.spell_table(planned, sessions, ACCOUNTS),
        "path": truth.path_table(planned, flow, points, sessions, ACCOUNTS),
    }
