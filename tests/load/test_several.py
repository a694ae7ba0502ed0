"""Files of one source become one study: in order, each row once, every file's faults named."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.load import several
from mmresearch.receipt import Fault, Receipt

DAY = pd.Timestamp("2024-01-02", tz="UTC")


def part(name, seconds, *, prices=None, sha=None, symbols=None, **columns):
    """A part whose trades have the seconds as time and 1, 2, ... as seq."""
    n = len(seconds)
    table = pd.DataFrame(
        {
            "time": DAY + pd.to_timedelta(seconds, unit="s"),
            "seq": range(1, n + 1),
            "symbol": "X",
            "price": [100.0] * n if prices is None else prices,
            "size": 1.0,
            "side": 1.0,
            "trade_id": [f"{name}{i}" for i in range(n)],
        }
    ).assign(**columns)
    facts = {"file": name, "bytes": 1, "sha256": sha or name, "rows": n}
    receipt = Receipt("test", pd.DataFrame([facts]), notes=("same note", f"note of {name}"))
    return mm.Market(trades=table, receipt=receipt, symbols=symbols, name=name)


def test_days_follow_each_other():
    market = several.joined("test", [part("a", [1, 2]), part("b", [10, 11])])
    assert market.trades["seq"].tolist() == [1, 2, 1, 2]
    assert market.trades["trade_id"].tolist() == ["a0", "a1", "b0", "b1"]
    assert market.receipt.files["file"].tolist() == ["a", "b"]
    assert market.receipt.notes == ("same note", "note of a", "note of b")
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (4, 4)


def test_seq_is_counted_on_where_files_overlap():
    # both files hold the second 2: b's row comes after a's, whatever its own number was
    market = several.joined("test", [part("a", [1, 2]), part("b", [2, 3])])
    assert market.trades["trade_id"].tolist() == ["a0", "a1", "b0", "b1"]
    assert market.trades["seq"].tolist() == [1, 2, 4, 5]


def test_a_trade_and_its_fill_keep_one_number():
    def with_fill(name, seconds):
        one = part(name, seconds)
        fills = one.trades.assign(account="A")
        return mm.Market(trades=one.trades, fills=fills, receipt=one.receipt)

    market = several.joined("test", [with_fill("a", [1, 2]), with_fill("b", [2, 3])])
    assert market.fills["seq"].tolist() == market.trades["seq"].tolist() == [1, 2, 4, 5]


def test_the_venue_s_own_numbers_are_left_alone():
    parts = [part("a", [1, 2], seq=[7, 3]), part("b", [2, 3], seq=[2, 9])]
    market = several.joined("test", parts, renumber=False)
    assert market.trades["trade_id"].tolist() == ["a0", "b0", "a1", "b1"]

    parts = [part("a", [1, 2], seq=[7, 3]), part("b", [2, 3], seq=[3, 9])]
    with pytest.raises(mm.SourceError, match="trades: repeated symbol, time, seq"):
        several.joined("test", parts, renumber=False)


def test_a_part_without_a_row_brings_its_receipt():
    empty = mm.Market(receipt=part("none", []).receipt)
    market = several.joined("test", [empty, part("a", [1])])
    assert market.receipt.files["file"].tolist() == ["none", "a"]
    assert len(market.trades) == 1


def test_quotes_stay_behind_the_trades_of_their_instant():
    quotes = pd.DataFrame(
        {"time": [DAY + pd.Timedelta("2s")], "seq": [1 + schema.UNORDERED], "symbol": "X"}
        | {"bid": 99.0, "ask": 101.0, "bid_size": 1.0, "ask_size": 1.0}
    )
    market = several.joined("test", [part("a", [1, 2]), mm.Market(quotes=quotes)])
    assert market.quotes["seq"].tolist() == [1 + schema.UNORDERED + 3]
    assert (market.quotes["seq"] > schema.UNORDERED).all()


def test_a_row_in_two_files_is_one_event():
    again = part("b", [2, 3], trade_id=["a1", "new"])
    market = several.joined("test", [part("a", [1, 2]), again])
    assert market.trades["trade_id"].tolist() == ["a0", "a1", "new"]
    receipt = market.receipt
    assert (receipt.rows_read, receipt.rows_kept) == (4, 3)
    assert receipt.reasons.to_dict() == {"already in another file": 1}
    assert receipt.set_aside["file"].tolist() == ["b"]
    assert "a1" in receipt.set_aside["text"].iloc[0]


def test_the_same_number_with_other_content_is_another_event():
    other = part("b", [2, 3], trade_id=["a1", "new"], prices=[101.0, 100.0])
    market = several.joined("test", [part("a", [1, 2]), other])
    assert len(market.trades) == 4


def test_rows_without_a_number_are_never_taken_for_repeats():
    nameless = [part(name, [1, 2], trade_id=None) for name in "ab"]
    assert len(several.joined("test", nameless).trades) == 4


def test_the_same_file_twice_is_refused():
    twins = [part("a", [1, 2], sha="s"), part("b", [10, 11], sha="s")]
    with pytest.raises(mm.SourceError, match="b: found the same content as a; expected each file"):
        several.joined("test", twins)


def test_symbols_are_told_once():
    def about(**more):
        return pd.DataFrame({"symbol": ["X"]} | {k: [v] for k, v in more.items()})

    parts = [part("a", [1], symbols=about(tick=0.5)), part("b", [2], symbols=about(currency="USD"))]
    symbols = several.joined("test", parts).symbols
    assert symbols[["tick", "currency"]].to_dict("records") == [{"tick": 0.5, "currency": "USD"}]

    parts = [part("a", [1], symbols=about(tick=0.5)), part("b", [2], symbols=about(tick=0.1))]
    with pytest.raises(mm.SourceError, match="symbols that the files describe differently: X"):
        several.joined("test", parts)


def test_set_aside_rows_of_every_part_are_kept():
    def with_aside(name, seconds):
        gone = pd.DataFrame({"file": [name], "line": [7], "reason": ["duplicate"], "text": ["a,b"]})
        one = part(name, seconds)
        receipt = Receipt("test", one.receipt.files.assign(rows=3), gone)
        return mm.Market(trades=one.trades, receipt=receipt)

    market = several.joined("test", [with_aside("a", [1, 2]), with_aside("b", [3, 4])])
    assert market.receipt.set_aside["file"].tolist() == ["a", "b"]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (6, 4)


def test_every_file_s_faults_are_named(tmp_path):
    for name in ("good", "bad1", "bad2"):
        (tmp_path / f"{name}.csv").write_text(name)

    def one(path: Path) -> mm.Market:
        if path.stem.startswith("bad"):
            raise mm.SourceError("test", [Fault(path.name, 1, "something", "else")])
        return part(path.stem, [1])

    with pytest.raises(mm.SourceError, match="2 faults") as caught:
        several.each("test", [tmp_path], (".csv",), one)
    assert [fault.file for fault in caught.value.faults] == ["bad1.csv", "bad2.csv"]


def test_joining_is_the_same_as_joining_saved_parts(tmp_path):
    parts = [part("a", [1, 2]), part("b", [2, 3], trade_id=["a1", "new"])]
    saved = [mm.open(one.save(tmp_path / one.name)) for one in parts]
    assert several.joined("test", saved).data_hash == several.joined("test", parts).data_hash


def study(symbol, seconds, *, extra=None):
    """Trades and quotes of a symbol at these seconds, as one file's market."""
    name = f"{symbol}{seconds}"
    trades = part(name, seconds).trades.assign(symbol=symbol)
    quotes = trades[["time", "symbol"]].assign(
        seq=trades["seq"] + schema.UNORDERED, bid=99.0, ask=101.0, bid_size=1.0, ask_size=1.0
    )
    if extra is not None:
        trades = trades.assign(extra=extra)
    facts = pd.DataFrame([{"file": name, "bytes": 1, "sha256": name, "rows": len(trades)}])
    return mm.Market(trades=trades, quotes=quotes, receipt=Receipt("test", facts), name=name)


def saved(parts, folder):
    return [mm.open(p.save(folder / str(i), by="day")) for i, p in enumerate(parts)]


@pytest.mark.parametrize("renumber", [True, False])
@pytest.mark.parametrize(
    "layout",
    [
        [("X", [1, 2]), ("X", [3, 90_000])],  # one symbol, file after file
        [("X", [1, 2]), ("Y", [1, 2]), ("X", [3, 3]), ("Y", [90_000])],  # two that overlap
        [("X", [1, 2]), ("Y", [1, 2]), ("Z", [2, 3])],  # three: each counts on from the one ahead
        [("Y", [90_000]), ("X", [1, 90_001])],  # not in order
        [("X", [1, 5]), ("X", [3, 4])],  # rows that could stand in both: these are read
    ],
)
def test_saved_parts_are_joined_as_those_in_memory(tmp_path, layout, renumber):
    parts = [study(symbol, seconds) for symbol, seconds in layout]
    wanted = several.joined("test", parts, renumber=renumber)
    market = several.joined("test", saved(parts, tmp_path), renumber=renumber)
    for once in (market, mm.open(market.save(tmp_path / "whole", by="day"))):
        for name in ("trades", "quotes"):
            pd.testing.assert_frame_equal(once[name], wanted[name], check_dtype=False)
        assert once.symbols["symbol"].tolist() == wanted.symbols["symbol"].tolist()
        assert str(once.receipt) == str(wanted.receipt)


def test_saved_parts_that_share_no_row_are_not_read(tmp_path, monkeypatch):
    parts = saved([study("X", [1, 2]), study("Y", [1, 2])], tmp_path)
    monkeypatch.setattr(mm.Market, "__getitem__", None)  # whatever reads a table whole
    market = several.joined("test", parts)
    market.save(tmp_path / "whole", by="day")
    monkeypatch.undo()
    assert mm.open(tmp_path / "whole").trades["seq"].tolist() == [1, 4, 2, 5]


def test_saved_parts_in_other_types_are_read_and_agree(tmp_path):
    parts = [study("X", [1, 2], extra=[1, 2]), study("X", [3, 4], extra=["a", "b"])]
    market = several.joined("test", saved(parts, tmp_path))
    assert market.trades["extra"].tolist() == ["1", "2", "a", "b"]


def test_a_part_that_was_changed_since_it_was_saved_is_refused(tmp_path):
    parts = saved([study("X", [1, 2]), study("Y", [5])], tmp_path)
    market = several.joined("test", parts)
    (file,) = (tmp_path / "0" / "trades" / "symbol=X").rglob("*.parquet")
    other = study("X", [1, 3]).trades
    other.to_parquet(file)
    with pytest.raises(ValueError, match="another hash"):
        market.save(tmp_path / "whole", by="day")
