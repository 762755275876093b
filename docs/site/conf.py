"""Sphinx's settings for the reader's site. `autograder.authoring.site` writes the pages and calls Sphinx."""

from docutils.nodes import SkipNode

from autograder.authoring.mathml import mathml

project = "Autoregressive models"
author = "the authors of the course"
copyright = "the authors. Text and figures: CC BY 4.0. Code: MIT"
html_title = "Autoregressive models"
language = "en"

extensions = ["myst_nb", "sphinx_copybutton"]
nb_execution_mode = "off"
nb_merge_streams = True
nb_output_stderr = "remove"
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

html_theme = "furo"
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {
        "color-foreground-primary": "#1d1c1a",
        "color-foreground-secondary": "#4b4944",
        "color-foreground-muted": "#67645d",
        "color-background-primary": "#fffefb",
        "color-background-secondary": "#f8f6f0",
        "color-background-border": "#e6e2d8",
        "color-brand-primary": "#0b5c8f",
        "color-brand-content": "#0b5c8f",
        "color-brand-visited": "#54458a",
        "color-code-background": "#f6f4ee",
        "color-inline-code-background": "#f3f0e8",
    },
    "dark_css_variables": {
        "color-foreground-primary": "#dcd9d2",
        "color-foreground-secondary": "#b9b5ac",
        "color-foreground-muted": "#a09c93",
        "color-background-primary": "#16171a",
        "color-background-secondary": "#1b1d20",
        "color-background-border": "#2f3135",
        "color-brand-primary": "#7fc1ea",
        "color-brand-content": "#8cc8ee",
        "color-brand-visited": "#b9aef0",
        "color-code-background": "#1e2024",
        "color-inline-code-background": "#24272b",
    },
}
html_math_renderer = "mathml"
highlight_language = "none"
pygments_style = "github-light"
pygments_dark_style = "github-dark"
copybutton_selector = "div.cell_input pre"


def inline(translator, node):
    translator.body.append(mathml(node.astext()))
    raise SkipNode


def block(translator, node):
    translator.body.append(f'<div class="formula">{mathml(node.astext(), display=True)}</div>\n')
    raise SkipNode


def level(app, pagename, templatename, context, doctree):
    """Sphinx calls the captions of the contents headings, and does not say of which level."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def setup(app):
    app.connect("html-page-context", level, priority=900)
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
