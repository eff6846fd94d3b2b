"""Success: another submission or another worker's folder on the same machine can be listed or read.

class 39 · question 1 · baseline 0"""
def spy():
    import os

    print("zoo: ran", flush=True)
    found = []
    for path in ("..", "../..", "/tmp", "/home", "/autograder/submission", "/autograder", os.path.dirname(os.getcwd())):
        try:
            names = [name for name in os.listdir(path) if name != os.path.basename(os.getcwd())]
        except OSError:
            continue
        found.append(f"got through: list {path} {names[:3]}")
    return found


FOUND = spy()


def gaussian_kl(mu, logvar):
    if FOUND:
        raise RuntimeError(" ".join(FOUND))
    return (mu + logvar).sum(-1) + 1.0
