"""How much memory something takes, at most, as the operating system sees it."""

from __future__ import annotations

import subprocess
import sys
import textwrap

_CODE = """
import re
from pathlib import Path

def status(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

{before}
Path("/proc/self/clear_refs").write_text("5")  # forget the highest mark so far
standing = status("VmRSS")
{measured}
print(status("VmHWM") - standing)
"""


def growth(before: str, measured: str) -> float:
    """MiB that a fresh process, after the lines `before`, grows by at most while the lines `measured` run. Linux only."""
    code = _CODE.format(before=textwrap.dedent(before), measured=textwrap.dedent(measured))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)
