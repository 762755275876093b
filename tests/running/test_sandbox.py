"""What is said, and done, where the kernel refuses the sandbox: the sandbox itself meets its attackers in test_hostile.py."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from autograder.course import ROOT
from autograder.running import sandbox
from tests import conftest

SCRIPT = ROOT / "autograder" / "running" / "allow_bubblewrap.sh"


@pytest.fixture
def bwrap(tmp_path, monkeypatch):
    """Puts a `bwrap` of one's own making first on the PATH."""
    # Other tests must not hear what is found out about this one.
    monkeypatch.setattr(sandbox, "problem", sandbox.problem.__wrapped__)

    def put(script):
        path = tmp_path / "bin" / "bwrap"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")

    return put


@pytest.fixture
def ubuntu(tmp_path, monkeypatch):
    """The kernel's settings as Ubuntu has them."""
    kernel = tmp_path / "sys" / "kernel"
    kernel.mkdir(parents=True)
    (kernel / "apparmor_restrict_unprivileged_userns").write_text("1\n")
    (kernel / "unprivileged_userns_clone").write_text("1\n")
    monkeypatch.setattr(sandbox, "_SETTINGS", tmp_path / "sys")


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
def test_where_apparmor_refuses_bubblewrap_the_cure_is_named(bwrap, ubuntu):
    bwrap("echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    said = sandbox.problem()
    assert "setting up uid map: Permission denied." in said
    assert f"sudo sh {SCRIPT} {shutil.which('bwrap')} (docs/where_it_runs.md)" in said  # not root's: it must be named
    assert "sysctl" not in said  # what is set right is not asked for
    assert SCRIPT.is_file()
    assert (ROOT / "docs" / "where_it_runs.md").is_file()


@pytest.mark.skipif(bool(sandbox.problem()), reason=f"no sandbox here: {sandbox.problem()}")
def test_a_host_that_allows_a_sandbox_but_none_within_it_is_found_out(bwrap, tmp_path, monkeypatch):
    """As Ubuntu's own profile for bubblewrap does: what runs in the sandbox has no rights left to make namespaces with."""
    real = shutil.which("bwrap")
    less = (
        'set -- $(echo "$@" | sed "s/--cap-add ALL/--cap-drop ALL/")'
        if os.getuid() == 0
        else 'set -- --disable-userns "$@"'
    )
    bwrap(f'{less}\nexec {real} "$@"')
    profile = tmp_path / "bwrap-userns-restrict"
    profile.touch()
    monkeypatch.setattr(sandbox, "_UBUNTUS_PROFILE", profile)
    said = sandbox.problem()
    assert "a submission's own namespaces are refused" in said
    assert f"sudo sh {SCRIPT}" in said


@pytest.mark.skipif(bool(sandbox.problem()) or os.getuid() != 0, reason="needs root, and bubblewrap to play an Ubuntu")
def test_the_cure_writes_the_profile_that_the_page_shows(tmp_path):
    """In an /etc/apparmor.d of its own, with a parser that only tells what it was given."""
    parser = tmp_path / "bin" / "apparmor_parser"
    parser.parent.mkdir()
    parser.write_text('#!/bin/sh\necho "$1"; cat "$2"; ls -l /etc/apparmor.d/disable\n')
    parser.chmod(0o755)
    host = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/etc", "--dir", "/etc/apparmor.d"]
    script = f"touch /etc/apparmor.d/bwrap-userns-restrict; sh {SCRIPT} /usr/bin/bwrap; sh {SCRIPT} /usr/bin/bwrap"
    environment = os.environ | {"PATH": f"{parser.parent}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run([*host, "sh", "-c", script], capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    (shown,) = re.findall(
        r"```\n(abi.+?)```", (ROOT / "docs" / "where_it_runs.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert ran.stdout.count(f"--replace\n{shown}") == 2
    assert "bwrap-userns-restrict -> /etc/apparmor.d/bwrap-userns-restrict" in ran.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is there a sandbox to miss")
def test_ci_does_not_skip_the_hostile_tests_in_silence(bwrap, monkeypatch):
    bwrap("echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    monkeypatch.setenv("CI", "true")
    monkeypatch.delenv(sandbox.NO_SANDBOX, raising=False)
    with pytest.raises(
        pytest.UsageError, match="would skip the tests of hostile submissions: bubblewrap does not work"
    ):
        conftest.stand_in_for_the_sandbox()
    assert sandbox.NO_SANDBOX not in os.environ
    monkeypatch.setenv(sandbox.NO_SANDBOX, "1")
    conftest.stand_in_for_the_sandbox()
    monkeypatch.delenv(sandbox.NO_SANDBOX)
    monkeypatch.delenv("CI")
    conftest.stand_in_for_the_sandbox()
    assert sandbox.unprotected()
