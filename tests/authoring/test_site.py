"""The reader's site: what its pages hold and what they must not, and how a browser finds them."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from autograder.authoring import moving, site
from autograder.authoring.mathml import mathml
from autograder.course import lessons
from lib.controls.dilations import draw_dilations
from tests.browser.serve import PATIENCE

PAGES = ("01_chain_rule.html", "06_wavenet.html")  # formulas and tables; sound


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of two lessons."""
    target = tmp_path_factory.mktemp("site") / "site"
    settings = [moving.numbers("layers", [1, 2, 3, 4, 5], 4), moving.numbers("kernel size", [2, 3], 2)]
    few = moving.Moving(settings, lambda layers, kernel: draw_dilations(kernel, [2**i for i in range(layers)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(moving.MOVING, "dilations", lambda: few)
        site.build(target, lessons(["01", "06"]))
    return target


@pytest.mark.parametrize("lesson", [x for x in lessons() if not x.is_exam], ids=lambda x: x.name)
def test_no_page_holds_a_solution_or_a_hidden_test(lesson):
    shown = "\n".join(cell.source for cell in site.page(lesson).cells)
    solved = lesson.source.read_text(encoding="utf-8")
    for mark in ("BEGIN SOLUTION", "HIDDEN TESTS", "autograder.checks", "checks.check_"):
        assert mark in solved
        assert mark not in shown
    answers = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", solved, re.DOTALL)
    assert not [answer for answer in answers if answer.strip() in shown]
    with_solutions = "\n".join(cell.source for cell in site.page(lesson, solutions=True).cells)
    assert all(line.strip() in with_solutions for answer in answers for line in answer.splitlines())
    assert "HIDDEN TESTS" not in with_solutions


def test_what_is_printed_of_a_typed_answer_is_left_out():
    printing = [c for c in site.page(lessons(["01"])[0]).cells if c.source.startswith('print(f"p(BAC)')]
    assert [cell.outputs for cell in printing] == [[]]
    printing = [c for c in site.page(lessons(["01"])[0], solutions=True).cells if c.source.startswith('print(f"p(BAC)')]
    assert printing[0].outputs[0].text == "p(BAC) = 0.12\n"


def test_every_figure_of_every_lesson_is_told_in_words():
    for lesson in lessons():
        outputs = [output for cell in site.page(lesson).cells for output in cell.get("outputs", [])]
        silent = [
            o for o in outputs if "image/png" in o.get("data", {}) and not o.metadata.get("image/png", {}).get("alt")
        ]
        assert not silent, f"{lesson.name}: {len(silent)} figures; run: autograder build {lesson.name[:2]}"


@pytest.mark.parametrize(
    ("latex", "holds"),
    [
        (r"p(\mathrm{B})", "<mtext>B</mtext>"),
        (r"x_{<t}", '<mo lspace="0" rspace="0">&lt;</mo>'),
        (r"\begin{aligned} a &= b \end{aligned}", '<mtd style="text-align: right"><mi>a</mi></mtd>'),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", "<mtd><mn>1</mn></mtd>"),
    ],
)
def test_formulas(latex: str, holds: str):
    assert holds in mathml(latex)


def test_every_formula_of_every_lesson_is_one():
    for lesson in lessons():
        text = "\n\n".join(c.source for c in site.page(lesson).cells if c.cell_type == "markdown")
        for latex in re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL):
            drawn = mathml(latex, display=True)
            assert not re.search(r"<m[ion]>(\\\\|&amp;)", drawn), latex


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: set[str] = set()
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [str(named[key]) for key in ("href", "src") if named.get(key)]
        self.ids |= {str(named["id"])} if named.get("id") else set()
        if tag == "img":
            self.images.append(named)


def test_no_dead_link_and_no_other_server(folder: Path):
    pages = {}
    for path in folder.rglob("*.html"):
        pages[path] = _Links()
        pages[path].feed(path.read_text(encoding="utf-8"))
    assert len(pages) >= 5
    for path, page in pages.items():
        assert all(image.get("alt") for image in page.images), path.name
        for link in page.found:
            address, mark = urldefrag(link)
            if address.startswith(("https://", "http://", "data:", "mailto:")):
                continue
            target = (path.parent / unquote(address.partition("?")[0])).resolve() if address else path
            assert target.is_file(), f"{path.name} links to {link}"
            if mark and target in pages:
                assert unquote(mark) in pages[target].ids, f"{path.name} links to {link}"


def test_guides_lead_to_files(monkeypatch):
    """Where the course has a public address, what has no page is linked there."""
    monkeypatch.setattr(site, "repository", lambda: "https://github.com/O/N")
    led = [
        place
        for path in site._guides()
        for place in re.findall(r"https://github\.com/O/N/blob/main/([^)\s#]+)", site.guide(path))
    ]
    assert "LICENSE" in led
    assert [place for place in led if not (site.ROOT / place).exists()] == []


def open_tab(context, **options):
    """A page that waits as long as a busy machine takes."""
    tab = context.new_page(**options)
    tab.set_default_timeout(1000 * PATIENCE)
    return tab


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.mark.parametrize(
    ("width", "dark", "pages"),
    [(375, False, ("index.html", "scoreboard.html", PAGES[1])), (1280, True, (PAGES[0],))],
    ids=["phone", "dark"],
)
def test_in_a_browser(chromium, address: str, width: int, dark: bool, pages: tuple[str, ...]):
    """No complaint, no request elsewhere, no page wider than its window, formulas drawn, nothing that keeps people out."""
    from axe_playwright_python.sync_playwright import Axe

    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    tab = open_tab(context)
    complaints: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    for page in pages:
        tab.goto(address + page)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, page
        found = Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")] == []
        if page in PAGES:
            heights = tab.evaluate("[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)")
            assert len(heights) > 50
            assert sum(height > 5 for height in heights) > 0.9 * len(heights)  # those in closed hints have none
            assert tab.locator(".Quiz").count() > 3
    assert complaints == []
    assert [url for url in requests if not url.startswith((address, "data:"))] == []
    context.close()


def test_search_quiz_cards_and_sound(chromium, address: str):
    tab = open_tab(chromium, viewport={"width": 375, "height": 800})
    tab.goto(address + "search.html?q=telescopes")
    tab.wait_for_selector("#search-results li")
    assert "chain rule" in tab.inner_text("#search-results li")
    tab.goto(address + "06_wavenet.html")
    sound = tab.locator("audio").first
    sound.scroll_into_view_if_needed()
    assert sound.evaluate("a => new Promise(r => { a.onended = () => r(true); a.onerror = () => r(false); a.play(); })")
    field = tab.locator("input.Input-text").first
    field.fill("12345")
    field.press("Enter")
    tab.wait_for_function("document.querySelector('.Feedback, [id^=fb]').innerText.length > 3")
    card = tab.locator(".flip-container").first
    before = card.evaluate("c => c.className")
    card.locator(".flipper").first.click()
    assert card.evaluate("c => c.className") != before
    tab.close()


def test_controls_move_without_a_kernel(chromium, address: str):
    tab = open_tab(chromium, viewport={"width": 375, "height": 800})
    tab.goto(address + "06_wavenet.html")
    figure = tab.locator("figure.moving")
    picture = figure.locator("img")
    assert "receptive field 16 samples" in picture.get_attribute("alt")
    figure.get_by_label("layers").press("ArrowRight")
    assert "receptive field 32 samples" in picture.get_attribute("alt")
    figure.get_by_label("3", exact=True).check()
    assert "receptive field 63 samples" in picture.get_attribute("alt")
    tab.wait_for_function("document.querySelector('figure.moving img').naturalWidth > 300")
    tab.goto(address + "01_chain_rule.html")
    tab.get_by_label("Typed").fill("fra")
    assert "0.00 bits" in tab.inner_text(".keyboard .told")
    assert tab.get_attribute(".keyboard .bars", "aria-label") == "n 100 %"
    tab.close()


def test_every_control_has_its_pictures_or_says_why_not():
    """A control that a lesson calls and `moving` does not know would be an empty place on the page."""
    called = [name for lesson in lessons() for cell in site.page(lesson).cells if (name := moving.control(cell))]
    assert {*called} == {"keyboard", *moving.MOVING}
    shown = [c for lesson in lessons() for c in site.page(lesson).cells if "lib.controls" in c.get("source", "")]
    assert len([c for c in shown if not c.outputs and not moving.control(c)]) == 0


def test_reads_without_javascript(chromium, address: str):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 375, "height": 800})
    tab = open_tab(context)
    tab.goto(address + "01_chain_rule.html")
    assert tab.locator("math").first.bounding_box()
    hint = tab.locator("article details", has_text="a share of a share").first
    assert not hint.locator("p").first.is_visible()
    hint.locator("summary").click()
    assert hint.locator("p").first.is_visible()
    tab.locator("a.next-page").click()
    tab.wait_for_url("**/06_wavenet.html")
    assert "WaveNet" in tab.title()
    context.close()
