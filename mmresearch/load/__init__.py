"""One file a source: its files -> a Market of the schema's tables, with a receipt."""

from mmresearch.load.floorsheet import floorsheet
from mmresearch.load.lobster import lobster
from mmresearch.load.table import table

__all__ = ["floorsheet", "lobster", "table"]
