"""Running cells in a worker: outputs as a kernel would give them, and nothing a cell does costs another its result."""

import time
from dataclasses import replace

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.running.execute import MachineFailed, Run, Stopped, Worker
from autograder.running.limits import Limits
from autograder.running.sandbox import NO_SANDBOX, unprotected

LIMITS = Limits(cell_seconds=1.0, total_seconds=20.0, patience=2.0, memory_mib=1024, output_characters=5000)


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


def run(worker: Worker, *sources: str, limits: Limits = LIMITS) -> tuple[Run, list[list[NotebookNode]]]:
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    outcome = worker.run(notebook, limits)
    return outcome, [cell.outputs for cell in notebook.cells]


def text(outputs: list[NotebookNode]) -> str:
    return "".join(o.get("text", "") or o.get("evalue", "") or o.get("data", {}).get("text/plain", "") for o in outputs)


def test_outputs_look_like_a_kernels(worker):
    _, outputs = run(
        worker,
        "x = 20",
        "print('hello')\nx + 1",
        "import sys; print('careful', file=sys.stderr)",
        "1 / 0",
        "x +",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "from IPython.display import Markdown, display; display(Markdown('*hi*'))",
    )
    assert outputs[0] == []
    assert [(o.output_type, text([o])) for o in outputs[1]] == [("stream", "hello\n"), ("execute_result", "21")]
    assert (outputs[2][0].name, outputs[2][0].text) == ("stderr", "careful\n")
    assert outputs[3][0].ename == "ZeroDivisionError"
    assert any("1 / 0" in line for line in outputs[3][0].traceback)
    assert outputs[4][0].ename == "SyntaxError"
    assert set(outputs[5][0].data) == {"text/plain", "image/png"}
    assert outputs[6][0].data == {"text/plain": "*hi*"}


def test_names_last_within_a_submission_and_not_beyond(worker):
    _, outputs = run(worker, "secret = 42", "secret")
    assert text(outputs[1]) == "42"
    _, outputs = run(worker, "secret")
    assert outputs[0][0].ename == "NameError"


def test_demos_and_text_are_not_run_but_checks_always_are(worker):
    demo = new_code_cell("raise Exception('a demo ran')", metadata={"tags": ["demo"]})
    check = new_code_cell(
        "print('ran')", metadata={"tags": ["demo"], "nbgrader": {"grade_id": "check_x", "grade": True}}
    )
    notebook = new_notebook(cells=[new_markdown_cell("text"), demo, check])
    worker.run(notebook, LIMITS)
    assert notebook.cells[1].outputs == []
    assert text(notebook.cells[2].outputs) == "ran\n"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("while True: pass", "ran for more than"),
        ("import time; time.sleep(60)", "ran for more than"),
        (
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            "ran for more than",
        ),
        (
            "import signal\nfor s in (signal.SIGALRM, signal.SIGPROF): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
            "ran for more than",
        ),
        ("import os; os._exit(7)", "exit 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("big = [0] * 10**10", ""),
        ("import sys; sys.exit(1)", "1"),
        ("raise KeyboardInterrupt", ""),
        ("import sys\ndef f(): return f()\nsys.setrecursionlimit(10**9)\nf()", ""),
        ("import os\nfor fd in range(3, 64):\n    try: os.close(fd)\n    except OSError: pass", ""),
    ],
)
def test_a_bad_cell_costs_only_itself(worker, bad, says):
    _, outputs = run(worker, "x = 1", bad, "x + 1")
    assert text(outputs[2]) == "2"
    assert [o for o in outputs[1] if o.output_type == "error" and says in o.evalue] or "range(3" in bad


def test_killing_the_worker_costs_nobody_else(worker):
    run(worker, "import os, signal; os.kill(os.getppid(), signal.SIGKILL)", "1")
    _, outputs = run(worker, "1 + 1")
    assert text(outputs[0]) == "2"


def test_output_is_bounded_and_the_cell_goes_on(worker):
    flood = "for _ in range(1000):\n    print('x' * 10**6)\ny = 3"
    huge = "class R:\n    def __repr__(self): return 'r' * 10**8\nR()"
    _, outputs = run(worker, flood, "y", huge, limits=replace(LIMITS, cell_seconds=15))
    assert len(text(outputs[0])) < 5200
    assert "truncated" in text(outputs[0])
    assert text(outputs[1]) == "3"
    assert len(text(outputs[2])) < 5200


def test_output_below_python_is_dropped(worker):
    _, outputs = run(worker, "import os\nos.write(1, b'noise')\nos.system('echo noise')\nprint('kept')")
    assert "noise" not in text(outputs[0])
    assert "kept" in text(outputs[0])


def test_a_submission_has_a_limit_of_its_own(worker):
    sleepy = ["import time", *["time.sleep(0.8)"] * 5]
    outcome, outputs = run(worker, *sleepy, limits=Limits(cell_seconds=1, total_seconds=2, patience=1))
    assert "used up its 2 seconds" in " ".join(outcome.notes)
    assert "processor" not in " ".join(outcome.notes)
    assert outputs[-1][0].ename == "CellStopped"
    assert outcome.late


BUSY = "import time\nends = time.process_time() + 0.7\nwhile time.process_time() < ends: pass"


def test_what_counts_is_the_processors_time_of_all_its_processes(worker):
    patient = Limits(cell_seconds=1, total_seconds=2, patience=1000)
    outcome, outputs = run(worker, "import time; time.sleep(1.5)", "1 + 1", limits=patient)
    assert (outcome.notes, outcome.late, text(outputs[1])) == ([], False, "2")
    assert outcome.seconds < 1
    outcome, outputs = run(worker, *[BUSY] * 20, limits=patient)
    assert "used up its 2 seconds of processor time" in " ".join(outcome.notes)
    assert outcome.late
    assert outcome.seconds >= 2
    # Each process alone would be within the limit; and those that have ended count as well.
    several = f"import subprocess, sys\nfor _ in range(8): subprocess.run([sys.executable, '-c', {BUSY!r}])"
    outcome, outputs = run(worker, several, "1 + 1", limits=replace(patient, total_seconds=60))
    assert "ran for more than 1 seconds of processor time" in text(outputs[0])
    assert (outcome.late, text(outputs[1])) == (True, "2")


def test_a_lost_examiner_is_replaced_once_and_then_it_is_the_machines_failure(monkeypatch):
    worker, ask, asked = Worker(), Worker._ask, []

    def lose(times):
        def lossy(self, job, deadline):
            asked.append(self.process.pid)
            if len(asked) <= times:
                self.process.kill()
            return ask(self, job, deadline)

        asked.clear()
        monkeypatch.setattr(Worker, "_ask", lossy)

    lose(1)
    assert text(run(worker, "1 + 1")[1][0]) == "2"
    assert len(set(asked)) == 2
    lose(2)
    with pytest.raises(MachineFailed, match="its examiner ended unexpectedly"):
        run(worker, "1 + 1")
    assert len(asked) == 2
    assert text(run(worker, "1 + 1")[1][0]) == "2"
    worker.close()


def test_processes_left_behind_are_killed(worker, tmp_path):
    alive = tmp_path / "alive"
    script = f"import subprocess, sys\nsubprocess.Popen(['sh', '-c', 'sleep 1.5; touch {alive}'])"
    run(worker, script)
    time.sleep(2.0)
    assert not alive.exists()


def test_each_submission_has_a_scratch_folder_of_its_own(worker):
    _, outputs = run(worker, "import os, pathlib\npathlib.Path('f').write_text('1')", "print(os.path.exists('f'))")
    assert text(outputs[1]) == "True\n"
    _, after = run(worker, "import os\nprint(os.path.exists('f'), os.listdir() in ([], ['.ipython']))")
    assert text(after[0]) == "False True\n"


def test_errors_of_checks_do_not_show_the_check(worker):
    student = new_code_cell("def f(x):\n    return x / 0")
    check = new_code_cell(
        "expected_secret = 7\nassert f(1) == expected_secret, 'f: the result is wrong'",
        metadata={"nbgrader": {"grade_id": "check_f", "grade": True, "points": 1}},
    )
    notebook = new_notebook(cells=[student, check])
    worker.run(notebook, LIMITS)
    (error,) = notebook.cells[1].outputs
    shown = "\n".join(error.traceback)
    assert error.ename == "ZeroDivisionError"
    assert "in f, line 2: return x / 0" in shown
    assert "expected_secret" not in shown


def test_stop_ends_a_run_at_once():
    import threading

    worker = Worker()
    threading.Timer(3.0, worker.stop).start()
    with pytest.raises(Stopped):  # Nothing else would end it today.
        run(worker, "import time; time.sleep(1e5)", limits=Limits(cell_seconds=1e5, total_seconds=1e5))


@pytest.mark.parametrize(
    ("value", "said"), [("", False), ("0", False), (" 0 ", False), ("false", False), ("1", True), ("yes", True)]
)
def test_the_sandbox_is_off_only_where_somebody_said_so(monkeypatch, value, said):
    monkeypatch.setenv(NO_SANDBOX, value)
    assert unprotected() is said
