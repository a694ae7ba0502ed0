"""Tables -> tables: signs, fills, ledger, panel."""
