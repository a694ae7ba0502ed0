"""What a study says of itself."""

import pandas as pd

import mmresearch as mm

TIME = pd.to_datetime(["2024-01-02 10:00"], utc=True)
TRADES = pd.DataFrame({"time": TIME, "seq": 1, "symbol": "A", "price": 10.0, "size": 1.0})
FILLS = TRADES.assign(account="M", side=1)


def test_without_fills_the_maker_is_inferred_and_it_says_so() -> None:
    market = mm.Market(trades=TRADES)
    assert mm.answerable(market)["answer"].tolist() == ["inferred"] * 5 + ["no"]
    assert "aggregate maker" in mm.basis(market)
    assert "relative to the first event" in mm.basis(market)


def test_with_fills_and_without_quotes_the_answer_is_partial() -> None:
    market = mm.Market(trades=TRADES, fills=FILLS, calendar="dates")
    table = mm.answerable(market)
    assert table.loc[0, "answer"] == "in part"
    assert "print prices" in table.loc[0, "why"]
    assert "1 account(s), 1 symbol(s)" in mm.basis(market)
    assert "no clock" in mm.basis(market)


def test_own_quotes_tell_how_a_maker_leans() -> None:
    level = {"bid": 9.0, "ask": 11.0, "bid_size": 1.0, "ask_size": 1.0}
    own = TRADES.drop(columns=["price", "size"]).assign(account="M", **level)
    for tables, answer in (({}, "in part"), ({"own_quotes": own}, "yes")):
        table = mm.answerable(mm.Market(fills=FILLS, **tables)).set_index("question")
        assert table.loc["Do the quotes lean against it?", "answer"] == answer
