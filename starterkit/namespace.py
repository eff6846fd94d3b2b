"""A private view of the file system in which a folder of ours is called /autograder, without a container engine.

`unshare` gives mount and process namespaces (as root directly, else through a user namespace), and a few lines of
shell put a new root together from the old one's entries plus /autograder. Nothing on the machine itself is created or
changed, and every process left behind is killed when the run ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")
AS_USER = ("--user", "--map-root-user")

# $1: an empty folder that becomes the new root, $2: the folder to be called /autograder, $3: the one to be called /tmp,
# or nothing to keep the machine's; the rest is the command.
# The command is a child, not this shell: as process 1 it would ignore signals and would have to reap orphans itself.
ENTER = r"""
set -eu
new=$1 work=$2 tmp=$3
shift 3
mount -t tmpfs -o mode=0755 tmpfs "$new"
for entry in /* /.[!.]*; do
  name=${entry#/}
  if [ "$name" = autograder ]; then continue; fi
  if [ -L "$entry" ]; then ln -s "$(readlink "$entry")" "$new/$name"
  elif [ -d "$entry" ]; then mkdir "$new/$name"; mount --rbind "$entry" "$new/$name"
  elif [ -f "$entry" ]; then : >"$new/$name"; mount --bind "$entry" "$new/$name"
  fi
done
mkdir "$new/autograder"
mount --bind "$work" "$new/autograder"
if [ -n "$tmp" ]; then mount --bind "$tmp" "$new/tmp"; fi
cd "$new"
pivot_root . .
umount -l .
unset OLDPWD
cd /autograder
status=0
"$@" || status=$?
exit "$status"
"""


@cache
def flags() -> tuple[str, ...] | None:
    """Return the `unshare` command that works here, found by trying it on `true`; None where no kind of namespace is
    allowed.
    """
    if shutil.which("unshare") is None or shutil.which("bash") is None:
        return None
    for candidate in [UNSHARE, (*UNSHARE[:1], *AS_USER, *UNSHARE[1:])]:
        if os.geteuid() != 0 and candidate == UNSHARE:
            continue
        with tempfile.TemporaryDirectory() as new, tempfile.TemporaryDirectory() as work:
            command = _enter(candidate, Path(new), Path(work), None, ["test", "-d", "/autograder"])
            trial = subprocess.run(command, capture_output=True, check=False, env=_environment(), timeout=60)
            if trial.returncode == 0:
                return candidate
    return None


def command(root: Path, mountpoint: Path, tmp: Path | None, inner: Sequence[str]) -> list[str]:
    """Return the command line that runs `inner` in `root`, which is called /autograder there.

    `mountpoint` is an empty folder; `tmp`, unless it is None, takes the place of /tmp, so that nothing is left in ours.
    Raises RuntimeError where `flags()` is None.
    """
    unshare = flags()
    if unshare is None:
        raise RuntimeError("no mount namespace can be made here")
    return _enter(unshare, mountpoint, root, tmp, inner)


def describe() -> str:
    """Return one sentence on where a run takes place on this machine, with what differs from Gradescope."""
    found = flags()
    if found is None:
        return "a temporary folder as GRADER_ROOT: this machine allows no mount namespace, so there is no /autograder"
    if AS_USER[0] in found:
        return "/autograder in a user namespace: root only in name, so the worker cannot have a uid of its own"
    return "/autograder in a mount namespace, as root"


def _enter(unshare: Sequence[str], new: Path, work: Path, tmp: Path | None, inner: Sequence[str]) -> list[str]:
    return [*unshare, "bash", "-c", ENTER, "enter", str(new), str(work), str(tmp or ""), *inner]


def _environment() -> dict[str, str]:
    """The tools of the script lie in sbin, which an ordinary user's PATH may lack."""
    return {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"}
