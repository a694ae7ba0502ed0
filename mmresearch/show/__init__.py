"""Results -> figures, widgets, HTML reports."""
