"""Success: a small zip unpacks to gigabytes.

class 55 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    import zipfile

    with zipfile.ZipFile(folder / "hw9.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("hw9.ipynb", notebook(*cells, "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n"))
        with archive.open("big.ipynb", "w") as member:
            for _ in range(300):
                member.write(bytes(1 << 20))
