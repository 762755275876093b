"""One plot style for all lessons, and the drawings that more than one lesson uses, by what they draw."""

from lib.plots.alt import describe
from lib.plots.attention import attention_map, sharing
from lib.plots.convolutions import convolution_tree
from lib.plots.dependence import dependence_matrix, dependency_graph
from lib.plots.images import digits
from lib.plots.networks import masked_network
from lib.plots.reach import seen
from lib.plots.sequences import nested_intervals, unrolled
from lib.plots.sound import player, spectrogram, waveform
from lib.plots.style import AMOUNTS, COLOURS, CYCLE, GREY, panels, use_style
from lib.plots.tables import table

__all__ = [
    "AMOUNTS", "COLOURS", "CYCLE", "GREY", "attention_map", "convolution_tree", "dependence_matrix", "dependency_graph",
    "describe", "digits", "masked_network", "nested_intervals", "panels", "player", "seen", "sharing", "spectrogram", "table",
    "unrolled", "use_style", "waveform",
]  # fmt: skip
