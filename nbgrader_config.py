"""nbgrader's view of this repository: every `nbgrader` command and formgrader read it, and so does `autograder`.

The environment variable AUTOGRADER_GRADEBOOK names another gradebook folder (default: gradebook/), for a second class;
AUTOGRADER_DB names another database than the file gradebook.db in that folder, as an SQLAlchemy URL.
"""

import os
import sys

# nbgrader starts `alembic` by name when it makes a database: find it also when the environment is not activated.
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")

root = os.path.dirname(os.path.abspath(__file__))
gradebook = os.environ.get("AUTOGRADER_GRADEBOOK") or "gradebook"

c = get_config()  # noqa: F821  (traitlets provides it)

# nbgrader's own name for the only course in a database. PostgreSQL refuses assignments of the course "", the default.
c.CourseDirectory.course_id = "default_course"
c.CourseDirectory.root = root
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.submitted_directory = os.path.join(gradebook, "submitted")
c.CourseDirectory.autograded_directory = os.path.join(gradebook, "autograded")
c.CourseDirectory.feedback_directory = os.path.join(gradebook, "feedback")
sqlite = "sqlite:///" + os.path.join(root, gradebook, "gradebook.db")
c.CourseDirectory.db_url = os.environ.get("AUTOGRADER_DB") or sqlite
# Without *.py nbgrader would copy the lesson sources, solutions and all, to students and into graded folders.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py", "*.part"]

# Due dates, and the times in exports of systems that name no zone (Blackboard, Brightspace), are of this zone, such as
# "Europe/Berlin"; empty: of this machine's.
c.Course.timezone = ""
# Where everybody can read your copy of the course, such as "https://github.com/OWNER/NAME": `autograder build` makes the badges
# in README.md from it. Empty: nowhere, and no badges.
c.Course.repository = ""

c.ClearSolutions.code_stub = {"python": '# YOUR CODE HERE\nraise NotImplementedError("not written yet")'}
# nbgrader's own steps, with two of ours: answers to be typed are handed out as `name = None`, and what is not solved yet
# stops nothing.
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.LockCells",
    "nbgrader.preprocessors.ClearSolutions",
    "autograder.authoring.typed_answers.TypedAnswers",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "autograder.authoring.run_all.RunAll",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# The same repairs and the same fairness whether a TA types `autograder grade`, `nbgrader autograde` or clicks in
# formgrader: the steps of ours below.
# (RestoreCells also does what nbgrader's OverwriteKernelspec and OverwriteCells do, with one look into the database for a
# lesson; CheckCellMetadata has nothing left to check, since RestoreCells writes the metadata of every cell itself.)
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "autograder.intake.repair.RestoreCells",
]
c.Autograde.autograde_preprocessors = [
    "autograder.running.step.ExecuteInWorker",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.recording.scores.SaveScores",
    "nbgrader.preprocessors.AssignLatePenalties",
]

# Late work. Due dates and extensions stand in the class's folder, in `due.csv` (autograder/recording/late.py shows one).
# Each day begun costs so many percent of the points reached; with 0, being late is shown and costs nothing.
c.AssignLatePenalties.plugin_class = "autograder.recording.late.LatePolicy"
c.LatePolicy.percent_per_day = 0
c.LatePolicy.at_most_percent = 100
c.LatePolicy.grace_minutes = 0
# c.LatePolicy.nothing_after_days = 7

# Feedback shows what a hidden test complained about, not the test; `autograder feedback --all` leaves that step out.
# (The page asks the database for scores and comments itself.)
c.GenerateFeedback.preprocessors = ["autograder.telling.hide_tests.HideTests"]
c.GenerateFeedback.exporter_class = "autograder.telling.page.FeedbackPage"
