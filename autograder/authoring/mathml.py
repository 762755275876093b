"""Formulas as MathML, which every browser of today draws by itself: no script, no request, and screen readers read it.

latex2mathml converts; here is what TeX does and it leaves out: upright letters, no space around a relation in a subscript,
aligned lines, a name read aloud.
"""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element

_UPRIGHT = re.compile(r"\\mathrm\{(\w+)\}")
_SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")


def mathml(latex: str, display: bool = False) -> str:
    """The formula as a `<math>` element. Raises what latex2mathml raises for what is no formula."""
    text = _UPRIGHT.sub(r"\\text{\1}", latex)
    text = text.replace("{aligned}", "{align*}")
    math: ElementTree.Element = convert_to_element(text, display="block" if display else "inline")
    math.set("alttext", " ".join(latex.split()))
    for element in math.iter():
        element.text = html.unescape(element.text or "")
        if "columnalign" in element.attrib:  # Browsers listen to CSS alone.
            element.set("style", f"text-align: {element.attrib.pop('columnalign')}")
        for script in list(element)[1:] if element.tag in _SCRIPTS else ():
            for operator in script.iter("mo"):
                operator.attrib |= {"lspace": "0", "rspace": "0"}
    return ElementTree.tostring(math, encoding="unicode")
