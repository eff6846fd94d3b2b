#!/usr/bin/env bash
# Gradescope runs this as root, once, when the autograder image is built; the zip lies unpacked in /autograder/source.
# It makes a virtual environment beside it, installs the pinned requirements, and proves that this image can grade:
# the bundle's own reference must get full marks here. Running it again repairs what is missing and changes nothing else.
#
#   GRADER_ROOT     the folder that Gradescope calls /autograder
#   GRADER_VENV     where the virtual environment goes
#   GRADER_PYTHON   the interpreter it is made from; the image's own python3 is used, never replaced
#   TORCH_INDEX     where torch comes from; empty means pip's ordinary index, which brings gigabytes of CUDA
set -euo pipefail
umask 022

root=${GRADER_ROOT:-/autograder}
venv=${GRADER_VENV:-$root/venv}
python=${GRADER_PYTHON:-python3}
index=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
source=$root/source

say() { printf '== %s\n' "$*"; }

say "Python: $("$python" -c 'import sys; print(sys.version.split()[0], sys.executable)')"
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  say "installing python3-venv"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends python3-venv
fi
[ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"

say "installing the pinned requirements"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
if [ -n "$index" ]; then
  # Its dependencies are pinned too and come from the ordinary index with the rest.
  pip install --quiet --no-cache-dir --only-binary :all: --no-deps --index-url "$index" \
    "$(grep -m 1 '^torch==' "$source/requirements.txt")"
fi
pip install --quiet --no-cache-dir --only-binary :all: --requirement "$source/requirements.txt"

# The worker's user may read the interpreter, the packages and the grader's code; the bundle and what a run holds
# (tests, reference, seeds, earlier scores, results) are root's alone.
chmod a+rx "$root"
chmod -R a+rX "$venv" "$source"
chmod -R go-rwx "$source/bundle"

say "compiling the grader"
"$venv/bin/python" -I -m compileall -q "$source/autograder"

# The self-test also leaves the tests compiled, for every run in this image.
say "self-test: versions, layers of isolation, the reference's score"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
env -i PATH="$PATH" HOME="$work" LANG=C.UTF-8 MPLBACKEND=Agg OMP_NUM_THREADS=1 \
  "$venv/bin/python" -I -B - "$source" "$work" <<'SELFTEST'
import importlib, json, pathlib, subprocess, sys

source, work = map(pathlib.Path, sys.argv[1:])
for name in ("torch", "numpy", "pytest"):
    print(f"   {name} {importlib.import_module(name).__version__}")

# A submission like a student's: the reference as a script, in a folder of its own, through the ordinary door.
submission = work / "submission"
submission.mkdir()
reference = source / "bundle" / "reference" / "reference.py"
(submission / reference.name).write_bytes(reference.read_bytes())
manifest = json.loads((source / "bundle" / "manifest.json").read_text(encoding="utf-8"))
door = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('autograder', run_name='__main__', alter_sys=True)"
arguments = ["grade", "--keep-bytecode", "--bundle", source / "bundle", "--submission", submission]
arguments += ["--results", work / "results"]
run = subprocess.run([sys.executable, "-I", "-B", "-c", door, source, *arguments], capture_output=True, text=True)
found = work / "results" / "results.json"
if not found.is_file():
    sys.exit(f"The grader wrote no results (status {run.returncode}):\n{run.stdout}\n{run.stderr}")
results = json.loads(found.read_text(encoding="utf-8"))
rows = results.get("tests", [])
score = results.get("score", sum(row.get("score", 0) for row in rows))
print(f"   isolation: {(results.get('extra_data') or {}).get('isolation', 'not reported')}")
full = manifest["points"] + manifest.get("bonus", 0)
print(f"   the reference gets {score:g} of {full:g} points")
if abs(score - full) > 1e-6:
    lost = [row for row in rows if row.get("score", 0) < row.get("max_score", 0)]
    for row in lost:
        print(f"   {row.get('number', '')} {row.get('name', '')}: {row.get('output', '')}".rstrip())
    sys.exit(f"{run.stdout}\n{run.stderr}\nThis image cannot grade: its own reference does not get full marks. Do not publish it.")
SELFTEST
say "ready: $(du -sh "$venv" | cut -f 1) in $venv"
