"""What the lessons, the READMEs and the pages of docs/ refer to is there: files, headings, other lessons, and a number for each issue or paper."""

import itertools
import re

import pytest

from autograder.authoring import index, source
from autograder.course import ROOT, lessons

LESSONS = lessons()
NUMBERS = {int(lesson.name[:2]) for lesson in LESSONS if not lesson.is_exam}
PROSE = {
    lesson.name: [c.source for c in source.read(lesson).notebook.cells if c.cell_type == "markdown"]
    for lesson in LESSONS
}
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("*/README.md")), *sorted(ROOT.glob("docs/[!R]*.md"))]
REPOSITORY = re.compile(r"github\.com/([\w.-]+/[\w.-]*\w)")
NUMBERED = re.compile(r"(issues?|pull requests?|discussions?) \d+")
VENUE = re.compile(
    r"IEEE|ACM|Technical|Press|Wiley|Handbook|Journal|Proceedings|Transactions|Statistic|Royal Society|Neural Computation|"
    r"Machine Learning|Artificial Intelligence|Cognitive Science|PLOS|JASA|NIPS|NeurIPS|ICML|ICLR|AISTATS|JMLR|ACL|OpenAI|"
    r"Census Bureau|ITU-T|github\.com/"
)


@pytest.fixture(params=PROSE)
def prose(request):
    """A lesson's text, a line for each paragraph and each point of a list."""
    blocks = re.split(r"\n\n|\n(?=- |\d\. |#|\|)", "\n\n".join(PROSE[request.param]))
    return "\n".join(" ".join(block.split()) for block in blocks)


def slug(heading):
    """The name that JupyterLab and GitHub give to a heading."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def test_links_lead_somewhere(prose):
    headings = {slug(heading) for heading in re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)}
    for target in re.findall(r"\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"", prose):
        path, _, heading = (target[0] or target[1]).partition("#")
        assert path.startswith("http") or not path or (ROOT / "notebooks" / "x" / path).exists(), target
        assert path or slug(heading.replace("-", " ")) in headings, target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_of_the_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        there = page.parent / path if path else page
        lesson = ROOT / "solutions" / there.parent.name / f"{there.stem}.py"  # of which the notebook is made
        assert target.startswith("http") or there.exists() or (there.suffix == ".ipynb" and lesson.exists()), target
        if heading and there.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert heading in map(slug, headings), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_the_pages_name_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"(?<![\w/.])((?:lib|data|benchmarks|autograder|tests|docs)/[\w/]+(?:\.\w+)?)", text):
        assert (ROOT / name).exists() or "TOPIC" in name, name


def test_every_page_of_docs_is_in_its_index():
    index_page = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("[!R]*.md"):
        assert f"({page.name})" in index_page, page.name


def test_files_and_modules_that_are_named_exist(prose):
    for name in re.findall(r"`((?:lib|data|benchmarks|autograder|notebooks|solutions)/[\w./]+)`", prose):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`(lib(?:\.\w+)+)`", prose):
        parts = name.split(".")
        files = [ROOT.joinpath(*parts[:n]) for n in range(len(parts), 0, -1)]
        found = [
            f
            for f in (p.with_suffix(".py") if p.with_suffix(".py").exists() else p / "__init__.py" for p in files)
            if f.exists()
        ]
        assert found, name
        inside = (
            parts[len(found[0].relative_to(ROOT).with_suffix("").parts) :] if found[0].name != "__init__.py" else []
        )
        assert all(re.search(rf"\b{part}\b", found[0].read_text(encoding="utf-8")) for part in inside), name


def test_lessons_that_are_named_exist(prose):
    for numbers in re.findall(r"\b[Ll]essons? (\d{1,2}\b(?:(?:, | and | to | or |, and )\d{1,2}\b)*)", prose):
        assert {int(n) for n in re.findall(r"\d+", numbers)} <= NUMBERS, numbers
    for name, number in re.findall(r"`(\w+)` (?:of|in|from) lesson (\d+)", prose):
        (lesson,) = [lesson for lesson in LESSONS if int(lesson.name[:2]) == int(number)]
        assert name in lesson.source.read_text(encoding="utf-8"), f"{name} of lesson {number}"


def test_each_lesson_leads_to_the_next():
    for lesson, following in itertools.pairwise(LESSONS):
        last = PROSE[lesson.name][-1].split("\n\n")[-1]
        if not following.is_exam:
            assert last.lstrip("*").startswith("Next:"), lesson.name
            assert re.search(rf"\b[Ll]esson {int(following.name[:2])}\b", last), lesson.name


def test_every_repository_that_is_named_has_the_number_of_an_issue_or_pull_request(prose):
    for found in REPOSITORY.finditer(prose):
        near = prose[max(0, found.start() - 120) : found.end() + 120]
        assert NUMBERED.search(near), found[0]


def test_further_reading_says_where_to_find_it(prose):
    _, _, reading = prose.partition("### Further reading\n")
    for line in reading.splitlines():
        if line.startswith("- "):
            assert re.search(r"arXiv \d{4}\.\d{4,5}", line) or VENUE.search(line), line


def test_what_is_made_from_the_lessons_is_up_to_date():
    """`autograder build` writes these pages."""
    for path, text in index.pages().items():
        assert path.read_text(encoding="utf-8") == text, path.relative_to(ROOT)


def test_a_region_that_nothing_makes_is_told(monkeypatch, tmp_path):
    (tmp_path / "README.md").write_text("<!-- made: nothing -->\n<!-- end -->\n")
    monkeypatch.setattr(index, "PAGES", (tmp_path / "README.md",))
    with pytest.raises(index.CourseError, match="nothing makes that"):
        index.pages()
