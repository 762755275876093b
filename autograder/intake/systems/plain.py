"""No system: one folder or one notebook per student, the student's name in the folder's or file's name.

`STUDENT/name.ipynb`   `01_chain_rule/STUDENT/name.ipynb`   `STUDENT - 01_chain_rule.ipynb`   `01_chain_rule_STUDENT.ipynb`,
in any folders that all share. A file's own time counts as the time it was handed in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath

from autograder.course import lessons
from autograder.intake.export import Export
from autograder.intake.handed import Handed, without_copy_marks
from autograder.intake.reader import Reader, is_archive, shared_folders, without_ending
from autograder.intake.roster import spelling


class Plain(Reader):
    name = "plain files"
    layout = "STUDENT/name.ipynb, STUDENT - 01_chain_rule.ipynb or 01_chain_rule_STUDENT.ipynb"
    file_times = True

    def __init__(self, export: Export):
        super().__init__(export)
        self._lessons = [lesson.name for lesson in lessons()]
        paths = [file.path for file in export.files]
        notebooks = [file.path for file in export.files if file.is_notebook] or paths
        shared = _shared_by(notebooks, paths)
        self._lead = self._of_students(notebooks, shared)

    def whose(self, path: PurePosixPath) -> Handed | None:
        folders = self._folders(path, self._lead)
        name = spelling(folders[0] if folders else in_file_name(without_ending(path.name), self._lessons))
        about = not folders and path.suffix.casefold() != ".ipynb" and not any(x in path.stem for x in self._lessons)
        return Handed(name, written=name, original=path.name, is_work=not about, by_file_name=not folders)

    def _folders(self, path: PurePosixPath, lead: int) -> list[str]:
        """The folders from the students' on; an archive of one student's is named as a file would be."""
        folders = [part for part in path.parts[lead:-1] if part not in self._lessons]
        if folders and is_archive(folders[0]):
            folders[0] = in_file_name(without_ending(folders[0]), self._lessons)
        return folders

    def _of_students(self, notebooks: list[PurePosixPath], shared: int) -> int:
        """How many of the folders that all share lead to the students: not the last one if it is a student's."""
        inside = [path.parts[shared:] for path in notebooks]
        if any(len(parts) > 1 and parts[0] not in self._lessons for parts in inside):
            return shared + self._is_of_classes(notebooks, shared)
        names = [in_file_name(without_ending(parts[-1]), self._lessons) for parts in inside]
        if len(names) > 1 and all(names) and len(set(names)) == len(names) and all(len(parts) == 1 for parts in inside):
            return shared  # A file per student, all in one folder.
        lead = max(shared - 1, 0)
        while lead and notebooks[0].parts[lead] in self._lessons:
            lead -= 1
        return lead

    def _is_of_classes(self, notebooks: list[PurePosixPath], shared: int) -> bool:
        """Whether the first folders that differ are sections', with other students each, or assignments', with another lesson
        each; not students', with a folder for every try."""
        inside: dict[str, set[str]] = defaultdict(set)
        of: dict[str, set[str]] = defaultdict(set)
        for path in notebooks:
            if len(folders := self._folders(path, shared)) < 2:
                return False
            inside[folders[0]].add(folders[1])
            of[folders[0]] |= {lesson for lesson in self._lessons if lesson in path.name}
        if len(inside) < 2 or any(len(names) < 2 for names in inside.values()):
            return False
        lessons_differ = all(len(names) == 1 for names in of.values()) and len(set().union(*of.values())) == len(of)
        return lessons_differ or len(set().union(*inside.values())) == sum(map(len, inside.values()))


def in_file_name(stem: str, lesson_names: list[str]) -> str:
    """What a file's name says beside the lesson's: the student."""
    name = without_copy_marks(stem)
    for lesson in lesson_names:
        name = re.sub(rf"[\s_.-]*{re.escape(lesson)}(-\d\d?(?!\d))?[\s_.-]*", " ", name).strip()
    return without_copy_marks(name)


def _shared_by(notebooks: list[PurePosixPath], paths: list[PurePosixPath]) -> int:
    """How many leading folders all notebooks have in common, if everything else but lists beside them has too."""
    depth = shared_folders(notebooks)
    for shallower in range(depth):
        if len({path.parts[: shallower + 1] for path in paths if len(path.parts) > shallower + 1}) > 1:
            return shallower
    return depth
