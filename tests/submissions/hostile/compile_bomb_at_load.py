"""Success: a constant that the compiler folds to gigabytes goes off where the definitions are executed.

class 58 · question 4 · baseline 0 · silent"""
X = (((1 << 100_000) * (1 << 100_000)) << 10**9, "x" * (1 << 38), print("zoo: ran", flush=True))


def ascend(f, x, steps, rate):
    print("zoo: ran", flush=True)
    return X
