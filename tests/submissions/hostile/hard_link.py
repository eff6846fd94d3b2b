"""Success: a hard link to the reference is a regular file and so is graded as the submission.

class 55 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    (folder / "hw9.ipynb").write_bytes(notebook(*cells, "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n"))
    (folder / "a.fifo").parent.joinpath("sub").mkdir()
    (folder / "sub" / "again").symlink_to("..")
    import os

    os.mkfifo(folder / "hw9 (1).ipynb")
