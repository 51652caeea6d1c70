"""Pictures of pictures, and plots: everything a page shows. The same input gives the same pixels.

Pictures are uint8 arrays (n, h, w, c) of grey, RGB or RGBA; of other than 1, 3 or 4 channels the largest's own colour
is shown. What comes out is a PIL image in RGB. They are enlarged by whole factors without smoothing, so that a pixel
stays a pixel.
"""

from ganlab.figures.grids import beside, blocks, grid, heat, in_words, labelled_rows, numbered_grid, outline_boxes
from ganlab.figures.lettering import font
from ganlab.figures.plots import bars, confusion, curve, histogram, matrix, ranked

__all__ = [
    "bars", "beside", "blocks", "confusion", "curve", "font", "grid", "heat", "histogram", "in_words", "labelled_rows",
    "matrix", "numbered_grid", "outline_boxes", "ranked",
]  # fmt: skip
