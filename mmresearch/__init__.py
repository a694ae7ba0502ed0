"""Market maker inventory flow: from fills, transfers and quotes to answers with errors.

Data flows one way, load -> measure -> estimate -> show, through the tables of `schema` and a
`Market` folder that anyone can fill.

    load      files of a source -> a Market with its receipt
    simulate  markets whose truth is known
    theory    the quotes and the law of inventory that models prescribe
    measure   tables -> tables: signs, fills, ledger, panel
    estimate  panel -> results: reversion, pressure, placebo, with errors
    show      results -> figures, widgets, HTML reports
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name -> where it lives. Written out, imported when first used.
_HOME = {
    "load": "mmresearch.load",
    "simulate": "mmresearch.simulate",
    "Market": "mmresearch.market:Market",
    "open": "mmresearch.folder:open_market",
    "sample": "mmresearch.folder:sample",
    "check": "mmresearch.measure.gate:check",
    "conventions": "mmresearch.measure.conventions:conventions",
    "doubts": "mmresearch.measure.gate:doubts",
    "describe": "mmresearch.schema:describe",
    "Receipt": "mmresearch.receipt:Receipt",
    "SchemaError": "mmresearch.schema:SchemaError",
    "SourceError": "mmresearch.receipt:SourceError",
    "answerable": "mmresearch.measure.answerable:answerable",
    "basis": "mmresearch.measure.answerable:basis",
    "sign_trades": "mmresearch.measure.signs:sign_trades",
    "bulk_volume": "mmresearch.measure.bulk_volume:bulk_volume",
    "sign_accuracy": "mmresearch.estimate.sign_errors:sign_accuracy",
    "average_spreads": "mmresearch.estimate.spread_averages:average_spreads",
    "average_capture": "mmresearch.estimate.capture_averages:average_capture",
    "loss_to_arbitrage": "mmresearch.estimate.pool_earnings:loss_to_arbitrage",
    "average_markouts": "mmresearch.estimate.markout_averages:average_markouts",
    "order_lifetimes": "mmresearch.estimate.order_lifetimes:order_lifetimes",
    "illusory_depth": "mmresearch.estimate.illusory_depth:illusory_depth",
    "plot_sign_accuracy": "mmresearch.show.spread_plots:plot_sign_accuracy",
    "plot_spreads": "mmresearch.show.spread_plots:plot_spreads",
    "attenuation": "mmresearch.estimate.sign_errors:attenuation",
    "spreads": "mmresearch.measure.spreads:spreads",
    "quoted_spread": "mmresearch.measure.spreads:quoted_spread",
    "microprice": "mmresearch.measure.microprice:microprice",
    "infer_fills": "mmresearch.measure.fills:infer_fills",
    "markouts": "mmresearch.measure.markouts:markouts",
    "matched_fills": "mmresearch.measure.matched_fills:matched_fills",
    "ledger": "mmresearch.measure.ledger:ledger",
    "spread_capture": "mmresearch.measure.capture:spread_capture",
    "balances": "mmresearch.measure.balances:balances",
    "join_accounts": "mmresearch.measure.wallets:join_accounts",
    "ledger_summary": "mmresearch.measure.reconcile:ledger_summary",
    "reconcile": "mmresearch.measure.reconcile:reconcile",
    "reconciliation": "mmresearch.measure.reconcile:reconciliation",
    "lots": "mmresearch.measure.lots:lots",
    "fifo_profit": "mmresearch.measure.lots:fifo_profit",
    "with_fees": "mmresearch.measure.fee_schedule:with_fees",
    "time_held": "mmresearch.measure.lots:time_held",
    "positioning_by_holding": "mmresearch.measure.holding:positioning_by_holding",
    "positioning_by_period": "mmresearch.measure.swings:positioning_by_period",
    "trader_fills": "mmresearch.measure.trader_fills:trader_fills",
    "quoting_obligations": "mmresearch.measure.obligations:quoting_obligations",
    "order_lives": "mmresearch.measure.order_lives:order_lives",
    "cancellations": "mmresearch.measure.cancellations:cancellations",
    "quoted_trades": "mmresearch.measure.quoted_trades:quoted_trades",
    "order_flow_imbalance": "mmresearch.measure.order_flow:order_flow_imbalance",
    "realized_variance": "mmresearch.measure.realized:realized_variance",
    "depth": "mmresearch.measure.depth:depth",
    "slippage": "mmresearch.measure.slippage:slippage",
    "recoveries": "mmresearch.measure.recoveries:recoveries",
    "integrated_imbalance": "mmresearch.measure.integrated_flow:integrated_imbalance",
    "metaorders": "mmresearch.measure.metaorders:metaorders",
    "venue_prices": "mmresearch.measure.venue_prices:venue_prices",
    "flows": "mmresearch.measure.sources:flows",
    "flow_sources": "mmresearch.measure.sources:flow_sources",
    "panel": "mmresearch.measure.panel:panel",
    "PANEL": "mmresearch.measure.panel:PANEL",
    "provision": "mmresearch.measure.provision:provision",
    "PROVISION": "mmresearch.measure.provision:PROVISION",
    "Result": "mmresearch.estimate.result:Result",
    "Quantity": "mmresearch.estimate.result:Quantity",
    "compare": "mmresearch.estimate.result:compare",
    "seasonal": "mmresearch.estimate.seasonal:seasonal",
    "unit_root_tests": "mmresearch.estimate.unit_roots:unit_root_tests",
    "inventory_reversion": "mmresearch.estimate.reversion:inventory_reversion",
    "half_life": "mmresearch.estimate.reversion:half_life",
    "reversion_placebo": "mmresearch.estimate.reversion_placebo:reversion_placebo",
    "shifting_target": "mmresearch.estimate.targets:shifting_target",
    "threshold_reversion": "mmresearch.estimate.threshold:threshold_reversion",
    "reversion_by": "mmresearch.estimate.regimes:reversion_by",
    "rolling_reversion": "mmresearch.estimate.rolling:rolling_reversion",
    "ornstein_uhlenbeck": "mmresearch.estimate.ornstein_uhlenbeck:ornstein_uhlenbeck",
    "price_pressure": "mmresearch.estimate.pressure:price_pressure",
    "average_positioning": "mmresearch.estimate.positioning_averages:average_positioning",
    "inventory_by_horizon": "mmresearch.estimate.horizons:inventory_by_horizon",
    "trader_prices": "mmresearch.estimate.trader_prices:trader_prices",
    "dealer_pricing": "mmresearch.estimate.dealer_pricing:dealer_pricing",
    "flow_cointegration": "mmresearch.estimate.flow_cointegration:flow_cointegration",
    "ofi_impact": "mmresearch.estimate.ofi_impact:ofi_impact",
    "resiliency": "mmresearch.estimate.resiliency:resiliency",
    "robustness": "mmresearch.estimate.robustness:robustness",
    "cross_impact": "mmresearch.estimate.cross_impact:cross_impact",
    "spread_components": "mmresearch.estimate.spread_components:spread_components",
    "price_impact": "mmresearch.estimate.price_impact:price_impact",
    "trade_indicator": "mmresearch.estimate.trade_indicator:trade_indicator",
    "impact_law": "mmresearch.estimate.impact_law:impact_law",
    "bounce_test": "mmresearch.estimate.bounce:bounce_test",
    "roll": "mmresearch.estimate.roll:roll",
    "amihud": "mmresearch.estimate.amihud:amihud",
    "trade_quote_var": "mmresearch.estimate.trade_quote_var:trade_quote_var",
    "information_share": "mmresearch.estimate.information_share:information_share",
    "quote_skew": "mmresearch.estimate.quote_skew:quote_skew",
    "inventory_liquidity": "mmresearch.estimate.liquidity:inventory_liquidity",
    "withdrawal_index": "mmresearch.estimate.withdrawal_index:withdrawal_index",
    "withdrawal_events": "mmresearch.estimate.withdrawal_events:withdrawal_events",
    "spell_accuracy": "mmresearch.estimate.spell_accuracy:spell_accuracy",
    "equivalent_inventory": "mmresearch.estimate.equivalent:equivalent_inventory",
    "inventory_placebo": "mmresearch.estimate.placebo:inventory_placebo",
    "inventory_causality": "mmresearch.estimate.causality:inventory_causality",
    "local_projection": "mmresearch.estimate.projection:local_projection",
    "return_predictability": "mmresearch.estimate.predictability:return_predictability",
    "propagator": "mmresearch.estimate.propagator:propagator",
    "fills_by_distance": "mmresearch.measure.intensity:fills_by_distance",
    "trades_by_depth": "mmresearch.measure.intensity:trades_by_depth",
    "calibrate_intensity": "mmresearch.estimate.intensity:calibrate_intensity",
    "mid_volatility": "mmresearch.estimate.quote_moments:mid_volatility",
    "own_spread": "mmresearch.estimate.quote_moments:own_spread",
    "implied_risk_aversion": "mmresearch.estimate.risk_aversion:implied_risk_aversion",
    "theory_beside_data": "mmresearch.estimate.risk_aversion:theory_beside_data",
    "optimal_quotes": "mmresearch.theory.quotes:optimal_quotes",
    "coverage": "mmresearch.show.coverage:coverage",
    "plot_coverage": "mmresearch.show.coverage:plot_coverage",
    "plot_inventory": "mmresearch.show.plots:plot_inventory",
    "plot_profit": "mmresearch.show.plots:plot_profit",
    "plot_flows": "mmresearch.show.flow_plot:plot_flows",
    "plot_sources": "mmresearch.show.plots:plot_sources",
    "plot_seasonal": "mmresearch.show.seasonal_plots:plot_seasonal",
    "plot_reversion": "mmresearch.show.plots:plot_reversion",
    "plot_half_life": "mmresearch.show.plots:plot_half_life",
    "plot_targets": "mmresearch.show.reversion_plots:plot_targets",
    "plot_threshold": "mmresearch.show.reversion_plots:plot_threshold",
    "plot_response": "mmresearch.show.plots:plot_response",
    "plot_pressure": "mmresearch.show.plots:plot_pressure",
    "plot_placebo": "mmresearch.show.plots:plot_placebo",
    "plot_placebos": "mmresearch.show.pressure_plots:plot_placebos",
    "plot_pressure_half_life": "mmresearch.show.pressure_plots:plot_pressure_half_life",
    "plot_causality": "mmresearch.show.pressure_plots:plot_causality",
    "plot_horizons": "mmresearch.show.dealer_plots:plot_horizons",
    "plot_ofi": "mmresearch.show.order_flow_plots:plot_ofi",
    "plot_skew": "mmresearch.show.skew_plots:plot_skew",
    "plot_information_share": "mmresearch.show.var_plots:plot_information_share",
    "plot_trade_response": "mmresearch.show.var_plots:plot_trade_response",
    "plot_projection": "mmresearch.show.projection_plots:plot_projection",
    "plot_propagator": "mmresearch.show.projection_plots:plot_propagator",
    "plot_impact": "mmresearch.show.impact_plots:plot_impact",
    "plot_variance": "mmresearch.show.impact_plots:plot_variance",
    "plot_impact_law": "mmresearch.show.impact_plots:plot_impact_law",
    "plot_markouts": "mmresearch.show.markout_plots:plot_markouts",
    "plot_markout_groups": "mmresearch.show.markout_plots:plot_markout_groups",
    "plot_lifetimes": "mmresearch.show.order_plots:plot_lifetimes",
    "plot_cancellations": "mmresearch.show.order_plots:plot_cancellations",
    "plot_illusory": "mmresearch.show.order_plots:plot_illusory",
    "plot_depth": "mmresearch.show.depth_plots:plot_depth",
    "plot_slippage": "mmresearch.show.depth_plots:plot_slippage",
    "plot_recovery": "mmresearch.show.depth_plots:plot_recovery",
    "plot_recovery_times": "mmresearch.show.depth_plots:plot_recovery_times",
    "plot_waterfall": "mmresearch.show.capture_plots:plot_waterfall",
    "plot_capture_by_day": "mmresearch.show.capture_plots:plot_capture_by_day",
    "plot_holding": "mmresearch.show.capture_plots:plot_holding",
    "plot_periods": "mmresearch.show.capture_plots:plot_periods",
    "explore": "mmresearch.show.explore:explore",
    "report": "mmresearch.show.report:report",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mmresearch' has no attribute {name!r}")
    module, _, attribute = _HOME[name].partition(":")
    found = importlib.import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
