"""What confines a worker, tried from inside it with real processes."""

from __future__ import annotations

import os
import platform
import stat
import struct
import types
from pathlib import Path
from typing import Any

import pytest

from autograder import accounts, sandbox, seccomp
from autograder.sandbox import IsolationError
from autograder.server import Server
from autograder.worker import Limits, StudentError, WorkerLost

root_only = pytest.mark.skipif(not accounts.can_switch(), reason="needs the capabilities to switch users")
TRIES = """
import ctypes, os, signal, socket, subprocess, sys, threading, time

def attempt(f):
    try:
        f()
    except (OSError, RuntimeError) as error:
        return type(error).__name__
    return "done"

def read(path): return attempt(lambda: open(path, "rb").read())
def write(path): return attempt(lambda: open(path, "wb").write(b"x"))
def ids(): return [os.getuid(), os.getgid(), os.getgroups(), os.getpid(), os.getppid(), os.getcwd()]
def fork(): return attempt(os.fork)
def run(): return attempt(lambda: subprocess.run(["/bin/true"]))
def sock(): return [attempt(lambda k=k: socket.socket(*k)) for k in ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_UNIX, socket.SOCK_STREAM), (16, 3))]
def kill(pid, number): return attempt(lambda: os.kill(pid, number))
def fds(): return sorted(int(n) for n in os.listdir("/proc/self/fd"))
def climb():
    up = [n for n in fds() if n >= 50]
    return attempt(lambda: [os.open("../" * 5, os.O_RDONLY, dir_fd=n) for n in up or [os.open("/", os.O_RDONLY)]])
def environ(): return dict(os.environ)
def args(): return sys.argv, [p for p in sys.path]
def thread():
    out = []
    t = threading.Thread(target=lambda: out.append(1)); t.start(); t.join()
    return out
def ptrace(pid):
    ctypes.set_errno(0)
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.ptrace(16, pid, 0, 0)
def umask_file():
    open("mine", "w").write("x"); os.mkdir("d"); return os.path.realpath("mine")
def lazy():
    import wave, html.parser, xml.dom
    return wave.__name__
"""


@pytest.fixture
def inside(start: Any) -> Any:
    """The functions above, in a worker."""
    names = [line.split("(")[0][4:] for line in TRIES.splitlines() if line.startswith("def ")]
    worker = start(TRIES)
    return types.SimpleNamespace(worker=worker, **worker.bind(names))


def test_isolation_is_reported_and_graded(server: Server, inside: Any) -> None:
    """The report has a line for every layer, and the grade counts the strong ones."""
    assert set(server.isolation) == set(sandbox.LAYERS)
    assert server.grade == sandbox.grade(server.isolation) != "none"
    assert all(isinstance(on, bool) and isinstance(detail, str) for on, detail in server.isolation.values())


@root_only
def test_own_user_without_groups(inside: Any) -> None:
    """A worker runs as a user of its own from the range, in no group, in its own folder."""
    uid, gid, groups, pid, _, folder = inside.ids()
    assert accounts.FIRST <= uid <= accounts.LAST and gid == uid and groups == [] and pid == inside.worker.pid
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700 and Path(folder).stat().st_uid == uid


@root_only
def test_two_workers_have_two_users(start: Any) -> None:
    """Workers alive at the same time have different users."""
    assert start("").uid != start("").uid


@root_only
def test_two_servers_share_no_user() -> None:
    """Two graders on one host claim different blocks of users."""
    a, b = accounts.claim(), accounts.claim()
    try:
        assert {a.take() for _ in range(50)}.isdisjoint({b.take() for _ in range(50)})
    finally:
        a.release()
        b.release()


def test_cannot_read_a_private_file(inside: Any, tmp_path: Path) -> None:
    """A 0600 file in a 0700 folder of the grader's cannot be read; nor can a world-readable one outside the interpreter."""
    secret = tmp_path / "expected.json"
    secret.write_text("42")
    secret.chmod(0o600)
    assert inside.read(str(secret)) == "PermissionError"
    assert inside.read("/etc/passwd") == "PermissionError"
    assert inside.read(__file__) == "PermissionError"
    assert inside.read("/proc/self/root/etc/passwd") == "PermissionError"


def test_folders_for_imports_lead_nowhere_else(inside: Any) -> None:
    """A descriptor kept for imports below a private home cannot be climbed up from."""
    assert inside.climb() != "done"


@pytest.mark.parametrize("path", ["/tmp/x", "/dev/shm/x", "/var/tmp/x", "../x", "/proc/1/mem", "/etc/x"])
def test_cannot_write_outside_its_folder(inside: Any, path: str) -> None:
    """Only the worker's own folder can be written."""
    assert inside.write(path) in ("PermissionError", "FileNotFoundError", "ProcessLookupError")
    assert inside.write("own.txt") == "done"


@pytest.mark.parametrize("what", ["mem", "environ", "maps", "cmdline", "fd/0"])
def test_cannot_look_into_the_grader(inside: Any, what: str) -> None:
    """Memory, environment, maps and descriptors of the grader and of the server cannot be opened."""
    for pid in (os.getpid(), inside.ids()[4]):
        assert inside.read(f"/proc/{pid}/{what}") != "done"


def test_cannot_fork_or_execute(inside: Any) -> None:
    """Fork and exec are refused, threads are not."""
    assert inside.fork() != "done" and inside.run() != "done" and inside.thread() == [1]


def test_cannot_open_sockets(inside: Any) -> None:
    """TCP, UDP, Unix and netlink sockets are refused."""
    assert "done" not in inside.sock()


def test_cannot_signal_or_trace_others(inside: Any) -> None:
    """The grader, the server and everybody else can be neither signalled nor traced."""
    for pid in (os.getpid(), inside.ids()[4], -1, 1):
        assert inside.kill(pid, 0) == "PermissionError"
    assert inside.ptrace(os.getpid()) == -1


def test_inherits_nothing(inside: Any) -> None:
    """Environment, arguments and descriptors of the grader do not reach a worker, nor do the course's folders on the import path."""
    assert set(inside.environ()) == {"HOME", "TMPDIR", "PATH", "LANG", "MPLBACKEND", "MPLCONFIGDIR"}
    argv, path = inside.args()
    assert argv == ["student"] and str(Path(__file__).parents[2]) not in path
    assert set(inside.fds()) <= {0, 1, 2, 3, *range(4, 10), *range(50, 60)}


def test_lazy_imports_of_the_standard_library_work(inside: Any) -> None:
    """Modules that nothing imported before the fork can be imported, even when the interpreter lies below a private home."""
    assert inside.lazy() == "wave"


@root_only
def test_status_confirms_the_report(server: Server, inside: Any) -> None:
    """/proc shows the worker without capabilities, with no_new_privs and a filter."""
    text = Path(f"/proc/{inside.worker.pid}/status").read_text()
    facts = dict(line.split(":\t") for line in text.splitlines() if ":\t" in line)
    assert int(facts["CapEff"], 16) == 0 and facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"


def test_claims_are_checked_from_outside(server: Server, inside: Any) -> None:
    """A layer that /proc contradicts counts as off."""
    claim = dict.fromkeys(sandbox.LAYERS, (True, ""))
    checked = sandbox.verified(claim, os.getpid(), 40000)
    assert not checked["separate uid"][0] and not checked["no_new_privs"][0] and not checked["seccomp"][0]


def test_check_tries_every_refusal(server: Server) -> None:
    """The server's own check finds every attempt refused."""
    assert set(server.check().values()) == {"refused"}


def test_nothing_is_left_behind(server: Server, start: Any) -> None:
    """After close the process and the folder are gone, whatever the student wrote there."""
    worker = start(
        "import os\nos.makedirs('a/' * 10)\nfor i in range(50): open(f'f{i}', 'w').write('x' * 100)\nos.symlink('/etc', 'link')"
    )
    worker.close()
    assert not Path(worker.tmp).exists() and not Path(f"/proc/{worker.pid}").exists()
    assert Path("/etc").exists()


# ---- single layers, and failing closed -------------------------------------------------------------------------------------
@pytest.mark.parametrize("skip", [["separate uid"], ["landlock"], ["seccomp"], ["network namespace", "oom first"]])
def test_without_one_layer_the_file_stays_hidden(skip: list[str], tmp_path: Path) -> None:
    """With any one layer switched off the grade says so; a private file is still refused, or the server refuses to start a worker at all."""
    secret = tmp_path / "expected.json"
    secret.write_text("42")
    tmp_path.chmod(0o700)
    with Server.fork(skip=skip) as server:
        try:
            worker = server.spawn(Limits(), seed=1)
        except IsolationError as error:
            if skip != ["landlock"] or "chmod 711" not in str(error):
                raise
            return
        try:
            worker.load({"pieces": [{"file": "c", "line": 1, "source": TRIES, "names": []}]})
            assert worker.bind(["read"])["read"](str(secret)) == "PermissionError"  # type: ignore[operator]
            assert not any(server.isolation[name][0] for name in skip)
            assert server.grade == ("strong" if skip[0] == "network namespace" else "good") or not accounts.can_switch()
        finally:
            worker.close()


@pytest.mark.parametrize("skip", [["separate uid", "landlock"], ["rlimits"]])
def test_too_few_layers_are_refused(skip: list[str]) -> None:
    """Neither a separate user nor Landlock, or no limits: no worker, unless the caller says unsafe."""
    with Server.fork(skip=skip) as server, pytest.raises(IsolationError, match="refusing"):
        server.spawn(Limits(), seed=1)
    with Server.fork(skip=skip, unsafe=True) as server:
        server.spawn(Limits(), seed=1).close()
        assert server.grade == ("weak" if "landlock" in skip else "strong") or not accounts.can_switch()


@root_only
def test_a_forked_daemon_dies_with_its_user() -> None:
    """Where the filter is missing, everything that a student started ends with the worker."""
    with Server.fork(skip=["seccomp"]) as server:
        worker = server.spawn(Limits(), seed=1)
        source = "import os, time\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            time.sleep(60)\n        os._exit(0)\n    os.wait()\n    return 1"
        worker.load({"pieces": [{"file": "c", "line": 1, "source": source, "names": ["f"]}]})
        assert worker.bind(["f"])["f"]() == 1  # type: ignore[operator]
        assert len(_processes(worker.uid)) == 2
        worker.close()
        assert _processes(worker.uid) == []


def _processes(uid: int) -> list[int]:
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid in (uid, 0) and f"Uid:\t{uid}\t" in Path(entry.path, "status").read_text():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.parametrize("same_user", [False, True])
@pytest.mark.parametrize("machine", sorted(seccomp.TABLES))
def test_filter_programs_are_well_formed(machine: str, same_user: bool) -> None:
    """Each machine's filter is a list of 8-byte instructions whose jumps stay inside and that ends in a return."""
    code = seccomp.program(machine, 4321, same_user=same_user)
    steps = [struct.unpack("<HBBI", code[i : i + 8]) for i in range(0, len(code), 8)]
    for i, (op, yes, no, _) in enumerate(steps):
        if op in (seccomp.EQUAL, seccomp.AT_LEAST, seccomp.ANY_BIT):
            assert i + 1 + max(yes, no) < len(steps)
    assert steps[-1][0] == seccomp.RETURN and sum(k == 4321 for _, _, _, k in steps) == 3 + same_user


def test_a_machine_without_a_table_is_refused() -> None:
    """An unknown machine has no filter, and says so."""
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program("riscv64", 1)
    assert platform.machine() in seccomp.TABLES


def test_errors_are_what_students_see(start: Any) -> None:
    """A refused attempt is an ordinary exception of the student's."""
    function = start("import os\ndef f(): os.fork()").bind(["f"])["f"]
    with pytest.raises(StudentError):
        function()
    assert WorkerLost
