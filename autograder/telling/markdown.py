"""Markdown as HTML that needs nothing from the network: formulas become MathML, which browsers draw by themselves."""

from __future__ import annotations

import html
from urllib.parse import urlsplit

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.authoring.mathml import mathml


def render(text: str, trusted: bool = False) -> str:
    """The text as HTML. What is not `trusted` may hold no HTML of its own: it is shown as it was typed."""
    return MarkdownWithMath(renderer=_Offline(escape=not trusted, exclude_anchor_links=True)).render(text)


class _Offline(IPythonRenderer):
    """Loads nothing: pictures give way to their text, and only whole addresses are links."""

    def inline_math(self, body: str) -> str:
        return _mathml(body)

    def block_math(self, body: str) -> str:
        return _mathml(body, display=True)

    def latex_environment(self, name: str, body: str) -> str:
        return _mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return html.escape(text)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if urlsplit(url).scheme not in ("http", "https", "mailto"):
            return text
        return f'<a href="{html.escape(url)}">{text}</a>'

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{html.escape(code)}</code></pre>"


def _mathml(formula: str, display: bool = False) -> str:
    try:
        drawn = mathml(formula, display)
    except Exception:  # Of a formula that nobody can read, the way it was typed tells most.
        return f"<code>{html.escape(formula)}</code>"
    return f'<div class="formula">{drawn}</div>' if display else drawn
