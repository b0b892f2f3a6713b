"""The recurrences of the lecture, one file each, and the explicit table of them."""

from unrolled.cells.base import Cell
from unrolled.cells.clockwork import Clockwork
from unrolled.cells.elman import Elman
from unrolled.cells.feed_forward import FeedForward
from unrolled.cells.gru import GRU
from unrolled.cells.jordan import Jordan
from unrolled.cells.lstm import LSTM
from unrolled.cells.scrn import SCRN

CELLS: dict[str, type[Cell]] = {
    "feed_forward": FeedForward,
    "elman": Elman,
    "jordan": Jordan,
    "lstm": LSTM,
    "gru": GRU,
    "clockwork": Clockwork,
    "scrn": SCRN,
}
