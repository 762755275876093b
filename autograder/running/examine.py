"""The examiner's process: `python -m autograder.running.examine`, one JSON job a line on stdin, one JSON result a line on stdout.

What the examiner does is in `autograder.running.examiner`, which imports torch; its worker is started before that.
"""

from __future__ import annotations

import sys

from autograder.running import launch, sandbox

if __name__ == "__main__":
    sandbox.die_with_parent()
    sandboxed = "--no-sandbox" not in sys.argv
    worker = launch.worker(sandboxed)
    from autograder.running.examiner import main

    main(sandboxed, worker)
