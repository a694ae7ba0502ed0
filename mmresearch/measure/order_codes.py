"""The numbers by which compiled loops know order events, what they came to, and their faults."""

from __future__ import annotations

# places in `schema.EVENTS`
ADD, REDUCE, DELETE, FILL, HIDDEN_FILL, CROSS, HALT = range(7)

# what an event came to; how a life ended is one of CANCELLED, FILLED, CLEARED and STANDING
(
    ADDED,
    CANCELLED,
    FILLED,
    CLEARED,
    UNSEEN_CANCELLED,
    UNSEEN_FILLED,
    RESTING,
    HIDDEN,
    CROSSED,
    HALTED,
    OUTSIDE,
    FAULTY,
    STANDING,
) = range(13)

FAULTS = (
    "",
    "without an order id",
    "without a size",
    "added twice",
    "an event after it had ended",
    "deleted or filled before it was added",
    "a fill larger than the order",
    "a cancellation larger than the order",
    "deleted for less than rested",
)
(
    CLEAN,
    NO_ID,
    NO_SIZE,
    TWICE,
    AFTER_END,
    BEFORE_ADD,
    MORE_FILLED,
    MORE_CANCELLED,
    LESS_DELETED,
) = range(9)

# events that are no part of a life, and no fault: what they came to, and its words
APART = {
    UNSEEN_CANCELLED: "cancellations of orders not seen to be added",
    UNSEEN_FILLED: "fills of orders not seen to be added",
    RESTING: "orders resting before the record began",
    CLEARED: "orders taken off by a clear of the book",
    HIDDEN: "fills of hidden orders",
    CROSSED: "auction crosses",
    HALTED: "halts and resumptions",
    OUTSIDE: "events outside every session",
}
