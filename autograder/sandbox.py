"""What contains students' code: a bubblewrap sandbox around each worker, and fresh namespaces for each submission in it.

Around the worker (`command`): no network, a read-only system, an empty /tmp, and of this repository only `lib`, `data` and
the worker itself; no solutions, checks, other students or gradebook. Within it, every submission gets namespaces of its own
(`enter_namespaces`): processes, mounts, network and IPC that nobody else sees and that end with it.

Needs Linux and bubblewrap. This file is imported on both sides, so it imports nothing of the grader's.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_COURSE = "/course"
# The whole of this package that exists where students' code runs.
_WORKER_FILES = ("__init__.py", "worker.py", "plain.py", "sandbox.py")

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = (
    0x20000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


@functools.cache
def problem() -> str:
    """Why there can be no sandbox here, in one sentence; empty if there can."""
    if sys.platform != "linux":
        return "The sandbox needs Linux."
    if shutil.which("bwrap") is None:
        return (
            "The sandbox needs bubblewrap: sudo apt-get install bubblewrap, or conda install -c conda-forge bubblewrap."
        )
    probe = [*_bwrap(), "--ro-bind", "/", "/", "true"]
    tried = subprocess.run(probe, capture_output=True, text=True, timeout=30)
    if tried.returncode != 0:
        return f"bubblewrap does not work on this host: {tried.stderr.strip() or 'no reason given'}."
    return ""


def command(arguments: list[str]) -> list[str]:
    """The command line that runs `python ARGUMENTS` inside the sandbox."""
    line = [*_bwrap(), "--clearenv", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/tmp"]
    for folder in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        path = Path(folder)
        if path.is_symlink():
            line += ["--symlink", os.readlink(path), folder]
        elif path.exists():
            line += ["--ro-bind", folder, folder]
    for file in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime"):
        line += ["--ro-bind-try", file, file]
    prefixes = [p for p in dict.fromkeys((sys.base_prefix, sys.prefix)) if not p.startswith("/usr")]
    # bubblewrap makes missing folders for its own user only; a submission runs as another.
    above = sorted({str(parent) for prefix in prefixes for parent in Path(prefix).parents} - {"/"})
    for folder in (*above, _COURSE, f"{_COURSE}/lib", f"{_COURSE}/autograder"):
        line += ["--perms", "0755", "--dir", folder]
    for prefix in prefixes:
        line += ["--ro-bind", prefix, prefix]
    # Students are to build the models, not to import them.
    for path in sorted((_ROOT / "lib").iterdir()):
        if path.name not in ("models", "__pycache__"):
            line += ["--ro-bind", str(path), f"{_COURSE}/lib/{path.name}"]
    line += ["--ro-bind", str(_ROOT / "data"), f"{_COURSE}/data"]
    for name in _WORKER_FILES:
        line += ["--ro-bind", str(_ROOT / "autograder" / name), f"{_COURSE}/autograder/{name}"]
    environment: dict[str, str] = {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONPATH": _COURSE,
    }
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": "/tmp"}
    for name, value in environment.items():
        line += ["--setenv", name, value]
    # Last: with everything in place, its own root is read-only too, or submissions could leave files for the next.
    line += ["--remount-ro", "/"]
    return [*line, sys.executable, *arguments]


def _bwrap() -> list[str]:
    line = [
        "bwrap",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
        "--new-session",
    ]
    # Root makes each submission's namespaces directly and then gives its rights up; others need a user namespace first.
    return [*line, "--cap-add", "ALL"] if os.getuid() == 0 else [*line, "--unshare-user"]


def enter_namespaces(scratch_mib: int) -> None:
    """Called in a fresh fork: leave for namespaces of its own. Returns in a grandchild, which has no rights, sees no process
    but its own children, and has an empty /tmp of `scratch_mib` MiB; the processes in between exit with its exit code.

    Raises OSError if the kernel refuses.
    """
    user, group = os.getuid(), os.getgid()
    _leave_keyring()
    flags = _CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWPID | _CLONE_NEWNET
    if user == 0:
        _libc("unshare", flags)
    else:
        _libc("unshare", flags | _CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _pass_on_exit_of(os.fork())
    # From here on: process 1 of the new namespace. When it ends, the kernel ends everything in it.
    die_with_parent()
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    for folder in ("/tmp", "/dev/shm"):
        _mount("tmpfs", folder, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={scratch_mib}m,nr_inodes=20k,mode=1777")
    if user == 0:
        nobody = 61_000 + int.from_bytes(os.urandom(2), "big") % 4_000
        os.setgroups([])
        os.setresgid(nobody, nobody, nobody)
        os.setresuid(nobody, nobody, nobody)
    else:
        _drop_capabilities()
    _libc("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _pass_on_exit_of(os.fork())
    die_with_parent()


def _leave_keyring() -> None:
    """Keys in a session's keyring can be read and left by everybody in it: take an empty one."""
    number = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
    if number is not None:  # Where the call is forbidden or unknown, there are no keys to reach either.
        ctypes.CDLL(None, use_errno=True).syscall(number, 1, None)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent goes, so that a killed grader leaves nothing running."""
    if sys.platform == "linux":
        _libc("prctl", _PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def exit_code(status: int) -> int:
    """A wait status as an exit code, 128 + n for signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _pass_on_exit_of(child: int) -> None:
    """In the parent: wait for the child, reaping orphans, and exit as it did. In the child (0): return."""
    if child == 0:
        return
    # The conversation with the grader is the last child's alone: when it ends, its line must close.
    os.closerange(3, 4096)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            os._exit(exit_code(status))


def _drop_capabilities() -> None:
    """Give up all capabilities that a new user namespace came with."""

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    class Data(ctypes.Structure):
        _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]

    _libc("capset", ctypes.byref(Header(0x20080522, 0)), ctypes.byref((Data * 2)()))


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    _libc(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )


def _libc(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
