"""The controls of the "Play" sections, one file each: the drawing, and the widget that moves it.

Each control `x` comes with a function `draw_x` that draws the same picture once, so that the page also works where
nothing can be moved (on GitHub, say).
"""
