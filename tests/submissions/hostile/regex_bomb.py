"""Success: lines built to make a regular expression run for ever stop the extraction.

classes 58, 56 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    bombs = ["%" + "a " * 20_000 + "!", "!" * 50_000, "x = !" + "((" * 10_000, "# %%" + " %" * 30_000, "'" * 49_999, "?" * 30_000 + "x",
             "def " * 20_000, " " * 100_000 + "x", "@" * 20_000, "\\\n" * 20_000 + "x"]
    (folder / "hw9.ipynb").write_bytes(notebook(*cells, *bombs, "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n"))
