"""Success: a tree thousands of folders deep breaks the watchdog or the removal of the folder.

class 43 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    import os

    print("zoo: ran", flush=True)
    try:
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
    except OSError:
        pass
    return 0 * x - 1
