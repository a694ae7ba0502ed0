"""What theory prescribes: a maker's quotes, and the law of inventory that follows from them.

Numbers in, numbers out; no market is read. Simulations are made from it, estimates are compared
with it.
"""
