"""Where the commands of an emulated image run: on this machine, in a private view of it, or in Gradescope's image
under Docker.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from starterkit import namespace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOCKER_IMAGE = "gradescope/autograder-base:ubuntu-22.04"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SETUP_TIMEOUT = 3600.0


class DockerError(Exception):
    """Docker was asked for and no engine answers."""


class SetupError(Exception):
    """setup.sh ended with an error, or took too long. `log` is what it printed."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


@dataclass(frozen=True)
class Usage:
    """CPU seconds (user and system) of a process and all it waited for, and the largest resident set among them in
    MiB.
    """

    cpu_s: float
    peak_mb: float


class Place:
    """Where commands of the image run. `root` is the folder called /autograder there."""

    description: str

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, inner: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Return the command line and environment that run `inner` inside, in /autograder, with `environment` and
        nothing else.
        """
        raise NotImplementedError

    def setup_environment(self) -> dict[str, str]:
        """Return the variables that setup.sh gets."""
        return {"PATH": SYSTEM_PATH, "HOME": "/root", "LANG": "C.UTF-8"}

    def check_setup(self) -> None:
        """Raise SetupError where setup.sh would have to change the machine instead of the image."""

    def setup(self) -> tuple[float, str]:
        """Execute setup.sh; return its seconds and what it printed. Raises SetupError."""
        self.check_setup()
        started = time.monotonic()
        command, environment = self.command(["bash", "source/setup.sh"], self.setup_environment())
        log = self.root / "setup.log"
        with log.open("wb") as file:
            status, timed_out, _ = wait(command, environment, file, self.root, SETUP_TIMEOUT)
        text = log.read_text(encoding="utf-8", errors="replace")
        if timed_out or status != 0:
            why = f"took longer than {SETUP_TIMEOUT:g} s" if timed_out else f"ended with status {status}"
            raise SetupError(f"setup.sh {why}", text)
        return time.monotonic() - started, text


class Here(Place):
    """On this machine: in a private view of it that has an /autograder, else in a folder named by GRADER_ROOT."""

    def __init__(self, root: Path, mountpoint: Path, *, setup: bool, python: Path | None) -> None:
        super().__init__(root)
        self.mountpoint, self.python, self.with_setup = mountpoint, python, setup
        self.tmp = self._private_tmp()
        self.description = namespace.describe()
        if not setup:
            self.description += "; the current Python environment stands in for the one that setup.sh makes"

    def command(self, inner: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """As Place.command: a mount namespace where one can be made."""
        variables = {**environment, **self._grader()}
        if namespace.flags() is None:
            return list(inner), variables
        return namespace.command(self.root, self.mountpoint, self.tmp, inner), variables

    def _private_tmp(self) -> Path | None:
        """Return an empty folder to serve as /tmp, as in a container; None where the interpreter lies in /tmp."""
        interpreters = [Path(sys.prefix), Path(sys.base_prefix), *([self.python] if self.python else [])]
        if any(Path("/tmp") in path.resolve().parents for path in interpreters):  # noqa: S108
            return None
        tmp = self.mountpoint.with_name("tmp")
        tmp.mkdir()
        tmp.chmod(0o1777)
        return tmp

    def setup_environment(self) -> dict[str, str]:
        """As Place.setup_environment, with what pip needs on this machine, and TORCH_INDEX where it is set."""
        names = {"TORCH_INDEX", "HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}
        own = {
            k: v for k, v in os.environ.items() if k in names or k.startswith("PIP_") or k.lower().endswith("_proxy")
        }
        return {**super().setup_environment(), **own, "GRADER_PYTHON": str(self.python or _base_python())}

    def check_setup(self) -> None:
        """As Place.check_setup: without venv and ensurepip, setup.sh would call apt-get on this very machine."""
        if not _answers([python := str(self.python or _base_python()), "-c", "import ensurepip, venv"]):
            raise SetupError(f"{python} cannot make virtual environments (no venv or ensurepip)", "")

    def _grader(self) -> dict[str, str]:
        variables = {} if namespace.flags() else {"GRADER_ROOT": str(self.root)}
        if not self.with_setup:
            variables["GRADER_VENV"] = str(self.python.parent.parent if self.python else sys.prefix)
        return variables


class Docker(Place):
    """Gradescope's own image under a Docker engine. Nothing is built: setup.sh and the run use the mounted folder in
    turn.
    """

    description = f"Docker, {DOCKER_IMAGE}"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        if shutil.which("docker") is None or not _answers(["docker", "info"]):
            raise DockerError("no Docker engine answers `docker info`: start one, or leave out --docker")

    def command(self, inner: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """As Place.command, in a container with the folder mounted at /autograder; the container dies with its
        client's end.
        """
        variables = [f"--env={key}={value}" for key, value in environment.items()]
        mount = ["--volume", f"{self.root}:/autograder", "--workdir", "/autograder", "--entrypoint", ""]
        return ["docker", "run", "--rm", "--init", *variables, *mount, DOCKER_IMAGE, *inner], dict(os.environ)


def wait(
    command: list[str], environment: Mapping[str, str], stdout: IO[bytes], cwd: Path, timeout: float
) -> tuple[int, bool, Usage]:
    """Run `command` with its output in `stdout`; return its exit status, whether `timeout` seconds ended it, and its
    usage.
    """
    process = subprocess.Popen(
        command, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process.pid)

    timer = threading.Timer(timeout, end)
    timer.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
        _kill(process.pid)  # what it left behind, and everything when we are interrupted
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return process.returncode, late.is_set(), Usage(used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _base_python() -> str:
    """The interpreter that the current environment was made from; a new environment is made from it, not from ours."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _answers(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
