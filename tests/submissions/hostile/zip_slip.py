"""Success: members with .., absolute, drive or reserved names are unpacked outside the folder.

class 55 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    import zipfile

    book = notebook(*cells, "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n")
    with zipfile.ZipFile(folder / "hw9.zip", "w") as archive:
        for name in ("../../zoo-loot-slip.ipynb", "/tmp/zoo-loot-slip.ipynb", "C:\\x.ipynb", "CON.ipynb", "a/../../x.ipynb", "hw9.ipynb", "HW9.IPYNB"):
            archive.writestr(name, book)
