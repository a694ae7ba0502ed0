"""Panel -> results with errors: reversion, pressure, placebo."""
