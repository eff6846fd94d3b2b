"""Success: NaN, infinities and integers of a million digits in a notebook reach the results.

class 56 · question 1 · baseline 0 · refused"""
def build(folder, cells, notebook):

    book = notebook(*cells, "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n")
    (folder / "hw9.ipynb").write_bytes(b'{"a": NaN, "b": -Infinity, "nbformat_x": ' + b"9" * 1_000_000 + b", " + book[1:])
