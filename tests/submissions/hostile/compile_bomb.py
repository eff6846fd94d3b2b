"""Success: source that explodes in the compiler or the parser kills the process that takes the notebook apart.

class 58 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    bombs = ["x = " + "(" * 5000, "x = " + "1+" * 200_000 + "1", "x = " + "-" * 50_000 + "1", "x = 10 ** 10 ** 8 if False else (1 << 10**9)",
             "x = " + "[" * 90 + "]" * 90, "# coding: utf-7\nx = 1", "x = '\\N{BULLET}' * (1 << 40)", "lambda: " * 3000 + "1"]
    code = "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n"
    (folder / "hw9.ipynb").write_bytes(notebook(*cells, *bombs, code))
