"""Tables as generators see them, and back.

A DataFrame becomes an array of floats (`FrameNumbers`: a column each, labels as codes,
gaps as NaN), and this a wider one of parts between -1 and 1 (`TableCodec`: quantiles
or modes of numbers, labels one-hot). Both ways lose nothing but what floats round.
"""

from sknevo.table_codec._codec import TableCodec
from sknevo.table_codec._frame import FrameNumbers

__all__ = ["FrameNumbers", "TableCodec"]
