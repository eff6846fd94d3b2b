"""Success: endless recursion in C crashes more than its own process.

class 46 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    import sys

    print("zoo: ran", flush=True)
    sys.setrecursionlimit(10**9)

    class Deep:
        def __repr__(self):
            return repr([self])

    return repr(Deep())
