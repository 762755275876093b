"""Stock `nbgrader autograde`, with nothing of ours configured, gives honest submissions the same points."""

from autograder import report, sample_class
from autograder.course import lessons
from benchmarks.stock import HONEST, StockClass, without_demos


def test_scores_agree_with_stock_nbgrader(graded_class, tmp_path):
    ours = {
        (r.student, r.lesson): {n: s for n, (s, _) in r.points.items()}
        for r in report.results(graded_class.book, lessons())
    }
    stock = StockClass(tmp_path / "stock", lessons())
    for lesson in lessons():
        for student in [s for s in sample_class.CLASS if s.name in HONEST]:
            (content,) = student.hands_in(lesson, student.name).values()
            stock.hand_in(student.name, lesson, without_demos(content))
        stock.autograde(lesson)
        theirs = stock.scores(lesson)
        assert set(theirs) == set(HONEST)
        for student in HONEST:
            assert theirs[student] == ours[student, lesson.name], student
