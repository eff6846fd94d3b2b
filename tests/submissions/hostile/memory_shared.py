"""Success: shared and anonymous mappings, or memfd, escape the limit on memory.

class 42 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    import mmap
    import os

    print("zoo: ran", flush=True)
    kept = []
    try:
        fd = os.memfd_create("zoo")
        os.ftruncate(fd, 8 << 30)
        print("got through: memfd", flush=True)
    except OSError:
        pass
    for _ in range(64):
        kept.append(mmap.mmap(-1, 64 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS))
        for at in range(0, 64 << 20, 4096):
            kept[-1][at] = 1
