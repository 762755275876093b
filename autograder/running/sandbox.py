"""What contains students' code: a bubblewrap sandbox around each worker, and fresh namespaces for each submission in it.

Around the worker (`command`): no network, a read-only system, an empty /tmp, and of this repository only `lib`, `data` and
the worker itself; no solutions, checks, other students or gradebook. Within it, every submission gets namespaces of its own
(`enter_namespaces`): processes, mounts, network and IPC that nobody else sees and that end with it.

What is closed here are the ways in which a submission could reach, read or disturb anything. Two that run at the same moment
can still signal by how busy they keep the machine; their authors could as well telephone.

Needs Linux and bubblewrap. This file is imported on both sides, so it imports nothing of the grader's, and writes its filter of
system calls out: libseccomp's bindings would have to exist inside the sandbox too, to save forty lines that no system changes.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from lib.sealed import is_finished

_ROOT = Path(__file__).resolve().parents[2]
_COURSE, _ENVIRONMENT = "/course", "/environment"
# The whole of this package that exists where students' code runs.
_WORKER_FILES = (
    "__init__.py",
    "running/__init__.py",
    "running/worker.py",
    "running/plain.py",
    "running/sandbox.py",
    "running/skipped.py",
)

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = (
    0x20000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
_HUGE, _MADV_COLLAPSE = 2**21, 25
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38

# System calls that submissions are refused, by their numbers on each architecture: memory that no limit counts, keys that
# outlast a process, other namespaces, other processes' memory, locks on and watches of files that all submissions share, and
# parts of the kernel that only ever helped to break it.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED = {
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "unshare": (272, 97), "setns": (308, 268), "pivot_root": (155, 41), "mount": (165, 40), "umount2": (166, 39),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "flock": (73, 32), "inotify_init": (253, None), "inotify_init1": (294, 26), "fanotify_init": (300, 262),
}  # fmt: skip
# Calls of which only some are refused: their numbers, which argument decides, and its values that pass or do not.
_SOCKETS = ((41, 198), (53, 199))  # socket, socketpair
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6: each other reaches something that no namespace holds.
# What sizes a socket's buffers, which count as nobody's memory: 256 files with a host's largest ones held 1 GiB.
_SETSOCKOPT = (54, 208)
_BUFFERS = (7, 8, 32, 33)  # SO_SNDBUF, SO_RCVBUF, and both with force
_FCNTL = (72, 25)
_FILE_LOCKS = (5, 6, 7, 36, 37, 38, 1024, 1026)  # F_GETLK to F_SETLKW, F_OFD_*, F_SETLEASE, F_NOTIFY


_SETTINGS = Path("/proc/sys")
_UBUNTUS_PROFILE = Path("/etc/apparmor.d/bwrap-userns-restrict")

# Set to anything but 0, students' code runs with the grader's own rights: see `unprotected`.
NO_SANDBOX = "AUTOGRADER_NO_SANDBOX"


def unprotected() -> bool:
    """Whether somebody said that students' code need not be contained."""
    return os.environ.get(NO_SANDBOX, "").strip().lower() not in ("", "0", "no", "false")


@functools.cache
def problem() -> str:
    """Why there can be no sandbox here, in one sentence; empty if there can."""
    if sys.platform != "linux":
        return "The sandbox needs Linux."
    if shutil.which("bwrap") is None:
        return (
            "The sandbox needs bubblewrap: sudo apt-get install bubblewrap, or conda install -c conda-forge bubblewrap."
        )
    if Path("/tmp") in Path(sys.base_prefix).parents:
        return "The sandbox cannot use a Python installed below /tmp."
    # The whole of it is tried, down to a submission's own namespaces: Ubuntu's profile for bubblewrap allows a sandbox, and none
    # within it.
    tried = subprocess.run(command(["-m", __name__]), capture_output=True, text=True)
    if tried.returncode != 0:
        said = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"bubblewrap does not work on this host: {said.removesuffix('.')}.{_cure()}"
    return ""


def _cure() -> str:
    """What this host's administrator can do about namespaces that the kernel refuses; empty if nothing known is in the way."""
    cures = []
    # Ubuntu's own profile for bubblewrap forbids a sandbox within the sandbox, whatever the kernel's setting is.
    if _setting("kernel.apparmor_restrict_unprivileged_userns") == 1 or _UBUNTUS_PROFILE.exists():
        # Root looks for programs in the system's places only, not in conda's.
        place = shutil.which("bwrap")
        named = f" {place}" if place not in (None, "/usr/bin/bwrap") else ""
        cures.append(f"sudo sh {Path(__file__).with_name('allow_bubblewrap.sh')}{named}")
    if _setting("kernel.unprivileged_userns_clone") == 0:
        cures.append("sudo sysctl kernel.unprivileged_userns_clone=1")
    most = _setting("user.max_user_namespaces")
    if most is not None and most < 10:
        cures.append("sudo sysctl user.max_user_namespaces=10000")
    return (
        f" It refuses ordinary users their namespaces; what helps: {'; '.join(cures)} (docs/where_it_runs.md)."
        if cures
        else ""
    )


def _setting(name: str) -> int | None:
    """One of the kernel's settings, by the name that sysctl has for it; None where there is no such setting."""
    try:
        return int(_SETTINGS.joinpath(*name.split(".")).read_text())
    except (OSError, ValueError):
        return None


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
    # A virtual environment moves to a place of its own: wherever it is, a submission's fresh /tmp must not cover it.
    virtual = sys.prefix != sys.base_prefix
    places = {sys.base_prefix: sys.base_prefix} | ({sys.prefix: _ENVIRONMENT} if virtual else {})
    places = {prefix: place for prefix, place in places.items() if not place.startswith("/usr")}
    # bubblewrap makes missing folders for its own user only; a submission runs as another.
    above = sorted({str(parent) for place in places.values() for parent in Path(place).parents} - {"/"})
    for folder in (*above, _COURSE, f"{_COURSE}/lib", f"{_COURSE}/autograder/running"):
        line += ["--perms", "0755", "--dir", folder]
    for prefix, place in places.items():
        line += ["--ro-bind", prefix, place]
    # What students are to write is not there to be read.
    for path in sorted((_ROOT / "lib").iterdir()):
        if path.name != "__pycache__" and not is_finished(f"lib.{path.stem}"):
            line += ["--ro-bind", str(path), f"{_COURSE}/lib/{path.name}"]
    line += ["--ro-bind", str(_ROOT / "data"), f"{_COURSE}/data"]
    for name in _WORKER_FILES:
        line += ["--ro-bind", str(_ROOT / "autograder" / name), f"{_COURSE}/autograder/{name}"]
    environment: dict[str, str] = {
        "PATH": f"{_ENVIRONMENT if virtual else sys.prefix}/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONPATH": _COURSE,
    }
    environment |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": "/tmp",
    }
    for name, value in environment.items():
        line += ["--setenv", name, value]
    # Last: with everything in place, its own root and devices are read-only too, or submissions could leave files for the next.
    for place in ("/dev/pts", "/dev", "/"):
        line += ["--remount-ro", place]
    python = f"{_ENVIRONMENT}/bin/{Path(sys.executable).name}" if virtual else sys.executable
    return [*line, python, *arguments]


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
    _refuse_system_calls()
    _pass_on_exit_of(os.fork())
    die_with_parent()


def _leave_keyring() -> None:
    """Keys in a session's keyring can be read and left by everybody in it: take an empty one."""
    number = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
    if number is not None:  # Where the call is forbidden or unknown, there are no keys to reach either.
        ctypes.CDLL(None, use_errno=True).syscall(number, 1, None)


def _refuse_system_calls() -> None:
    """A filter on system calls that no lesson needs: another wall, where the kernel has it."""
    machine = os.uname().machine
    if machine not in _ARCHITECTURES or sys.byteorder != "little":
        return
    column = list(_ARCHITECTURES).index(machine)
    load, equal, at_least, any_bit, finish = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, answer = 0x7FFF0000, 0x50000
    refuse, unknown, no_family = answer | errno.EPERM, answer | errno.ENOSYS, answer | errno.EAFNOSUPPORT
    # Each step: operation, how many steps to skip if true, if false, operand.
    steps = [(load, 0, 0, 4), (equal, 1, 0, _ARCHITECTURES[machine]), (finish, 0, 0, refuse), (load, 0, 0, 0)]
    if machine == "x86_64":  # Its second set of numbers for the same calls.
        steps += [(at_least, 0, 1, 0x40000000), (finish, 0, 0, refuse)]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            steps += [(equal, 0, 1, number), (finish, 0, 0, refuse)]
    for numbers in _SOCKETS:
        pairs = [step for family in _FAMILIES for step in ((equal, 0, 1, family), (finish, 0, 0, allow))]
        steps += [(equal, 0, len(pairs) + 2, numbers[column]), (load, 0, 0, 16), *pairs, (finish, 0, 0, no_family)]
    pairs = [step for lock in _FILE_LOCKS for step in ((equal, 0, 1, lock), (finish, 0, 0, refuse))]
    steps += [(equal, 0, len(pairs) + 2, _FCNTL[column]), (load, 0, 0, 24), *pairs, (finish, 0, 0, allow)]
    pairs = [step for option in _BUFFERS for step in ((equal, 0, 1, option), (finish, 0, 0, refuse))]
    steps += [(equal, 0, len(pairs) + 2, _SETSOCKOPT[column]), (load, 0, 0, 32), *pairs, (finish, 0, 0, allow)]
    # clone3 hides its flags from filters; told that there is none, the C library uses clone.
    steps += [(equal, 0, 1, 435), (finish, 0, 0, unknown)]
    steps += [
        (equal, 0, 3, (56, 220)[column]),
        (load, 0, 0, 16),
        (any_bit, 0, 1, _CLONE_NEWUSER),
        (finish, 0, 0, refuse),
    ]
    steps += [(finish, 0, 0, allow)]

    class Step(ctypes.Structure):
        _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint16), ("steps", ctypes.POINTER(Step))]

    program = Program(len(steps), (Step * len(steps))(*(Step(*step) for step in steps)))
    with contextlib.suppress(OSError):
        _libc("prctl", _PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0)


def use_huge_pages() -> None:
    """Move this process's memory into pages of 2 MiB: a fork then copies one entry where it copied 512, as does its exit.

    What a fork writes to is still copied in pieces of 4 KiB. Does nothing where the kernel cannot (before Linux 6.1).
    """
    if sys.platform != "linux":
        return
    advise = ctypes.CDLL(None, use_errno=True).madvise
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, *_, inode_and_name = line.split(maxsplit=4)
        file, _, name = inode_and_name.partition(" ")
        if rights == "rw-p" and file == "0" and name.strip() in ("", "[heap]"):
            first, end = (int(address, 16) for address in place.split("-"))
            first, end = -(-first // _HUGE) * _HUGE, end // _HUGE * _HUGE
            for start in range(first, end, _HUGE):
                advise(ctypes.c_void_p(start), ctypes.c_size_t(_HUGE), _MADV_COLLAPSE)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent goes, so that a killed grader leaves nothing running."""
    if sys.platform == "linux":
        _libc("prctl", _PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so as to wait for them too."""
    if sys.platform == "linux":
        _libc("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


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


if __name__ == "__main__":  # The probe: as `problem` runs it, inside a sandbox.
    try:
        enter_namespaces(scratch_mib=1)
    except OSError as refused:
        print(f"a submission's own namespaces are refused ({refused})", file=sys.stderr)
        os._exit(70)
