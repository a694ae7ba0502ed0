"""A few rows of every source, written as its vendor lays them out, and what they come to."""

from __future__ import annotations

import json
from typing import NamedTuple

POOL = "0x45dda9cb7c25131df268515131f647d726f50608"
WALLET, OTHER, TOKEN = ("0x" + digit * 40 for digit in "abc")


class Case(NamedTuple):
    """Files by name with their content, what the command is told beside, rows by table."""

    files: dict[str, str]
    options: list[str]
    rows: dict[str, int]


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


CASES = {
    "binance": Case(
        {
            "BTCUSDT-trades-2024-08-01.csv": lines(
                "1,64000.1,0.5,32000.05,1722470400000,True,True",
                "2,64000.2,0.1,6400.02,1722470400100,False,True",
            )
        },
        [],
        {"trades": 2},
    ),
    "ccxt": Case(
        {
            "trades.json": json.dumps(
                [
                    {"id": "1", "timestamp": 1722470400000, "symbol": "ETH/USDT", "side": "sell"}
                    | {"price": 3000.0, "amount": 2.0, "cost": 6000.0}
                ]
            )
        },
        [],
        {"trades": 1},
    ),
    "databento": Case(
        {
            "trades.csv": lines(
                "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,"
                "flags,ts_in_delta,sequence,symbol",
                "1609160400099150057,1609160400098821953,0,1,5482,T,A,0,3720.25,5,129,19251,"
                "1170380,ESH1",
            )
        },
        [],
        {"trades": 1},
    ),
    "erc20": Case(
        {
            "transfers.csv": lines(
                "token_address,from_address,to_address,value,transaction_hash,log_index,"
                "block_number,block_timestamp",
                f"{TOKEN},{OTHER},{WALLET},2500000,0x{'1' * 64},3,100,2024-08-01 00:00:00 UTC",
            )
        },
        ["--labels", "labels.csv", "--decimals", "decimals.csv"],
        {"transfers": 1},
    ),
    "fills_export": Case(
        {
            "fills.json": json.dumps(
                [
                    {"symbol": "BNBBTC", "id": 28457, "orderId": 1, "orderListId": -1}
                    | {"price": "4.00000100", "qty": "12.00000000", "quoteQty": "48.000012"}
                    | {"commission": "10.10000000", "commissionAsset": "BNB"}
                    | {
                        "time": 1499865549590,
                        "isBuyer": True,
                        "isMaker": False,
                        "isBestMatch": True,
                    }
                ]
            )
        },
        ["--account", "desk"],
        {"fills": 1, "transfers": 1},
    ),
    "floorsheet": Case(
        {
            "sheet.csv": lines(
                "Transact. No.,Symbol,Buyer,Seller,Quantity,Rate,Amount",
                "2024010201000001,ABC,1,2,10,100,1000",
            )
        },
        [],
        {"trades": 1, "fills": 2},
    ),
    "hyperliquid": Case(
        {
            "fills.json": json.dumps(
                [
                    {"coin": "ETH", "px": "3000.0", "sz": "2.0", "side": "A", "time": 1722470400000}
                    | {"startPosition": "5.0", "dir": "Close Long", "closedPnl": "1.0"}
                    | {"hash": "0x" + "2" * 64, "oid": 1, "crossed": False, "fee": "-0.1", "tid": 7}
                    | {"feeToken": "USDC", "twapId": None}
                ]
            )
        },
        ["--account", "mm"],
        {"fills": 1},
    ),
    "lobster": Case(
        {
            "ABC_2012-06-21_34200000_57600000_message_1.csv": lines(
                "34200.1,1,11,100,1000000,1", "34200.2,4,11,40,1000000,1"
            ),
            "ABC_2012-06-21_34200000_57600000_orderbook_1.csv": lines(
                "1000100,100,1000000,100", "1000100,100,1000000,60"
            ),
        },
        [],
        {"orders": 2, "trades": 1, "quotes": 2},
    ),
    "nyfed": Case(
        {
            "timeseries.csv": lines(
                "As Of Date,Time Series,Value (millions)",
                "2024-08-07,PDPOSGST-TOT,100",
                "2024-08-07,PDFTD-USTET,7",
            )
        },
        [],
        {"positions": 1, "series": 1},
    ),
    "options": Case(
        {
            "book_summary.json": json.dumps(
                {
                    "result": [
                        {"instrument_name": "BTC-27SEP24-60000-C", "open_interest": 12.5}
                        | {"mark_iv": 55.0, "underlying_price": 64000.0, "bid_price": 0.1}
                        | {
                            "ask_price": 0.11,
                            "mark_price": 0.105,
                            "underlying_index": "BTC-27SEP24",
                        }
                        | {"creation_timestamp": 1722470400000, "volume": 1.0, "interest_rate": 0.0}
                    ]
                }
            )
        },
        [],
        {"chain": 1},
    ),
    "series": Case(
        {"VIX_History.csv": lines("DATE,OPEN,HIGH,LOW,CLOSE", "12/31/2024,17,18,16,17.5")},
        ["--symbol", "VIX"],
        {"series": 4},
    ),
    "table": Case(
        {"trades.csv": lines("ts,symbol,price,qty", "2024-08-01T00:00:00Z,X,10,1")},
        ["--kind", "trades", "--columns", "time=ts", "size=qty"],
        {"trades": 1},
    ),
    "taq": Case(
        {
            "quotes.csv": lines(
                "DT,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL",
                "1514903400.125000,P,156.57,1,158.85,1,XXX",
            )
        },
        [],
        {"quotes": 1},
    ),
    "tardis": Case(
        {
            "trades.csv": lines(
                "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
                "bitmex,XBTUSD,1583020803145000,1583020803307160,a,sell,8531.5,2152",
            )
        },
        [],
        {"trades": 1},
    ),
    "uniswap": Case(
        {
            f"polygon-{POOL}-2023-08-13.minute.csv": lines(
                "timestamp,netAmount0,netAmount1,closeTick,openTick,lowestTick,highestTick,"
                "inAmount0,inAmount1,currentLiquidity",
                "2023-08-13 00:00:00,-1846890000,1000000000000000000,201101,201101,201101,201101,"
                "0,1000000000000000000,2391553663290390168",
            )
        },
        [],
        {"fills": 1, "trades": 1},
    ),
}
BESIDE = {
    "labels.csv": lines("address,account,source", f"{WALLET},maker,ours"),
    "decimals.csv": lines("address,decimals,symbol", f"{TOKEN},6,USDC"),
}


def cftc_case() -> Case:
    """The report's columns are many: the groups' positions, all else empty."""
    head = [
        *("Market_and_Exchange_Names", "As_of_Date_In_Form_YYMMDD", "Report_Date_as_YYYY-MM-DD"),
        *("CFTC_Contract_Market_Code", "CFTC_Market_Code", "CFTC_Region_Code"),
        *("CFTC_Commodity_Code", "Open_Interest_All"),
    ]
    row = ["E-MINI S&P 500 - CHICAGO MERCANTILE EXCHANGE", "250107", "2025-01-07", "13874A"]
    row += ["CME", "00", "138", "100"]
    for group in ("Dealer", "Asset_Mgr", "Lev_Money", "Other_Rept"):
        head += [f"{group}_Positions_{side}_All" for side in ("Long", "Short", "Spread")]
        row += ["20", "30", "1"] if group == "Dealer" else ["20", "20", "1"]
    head += ["Tot_Rept_Positions_Long_All", "Tot_Rept_Positions_Short_All"]
    row += ["84", "94"]
    head += ["NonRept_Positions_Long_All", "NonRept_Positions_Short_All", "Contract_Units"]
    row += ["16", "6", "(50)"]
    cells = [",".join(f'"{cell}"' for cell in line) for line in (head, row)]
    return Case({"FinFutYY.txt": lines(*cells)}, [], {"positions": 1})


CASES["cftc"] = cftc_case()
