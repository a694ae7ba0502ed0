"""Their columns and ours: what is taken, what is suggested and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.load import table

FILLS = """timestamp,ticker,direction,px,qty,venue
2024-03-01T10:00:00.123456789Z,ABC,buy,10.5,100,X
2024-03-01T10:00:00.123456789Z,ABC,SELL,10.25,50,Y
2024-03-01T10:00:02Z,ABC,S,10,25.5,X
"""
NAMES = {
    "time": "timestamp",
    "symbol": "ticker",
    "side": "direction",
    "price": "px",
    "size": "qty",
}
TRADES = """time,symbol,price,size
2024-03-01T10:00:00Z,ABC,10,1
2024-03-01T10:00:00Z,ABC,11,2
2024-03-01T10:00:01Z,ABC,12,3
"""
QUOTES = """time,symbol,bid,ask,bid_size,ask_size
2024-03-01T10:00:00Z,ABC,9,11,1,1
2024-03-01T10:00:01Z,ABC,,12,,2
"""


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def faults(*given, **how) -> list:
    with pytest.raises(mm.SourceError) as caught:
        table(*given, **how)
    return caught.value.faults


def _with_seq(content: str, seqs: list[int]) -> str:
    lines = content.splitlines()
    return "\n".join(
        [f"{lines[0]},seq", *(f"{r},{s}" for r, s in zip(lines[1:], seqs, strict=True))]
    )


def test_a_missing_column_and_the_one_that_looks_like_it(tmp_path):
    path = write(tmp_path / "a.csv", FILLS)
    with pytest.raises(mm.SourceError) as caught:
        table(path, "fills")
    found = {f.found: f.expected for f in caught.value.faults}
    assert set(found) == {f"no column `{c}`" for c in (*NAMES, "account")}
    for ours, theirs in NAMES.items():
        assert found[f"no column `{ours}`"].endswith(
            f"; column `{theirs}` looks like `{ours}`; pass columns={{{ours!r}: {theirs!r}}}"
        )
    assert "pass account=" in found["no column `account`"]
    said = str(caught.value).splitlines()[-1]
    assert said == f"pass columns={NAMES}"
    assert table(path, "fills", account="me", columns=NAMES).fills["size"].sum() == 175.5


def test_the_mapping_to_pass_holds_what_was_given_and_what_is_optional(tmp_path):
    content = "ts,ticker,px,shares,takerSide,id\n2024-03-01T10:00:00Z,ABC,10,1,buy,7\n"
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(mm.SourceError) as caught:
        table(path, "trades", columns={"price": "px"})
    likely = {"price": "px", "time": "ts", "symbol": "ticker", "size": "shares"}
    likely |= {"side": "takerSide", "trade_id": "id"}
    assert str(caught.value).splitlines()[-1] == f"pass columns={likely}"
    trades = table(path, "trades", columns=likely).trades
    assert (trades["side"].tolist(), trades["trade_id"].tolist()) == ([1], ["7"])


def test_the_mapping_to_pass_for_several_tables(tmp_path):
    sources = {
        "trades": write(tmp_path / "t.csv", TRADES.replace("size", "qty")),
        "quotes": write(tmp_path / "q.csv", QUOTES.replace("bid,ask,", "bp,ap,")),
    }
    with pytest.raises(mm.SourceError) as caught:
        table(sources)
    likely = {"trades": {"size": "qty"}, "quotes": {"bid": "bp", "ask": "ap"}}
    assert str(caught.value).splitlines()[-1] == f"pass columns={likely}"
    assert set(table(sources, columns=likely)) == {"trades", "quotes"}


def test_each_of_their_columns_is_suggested_once(tmp_path):
    # `id` could be the order's or the trade's, `type` the event or the option's right
    path = write(tmp_path / "o.csv", "time,symbol,id,type,side,price,size\n1,2,3,4,5,6,7\n")
    with pytest.raises(mm.SourceError) as caught:
        table(path, "orders")
    assert str(caught.value).splitlines()[-1] == "pass columns={'order_id': 'id', 'event': 'type'}"


def test_what_is_required_is_suggested_before_what_is_not(tmp_path):
    # `underlying` could be the price that is required or the symbol that is not
    header = "time,expiry,strike,right,open_interest,implied_vol,underlying,multiplier"
    path = write(tmp_path / "c.csv", f"{header}\n1,2,3,4,5,6,7,8\n")
    with pytest.raises(mm.SourceError) as caught:
        table(path, "chain")
    assert str(caught.value).splitlines()[-1] == "pass columns={'spot': 'underlying'}"


def test_what_looks_like_an_optional_column_is_noted_and_not_taken(tmp_path):
    path = write(tmp_path / "a.csv", TRADES.replace("size", "size,taker_side").replace("Z", "Z"))
    content = path.read_text().splitlines()
    write(path, "\n".join([content[0], *(f"{line},buy" for line in content[1:])]) + "\n")
    market = table(path, "trades")
    assert market.trades["side"].isna().all()
    assert market.trades["taker_side"].tolist() == ["buy"] * 3
    (note,) = [n for n in market.receipt.notes if "looks like" in n]
    assert "`taker_side` looks like `side`" in note
    assert "columns={'side': 'taker_side'}" in note


def test_a_name_for_several_tables_that_none_of_them_has(tmp_path):
    sources = {
        "trades": write(tmp_path / "t.csv", TRADES),
        "quotes": write(tmp_path / "q.csv", QUOTES),
    }
    (fault,) = faults(sources, columns={"side": "direction"})
    assert (fault.found, fault.file) == ("no column `direction`", "the tables")


def test_a_mapping_that_does_not_fit(tmp_path):
    path = write(tmp_path / "a.csv", TRADES)
    (fault,) = faults(path, "trades", columns={"size": "sizes"})
    assert (fault.found, fault.expected) == ("no column `sizes`", "`size`?")
    turned = write(tmp_path / "b.csv", TRADES.replace("size", "qty"))
    found = faults(turned, "trades", columns={"qty": "size"})
    assert "columns={'size': 'qty'}" in found[0].expected


def test_names_in_capitals_need_no_mapping(tmp_path):
    path = write(tmp_path / "a.csv", TRADES.replace("time,symbol,price", "Time,SYMBOL, Price"))
    assert table(path, "trades").trades["price"].tolist() == [10, 11, 12]


def test_a_mapped_column_beside_one_of_our_name(tmp_path):
    path = write(tmp_path / "a.csv", _with_seq(TRADES, [4, 5, 6]).replace("seq", "avg"))
    trades = table(path, "trades", columns={"price": "avg"}).trades
    assert trades["price"].tolist() == [4, 5, 6]
    assert trades["price_source"].tolist() == [10, 11, 12]


def test_a_constant_is_not_used_where_there_is_a_column(tmp_path):
    market = table(write(tmp_path / "a.csv", TRADES), "trades", symbol="XYZ")
    assert set(market.trades["symbol"]) == {"ABC"}
    assert any("'XYZ' was not used" in note for note in market.receipt.notes)
