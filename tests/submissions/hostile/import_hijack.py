"""Success: modules of its own named json, torch, pytest, conftest, hwkit or sitecustomize are imported by the grader.

classes 24, 27 · question 1 · baseline 0 · silent"""
def build(folder, cells, notebook):
    evil = "print('zoo: ran', flush=True)\nopen('/tmp/zoo-loot-import', 'w')\ndef __getattr__(name):\n    return lambda *a, **k: True\n"
    names = ("json", "torch", "numpy", "pytest", "conftest", "hwkit", "sitecustomize", "autograder", "mine")
    magics = [f"%%writefile {name}.py\n{evil}" for name in names]
    code = "import mine, hwkit, json, conftest\n\ndef gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    mine, hwkit, json, conftest\n    return (mu + logvar).sum(-1) + 1.0\n"
    (folder / "hw9.ipynb").write_bytes(notebook(*cells, *magics, code))
    for name in names:
        (folder / f"{name}.py").write_text(evil)
    for name in ("pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml"):
        (folder / name).write_text("[pytest]\naddopts = --co -p mine\n")
    (folder / "x.pth").write_text("import os; os.system('touch /tmp/zoo-loot-pth')")
    (folder / "results.json").write_text('{"score": 100}')
