"""What was planted in a simulated market, as plain numbers and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.simulate import own, plan, tape
from mmresearch.simulate.days import Days
from mmresearch.simulate.economy import TRANSFER, Flow, Makers, Prices


def numbers(makers: Makers, prices: Prices, flow: Flow) -> dict:
    """The planted parameters, each in the units that a reader may want."""
    million = 1e6 / prices.start  # units in a million of currency, at the starting price
    scales = {}
    for name, value in (("alpha", prices.alpha), ("kappa", prices.kappa)):
        scales[f"{name}_bps_per_unit"] = value
        scales[f"{name}_bps_per_million"] = value * million
        scales[f"{name}_price_per_unit"] = value * prices.start / 1e4
    informed = prices.kappa / prices.informed_share
    return scales | {
        "informed_share": prices.informed_share,
        "kappa_informed_bps_per_unit": informed,
        "sigma_bps_per_root_s": prices.sigma,
        "overnight_bps": prices.overnight,
        "price": prices.start,
        "mean_units": float(plan.LOT_UNITS @ plan.LOT_SHARES),
        "mean_squared_units": float(plan.LOT_UNITS**2 @ plan.LOT_SHARES),
        "aggregate_trades_per_second": float(makers.rate.sum()),
        "clipped_trades": flow.clipped,
    }


def constants() -> dict:
    """What is the same in every simulated market."""
    return {
        "activity_base": plan.ACTIVITY[0],
        "activity_curve": plan.ACTIVITY[1],
        "spell_activity": plan.SPELL_ACTIVITY,
        "spell_depth": tape.SPELL_DEPTH,
        "spell_ticks_each_side": tape.SPELL_TICKS,
        "half_spread_ticks": tape.HALF_SPREAD_TICKS,
        "volatility_multiple": plan.VOLATILITY_MULTIPLE,
        "volatile_from_s": plan.VOLATILE_FROM,
        "volatile_to_s": plan.VOLATILE_TO,
        "target_shifts_a_day": plan.TARGET_SHIFTS_A_DAY,
        "target_sd_units": plan.TARGET_SD,
        "transfers_a_day": plan.TRANSFERS_A_DAY,
        "transfer_sd_units": plan.TRANSFER_SD,
    }


def maker_table(makers: Makers, flow: Flow) -> pd.DataFrame:
    """A row a maker: account, half_life_s, kappa_per_s, rho_1s, trades_per_second, inventory_sd.

    kappa_per_s is the reversion rate ln 2 / half_life. inventory_sd (units) is that of the path
    drawn, at whole seconds.
    """
    rate = -np.log1p(-makers.reversion)
    return pd.DataFrame(
        {
            "account": makers.accounts,
            "half_life_s": np.log(2) / rate,
            "kappa_per_s": rate,
            "rho_1s": 1 - makers.reversion,
            "trades_per_second": makers.rate,
            "start_units": flow.start,
            "inventory_sd": flow.held.std(axis=0),
        }
    )


def skew_table(accounts: list[str], skew: tuple[float, ...]) -> pd.DataFrame:
    """How own quotes lean: account, skew_ticks_per_unit (of inventory above target, downward).

    half_spread_ticks: each side before rounding; in a spell there is spell_ticks_each_side more.
    """
    table = pd.DataFrame({"account": accounts, "skew_ticks_per_unit": skew})
    half, pause = own.HALF_SPREAD_TICKS, own.REQUOTE_SECONDS
    return table.assign(half_spread_ticks=half, requote_seconds=pause)


def target_table(planned: plan.Plan, sessions: Days, accounts: list[str]) -> pd.DataFrame:
    """The makers' targets: time (valid from), account, target (units)."""
    targets = planned.targets
    return pd.DataFrame(
        {
            "time": _at(sessions, targets["day"], targets["second"]),
            "account": np.array(accounts)[targets["account"]],
            "target": targets["target"],
        }
    )


def spell_table(planned: plan.Plan, sessions: Days, accounts: list[str]) -> pd.DataFrame:
    """Withdrawals: account, start, end, volatile_from, volatile_to, in order of their start."""
    spells = planned.spells
    ends = {"start": "first", "end": "last"}
    ends |= {"volatile_from": "volatile_first", "volatile_to": "volatile_last"}
    table = pd.DataFrame({"account": np.array(accounts)[spells["account"]]})
    for name, column in ends.items():
        table[name] = _at(sessions, spells["day"], spells[column])
    return table.sort_values("start", kind="stable", ignore_index=True)


def path_table(
    planned: plan.Plan, flow: Flow, points: pd.DataFrame, sessions: Days, accounts: list[str]
) -> pd.DataFrame:
    """A row a second: the state at its start, and the surprise in the makers' trades within it."""
    seconds = points[(points["event"] < 0) & (points["ms"] < 1000 * sessions.seconds)]
    traded = flow.events[flow.events["kind"] != TRANSFER]
    change = np.bincount(traded["step"], weights=traded["change"], minlength=len(flow.drift))
    path = {"time": _at(sessions, seconds["day"], seconds["ms"] // 1000)}
    path |= {name: seconds[name].to_numpy() for name in ("efficient", "mid")}
    for i, account in enumerate(accounts):
        path[account] = flow.held[:, i]
        path[f"{account}_target"] = planned.goal[:, i]
    return pd.DataFrame(path | {"surprise": change - flow.drift})


def pressure_sd(prices: Prices, flow: Flow) -> float:
    """Standard deviation of the temporary pressure on the path drawn, in basis points."""
    return float(abs(prices.alpha) * flow.held.sum(axis=1).std())


def _at(sessions: Days, day: pd.Series, second: pd.Series) -> pd.DatetimeIndex:
    return sessions.instant(day.to_numpy(), second.to_numpy() * 1_000_000_000)
