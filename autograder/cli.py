"""The command line: check the arguments, write the fallback, hand over to the launcher in a scrubbed process.

No torch in here: the launcher imports it once, after the environment is clean. The job travels on descriptors, because
argv and the environment of a process can be read by others on the machine: on 3 what workers may know, on 4 the rest.
"""

from __future__ import annotations

import argparse
import difflib
import fcntl
import json
import os
import shutil
import stat
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from autograder import hugepages, leftovers, results
from autograder.manifest import Manifest, ManifestError, read_manifest
from autograder.metadata import run_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EXIT_OK, EXIT_USAGE, EXIT_OURS = 0, 2, 3
PUBLIC, JOB = 3, 4  # the descriptors that carry what the launcher needs before it forks workers, and after that
BOOT = (
    "import json, os, sys\n"
    "def read(number):\n"
    "    with os.fdopen(number, encoding='utf-8') as stream:\n"
    "        return json.load(stream)\n"
    "public = read(3)\n"
    "sys.path.insert(0, public['home'])\n"
    "from autograder.launcher import main\n"
    "sys.exit(main(public, lambda: read(4)))\n"
)
_LARGEST = 500_000_000  # bytes of an unpacked bundle


class UsageError(Exception):
    """The arguments cannot be used; the text is one sentence."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 2 for wrong arguments; on success the process becomes the launcher."""
    try:
        options = _parser().parse_args(arguments)
        public, job = prepare(options, os.environ)
    except UsageError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_USAGE
    return launch(public, job)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m autograder", description="Grade a submission with a homework's autograder bundle.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    grade = commands.add_parser("grade", help="grade one submission", description="Grade one submission.")
    grade.add_argument("--submission", required=True, type=Path, help="the submission: a folder or a file")
    grade.add_argument("--metadata", type=Path, help="Gradescope's submission_metadata.json")
    grade.add_argument(
        "--note-imports", action="store_true", help="list the modules that workers import, in extra_data"
    )
    grade.add_argument(
        "--keep-bytecode", action="store_true", help="keep the compiled tests in the bundle, for the runs to come"
    )
    several = commands.add_parser(
        "grade-all", help="grade a class's submissions, one after the other",
        description="Grade every entry of a folder, such as an unpacked export of Gradescope's, into RESULTS/NAME/, "
        "and write RESULTS/scores.csv.",
    )  # fmt: skip
    several.add_argument("--submissions", required=True, type=Path, help="folder of submissions: folders or files")
    for command, made in ((grade, "results.json"), (several, "scores.csv and a folder for each submission")):
        command.add_argument(
            "--bundle", required=True, type=Path, help="hwN-autograder.zip, or a folder of its content"
        )
        command.add_argument("--results", required=True, type=Path, help=f"folder for {made}; made if absent")
        command.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the student's code runs")
        command.add_argument("--only", action="append", default=[], metavar="ID", help="this question only; repeatable")
        command.add_argument("--unsafe", action="store_true", help="run submissions even where they cannot be isolated")
        command.add_argument("--verbose", action="store_true", help="print every test, not only those that failed")
    return parser


def prepare(options: argparse.Namespace, environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the launcher's workers may know, and the job, with the fallback results of one submission already on disk.

    Raises UsageError with one sentence.
    """
    started = time.monotonic()
    _check(options)
    bundle, temporary = open_bundle(options.bundle)
    try:
        manifest = read_manifest(bundle)
        only = _only(options.only, manifest)
    except (ManifestError, UsageError) as error:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        prefix = f"--bundle {options.bundle}: " if isinstance(error, ManifestError) else ""
        raise UsageError(f"{prefix}{error}") from None
    public = {
        "home": str(Path(__file__).resolve().parent.parent),
        "preload": list(manifest.preload),
        "modules": public_modules(bundle, manifest.modules),
        "unsafe": options.unsafe,
    }
    job = {
        "bundle": str(bundle),
        "results": str(options.results.resolve()),
        "device": options.device,
        "only": only,
        "verbose": options.verbose,
        "remove": [str(temporary)] if temporary is not None else [],
    }
    if options.command == "grade-all":
        return public, {**job, "submissions": str(options.submissions.resolve())}
    _fall_back(options.results, bundle)
    return public, {
        **job,
        "submission": str(options.submission.resolve()),
        "metadata": str(options.metadata.resolve()) if options.metadata is not None else None,
        "note_imports": options.note_imports,
        "keep_bytecode": options.keep_bytecode,
        "deadline": started + run_seconds(environment, manifest.limits.run_s),
    }


def _check(options: argparse.Namespace) -> None:
    """Raise UsageError for paths that cannot be used; find out by writing what stands until there is better."""
    if options.results.exists() and not options.results.is_dir():
        raise UsageError(f"--results {options.results}: this is a file, give a folder")
    if options.device == "cuda" and not _has_gpu():
        raise UsageError("--device cuda: there is no NVIDIA GPU on this machine; use --device cpu")
    if options.command == "grade-all":
        _check_folders(options.submissions, options.results)
    elif not options.submission.exists():
        raise UsageError(f"--submission {options.submission}: there is no such file or folder")
    _fall_back(options.results, None, one=options.command == "grade")


def _fall_back(folder: Path, bundle: Path | None, *, one: bool = True) -> None:
    """Write what stands until there is better; only the folder where it is for a class."""
    try:
        if one:
            results.write_fallback(folder, bundle)
        else:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--results {folder}: cannot be written: {error.strerror}") from None


def _check_folders(submissions: Path, folder: Path) -> None:
    if not submissions.is_dir():
        raise UsageError(f"--submissions {submissions}: there is no such folder; unpack the export first")
    if folder.resolve().is_relative_to(submissions.resolve()):
        raise UsageError(f"--results {folder}: this lies among the submissions; give a folder elsewhere")


def public_modules(bundle: Path, names: Iterable[str]) -> dict[str, str]:
    """Name -> source of the course's modules. Students have them too, so workers may be forked with them imported."""
    files = {name: bundle / "modules" / f"{name}.py" for name in names}
    return {name: file.read_text(encoding="utf-8") for name, file in files.items() if file.is_file()}


def _only(wanted: Sequence[str], manifest: Manifest) -> list[str]:
    ids = [question.id for question in manifest.questions]
    chosen = [part.strip() for entry in wanted for part in entry.split(",") if part.strip()]
    for question in chosen:
        if question not in ids:
            close = difflib.get_close_matches(question, ids, 1)
            hint = f"did you mean {close[0]}?" if close else f"the questions are {', '.join(ids)}"
            raise UsageError(f"--only {question}: no such question; {hint}")
    return [question for question in ids if question in chosen]


def _has_gpu() -> bool:
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg"))


def open_bundle(path: Path) -> tuple[Path, Path | None]:
    """(folder that holds manifest.json, private temporary folder to remove or None) for a bundle folder or its zip.

    Raises UsageError when there is no bundle, the zip is damaged, or a member would land outside the folder.
    """
    if path.is_dir():
        inner = path / "bundle"
        return (inner if inner.is_dir() else path).resolve(), None
    if not path.is_file():
        raise UsageError(f"--bundle {path}: there is no such file or folder")
    leftovers.sweep()
    folder, mark = leftovers.make("bundle")
    os.set_inheritable(mark, True)  # the launcher that this process becomes owns it until it ends
    temporary = Path(folder)
    try:
        _unpack(path, temporary)
        return open_bundle(temporary)[0], temporary
    except BaseException as error:
        os.close(mark)
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise UsageError(f"--bundle {path}: cannot be unpacked to {folder}: {error.strerror}") from None
        if isinstance(error, (zipfile.BadZipFile, EOFError)):
            raise UsageError(f"--bundle {path}: this is no readable zip file ({error})") from None
        raise


def _unpack(path: Path, folder: Path) -> None:
    """Only `bundle/`: the grader that runs is this one."""
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if m.filename.startswith("bundle/") and not m.is_dir()]
        if not members:
            raise UsageError(f"--bundle {path}: the zip holds no bundle/ folder; is it the autograder's zip?")
        if sum(member.file_size for member in members) > _LARGEST:
            raise UsageError(f"--bundle {path}: the bundle is larger than {_LARGEST // 10**6} MB")
        for member in members:
            target = (folder / member.filename).resolve()
            if not target.is_relative_to(folder.resolve()) or stat.S_ISLNK(member.external_attr >> 16):
                raise UsageError(f"--bundle {path}: the member {member.filename} does not belong in a bundle")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(member))


def scrubbed(environment: Mapping[str, str], device: str) -> dict[str, str]:
    """The environment of the launcher, built from nothing: Gradescope's own holds a token."""
    clean = {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent",
        "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "GLIBC_TUNABLES": hugepages.TUNABLES,
    }  # fmt: skip
    if device == "cuda":  # the driver's libraries and the choice of GPU
        kept = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "LD_LIBRARY_PATH")
        clean.update({key: environment[key] for key in kept if key in environment})
    if "TMPDIR" in environment:
        clean["TMPDIR"] = environment["TMPDIR"]
    return clean


def launch(public: Mapping[str, Any], job: Mapping[str, Any]) -> NoReturn:
    """Become the launcher: a fresh interpreter in isolated mode, with what it needs on descriptors."""
    with tempfile.TemporaryFile() as first, tempfile.TemporaryFile() as second:  # nameless: a pipe could be too small
        for file, content in ((first, public), (second, job)):
            file.write(json.dumps(content).encode())
            file.flush()
            file.seek(0)
        spare = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, JOB + 1) for file in (first, second)]  # out of the way
        for number, fd in zip((PUBLIC, JOB), spare, strict=True):
            os.dup2(fd, number)
        sys.stdout.flush()
        sys.stderr.flush()
        environment = scrubbed(os.environ, str(job["device"]))
        os.execve(sys.executable, [sys.executable, "-I", "-c", BOOT], environment)  # noqa: S606  (that is the point)
