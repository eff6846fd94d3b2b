"""Success: a symbolic link, in a zip or in the folder, leads the grader to read the reference as the submission.

class 55 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    import stat
    import zipfile

    with zipfile.ZipFile(folder / "hw9.zip", "w") as archive:
        link = zipfile.ZipInfo("best.ipynb")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../../bundle/reference/reference.py")
        archive.writestr("hw9.ipynb", notebook(*cells, "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n"))
    bundle = next(p for p in folder.parents if (p / "bundle").is_dir()) / "bundle"
    (folder / "solution.py").symlink_to(bundle / "reference" / "reference.py")
    (folder / "hw9_solved.ipynb").symlink_to(bundle / "manifest.json")
    (folder / "all").symlink_to(bundle)
