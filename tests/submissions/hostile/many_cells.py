"""Success: a hundred thousand cells, statements and names make the closure of what is needed take minutes.

classes 58, 26 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    chain = [f"def f{i}(x):\n    return f{i + 1}(x)\n" for i in range(3000)]
    small = [f"x{i} = x{i - 1} + 1" for i in range(1, 3000)]
    (folder / "hw9.ipynb").write_bytes(notebook(*cells, "x0 = 0", *chain, *small, "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n"))
