"""Which reader a file of options goes to."""

from __future__ import annotations

import gzip
import json

import pytest

import mmresearch as mm
from mmresearch.load.options import options

TARDIS = (
    "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,"
    "last_price,bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,"
    "underlying_index,underlying_price,delta,gamma,vega,theta,rho\n"
    "deribit,BTC-27SEP24-60000-C,1725000000123000,1725000000124000,call,60000,1727424000000000,"
    "100.5,0.05,0.05,1,55,0.06,1,56,0.055,55.25,BTC-27SEP24,59000.5,0.5,0.00001,50,-30,20\n"
)


@pytest.mark.parametrize("packed", [False, True])
def test_tardis_files_go_to_its_loader(tmp_path, packed):
    tardis = pytest.importorskip("mmresearch.load.tardis", reason="the loader of Tardis' files")
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(TARDIS.encode()) if packed else TARDIS.encode())
    chain = options(path).chain
    assert chain["strike"].tolist() == [60_000]
    assert chain["open_interest"].tolist() == [100.5]
    direct = tardis.tardis(path).chain
    assert chain.equals(direct)


def test_a_folder_of_several_kinds(tmp_path):
    record = {"instrument_name": "BTC-27SEP24-60000-C", "creation_timestamp": 1_725_000_000_123}
    record |= {"open_interest": 1.5, "underlying_price": 59_000.5}
    (tmp_path / "b.json").write_text(json.dumps([record]))
    side = "1,0,1,2,3,0.2,0.5,0.1,7"
    names = "Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
    (tmp_path / "a.csv").write_text(
        'X,Last: 100\n"Date: July 12, 2022, 11:55 AM EDT"\n'
        f"Expiration Date,Calls,{names},Strike,Puts,{names}\n"
        f"Tue Jul 12 2022,X220712C00100000,{side},100,X220712P00100000,{side}\n"
    )
    market = options(tmp_path, name="both")
    assert market.chain["symbol"].tolist() == ["X", "X", "BTC"]
    assert market.chain["open_interest"].tolist() == [7, 7, 1.5]
    assert market.name == "both"
    assert market.receipt.files["file"].tolist() == ["a.csv", "b.json"]


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "x" * 5000, "\x00\x01"])
def test_a_file_of_no_kind(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(mm.SourceError, match=r"a\.csv"):
        options(path)


def test_a_directory_and_nothing(tmp_path):
    with pytest.raises(mm.SourceError, match="no file"):
        options(tmp_path)
    with pytest.raises(mm.SourceError, match="nothing given"):
        options()
