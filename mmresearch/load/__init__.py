"""One source, one name: its files -> a Market of the schema's tables, with a receipt."""

from mmresearch.load.binance import binance
from mmresearch.load.ccxt import ccxt
from mmresearch.load.cftc import cftc
from mmresearch.load.databento import databento
from mmresearch.load.erc20 import erc20
from mmresearch.load.fills_export import fills_export
from mmresearch.load.floorsheet import floorsheet
from mmresearch.load.hyperliquid import hyperliquid
from mmresearch.load.lobster import lobster
from mmresearch.load.nyfed import nyfed
from mmresearch.load.options import options
from mmresearch.load.series import series
from mmresearch.load.table import table
from mmresearch.load.taq import taq
from mmresearch.load.tardis import tardis
from mmresearch.load.uniswap import uniswap

__all__ = [
    "binance",
    "ccxt",
    "cftc",
    "databento",
    "erc20",
    "fills_export",
    "floorsheet",
    "hyperliquid",
    "lobster",
    "nyfed",
    "options",
    "series",
    "table",
    "taq",
    "tardis",
    "uniswap",
]
