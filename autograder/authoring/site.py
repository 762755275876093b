"""Make the reader's site: one page a lesson, from the solved notebook's text and figures. `make site` is the command.

A page is what students get (nbgrader's release: no solution, no hidden test) with the outputs of the solved lesson; no lesson
is run. What was printed about an answer to be typed is left out as well, unless solutions are asked for. MyST-NB and Sphinx
(`docs/site/conf.py`) turn the pages into HTML that reads without JavaScript and asks no other server for anything.
"""

from __future__ import annotations

import ast
import base64
import re
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.authoring import index, moving
from autograder.authoring.pack import README
from autograder.course import ROOT, CourseError, Lesson, repository, write_whole

CONFIGURATION = ROOT / "docs" / "site"
# A widget's own words, which mean nothing on a page.
_WIDGET = "VBox(children="
_FOLDED = re.compile(r"<details><summary>(.*?)</summary>\n(.*?)\n?</details>", re.DOTALL)


def build(target: Path, lessons: Sequence[Lesson], solutions: bool = False, controls: bool = True) -> None:
    """Write the site of these lessons to the folder `target`, whole or not at all.

    solutions : show the solutions, folded away. controls : draw the pictures of the controls too, which takes minutes.

    Raises CourseError if a lesson is not built, or Sphinx warns of anything.
    """
    try:
        from sphinx.application import Sphinx
        from sphinx.errors import SphinxError
    except ImportError:
        raise CourseError("The site needs Sphinx; run: pip install -e '.[site]' -c constraints.txt") from None
    work = target.with_name(target.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    sources = work / "sources"
    write_sources(sources, lessons, solutions, controls)
    try:
        sphinx = Sphinx(
            str(sources), str(CONFIGURATION), str(work / "html"), str(work / "doctrees"), "html",
            confoverrides={"html_extra_path": [str(sources / "extra")]}, status=None, warningiserror=True, exception_on_warning=True,
        )  # fmt: skip
        sphinx.build()
    except SphinxError as error:
        raise CourseError(f"Sphinx could not make the site: {error}") from error
    for left_over in ("_sources", ".buildinfo", "objects.inv"):
        path = work / "html" / left_over
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (work / "html" / ".nojekyll").touch()  # GitHub would leave out the folders that begin with an underscore.
    shutil.rmtree(target, ignore_errors=True)
    (work / "html").rename(target)
    shutil.rmtree(work)


def write_sources(folder: Path, lessons: Sequence[Lesson], solutions: bool = False, controls: bool = True) -> None:
    """Write what Sphinx reads: a notebook for each lesson but the exam, which is nobody's to read beforehand, and the other pages."""
    (folder / "extra").mkdir(parents=True)
    shown = [lesson for lesson in lessons if not lesson.is_exam]
    for lesson in shown:
        notebook = page(lesson, solutions)
        if controls:
            moving.put_into(notebook, folder / "extra" / "moving" / lesson.name, f"moving/{lesson.name}")
        write_whole(folder / f"{lesson.name}.ipynb", nbformat.writes(notebook) + "\n")
    write_whole(folder / "index.md", front_page(lessons))
    for path, name in _guides().items():
        write_whole(folder / f"{name}.md", guide(path) + (_below_teach() if name == "teach" else ""))


def page(lesson: Lesson, solutions: bool = False) -> NotebookNode:
    """The lesson as its page shows it. Raises CourseError if it is not built."""
    for path in (lesson.solution, lesson.release):
        if not path.exists():
            raise CourseError(f"{path.relative_to(ROOT)} is missing; run: autograder build {lesson.name[:2]}")
    solved, released = (nbformat.read(path, as_version=4) for path in (lesson.solution, lesson.release))
    if [cell.id for cell in solved.cells] != [cell.id for cell in released.cells]:
        raise CourseError(
            f"{lesson.name}: its two notebooks are not of one build; run: autograder build {lesson.name[:2]}"
        )
    typed = _typed_answers(released)
    cells: list[NotebookNode] = []
    for full, handed_out in zip(solved.cells, released.cells, strict=True):
        if full.cell_type == "markdown":
            cells.append(nbformat.v4.new_markdown_cell(_unfold(full.source), id=full.id))
            continue
        outputs = [
            output
            for output in full.outputs
            if "image/png" in output.get("data", {}) or solutions or not _mentions(handed_out.source, typed)
            if not output.get("data", {}).get("text/plain", "").startswith(_WIDGET)
        ]
        cells += _code(handed_out, outputs, setup=not any(cell.cell_type == "code" for cell in cells))
        role = full.metadata.get("nbgrader", {})
        if solutions and role.get("solution"):
            answer = nbformat.v4.new_code_cell(_solution(full.source), id=f"{full.id[:50]}-solved")
            answer.metadata.update(tags=["hide-input"], mystnb={"code_prompt_show": "Show the solution"})
            cells.append(answer)
    kept = {key: solved.metadata[key] for key in ("kernelspec", "language_info")}
    return nbformat.v4.new_notebook(cells=cells, metadata=kept)


def _code(cell: NotebookNode, outputs: list[NotebookNode], setup: bool) -> list[NotebookNode]:
    """A code cell for the page; each further figure in a cell of its own, since MyST-NB gives a cell one alternative text."""
    role = cell.metadata.get("nbgrader", {})
    made = nbformat.v4.new_code_cell(cell.source, id=cell.id)
    if "from lib.practice" in cell.source:
        made.metadata.tags = ["remove-input"]  # It holds the answers.
    elif role.get("grade"):
        made.metadata.update(tags=["hide-input", "check"], mystnb={"code_prompt_show": "Show the visible tests"})
        points = role.get("points", 0)
        made.metadata.mystnb["code_prompt_show"] += f" ({points:g} point{'s' if points != 1 else ''})"
    elif role.get("solution"):
        made.metadata.tags = ["exercise"]
    elif cell.metadata.get("jupyter", {}).get("source_hidden"):
        made.metadata.update(tags=["hide-input"], mystnb={"code_prompt_show": "Show the code of this figure"})
    elif setup:
        made.metadata.update(tags=["hide-input"], mystnb={"code_prompt_show": "Show what the lesson imports"})
    groups: list[list[NotebookNode]] = [[]]
    for output in outputs:
        alone = "image/png" in output.get("data", {})
        if alone and groups[-1]:
            groups.append([])
        groups[-1].append(output)
    found = []
    for n, group in enumerate(groups):
        part = (
            made
            if n == 0
            else nbformat.v4.new_code_cell("", id=f"{cell.id[:50]}-{n}", metadata={"tags": ["remove-input"]})
        )
        part.outputs = group
        for output in group:
            if "image/png" in output.get("data", {}):
                width, height = _size(output.data["image/png"])
                image = {
                    "alt": output.get("metadata", {}).get("image/png", {}).get("alt", ""),
                    "width": f"{width}px",
                    "height": f"{height}px",
                }
                part.metadata.setdefault("mystnb", {})["image"] = image
        found.append(part)
    return found


def _size(png: str) -> tuple[int, int]:
    """Width and height of a base64 PNG: a page that knows them does not jump while it loads."""
    width, height = struct.unpack(">II", base64.b64decode(png[:64])[16:24])
    return width, height


def _typed_answers(released: NotebookNode) -> set[str]:
    """The names that are handed out as `name = None`, to be typed: what prints them gives them away."""
    names: set[str] = set()
    for cell in released.cells:
        if cell.metadata.get("nbgrader", {}).get("solution") and "raise NotImplementedError" not in cell.source:
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.id)
    return names


def _mentions(source: str, names: set[str]) -> bool:
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(ast.parse(source)))


def _solution(source: str) -> str:
    """What stands between the marks."""
    found = re.findall(r"### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION", source, re.DOTALL)
    lines = "\n".join(found).splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[indent:] for line in lines)


def _unfold(markdown: str) -> str:
    """Hints with blank lines around their text, without which Markdown in HTML stays as it is written."""
    return _FOLDED.sub(r"<details><summary>\1</summary>\n\n\2\n\n</details>", markdown)


def front_page(lessons: Sequence[Lesson]) -> str:
    """The contents: what each lesson promises, and what it takes."""
    entries = [index.entry(lesson) for lesson in lessons]
    told = []
    for entry in entries:
        name, number = entry.lesson.name, entry.lesson.name[:2]
        short, _, long = entry.title.partition(": ")
        head = short if entry.lesson.is_exam else f"[{short}]({name})"
        takes = f"{entry.read} min to read · {entry.practise} to practise" if entry.read else entry.time
        told.append(
            f":::{{container}} lesson\n[{number}]{{.number}} **{head}**\n\n" + (f"*{long[:1].upper() + long[1:]}.*\n\n" if long else "")
            + f"Afterwards you can {entry.promise}.\n\n[{takes} · {entry.exercises} exercises · {entry.points} points]{{.takes}}\n:::\n"
        )  # fmt: skip
    pages = "\n".join(
        f"{e.lesson.name[:2]} {e.title.partition(':')[0]} <{e.lesson.name}>" for e in entries if not e.lesson.is_exam
    )
    where = f" ([here]({repository()}/tree/main/notebooks))" if repository() else ""
    return f"""# Autoregressive models, lesson by lesson

:::{{container}} lead
Any joint distribution is a product of conditionals. Everything else is how you parameterise, train, sample and pay for
those conditionals. From a table of three variables to a language model, with exercises that grade themselves.
:::

These pages are for reading: text, figures, sound, quizzes and cards. The exercises are done in the notebooks{where}, where a test
under each says at once what is wrong: [how to begin](students.md).

```{{toctree}}
:hidden:
:caption: Lessons

{pages}
```

```{{toctree}}
:hidden:
:caption: The course

Scoreboard <scoreboard>
Study it <students>
Teach it <teach>
```


{"".join(told)}
"""


def guide(path: Path) -> str:
    """A page of `docs/`: links to other such pages stay, those to files go to where the repository can be read, if that is said."""

    def link(match: re.Match[str]) -> str:
        text, address, mark = match[1], match[2], match[3] or ""
        if "://" in address:
            return match[0]
        target = (path.parent / address).resolve()
        if target in _guides():
            return f"[{text}]({_guides()[target]}.md{mark})"
        where = repository()
        return f"[{text}]({where}/blob/main/{target.relative_to(ROOT)}{mark})" if where else text

    text = re.sub(r"\[([^\]]+)\]\(([^)#\s]+)(#[^)]*)?\)", link, path.read_text(encoding="utf-8"))
    return re.sub(r"\A# .*", "# Study the course", text) if path == README else text


def _below_teach() -> str:
    """The contents' second level."""
    names = [name for name in _guides().values() if name not in ("scoreboard", "students", "teach")]
    return "\n".join(("", "```{toctree}", ":hidden:", "", *names, "```", ""))


def _guides() -> dict[Path, str]:
    """Pages that are not lessons: where they come from, and their names on the site."""
    found = {path: path.stem for path in sorted(ROOT.glob("docs/*.md"))}
    found[ROOT / "docs" / "README.md"] = "teach"
    found[README] = "students"
    return found
