"""Success: an answer nested a million deep exhausts the stack of whoever shows or walks it.

classes 46, 48 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    print("zoo: ran", flush=True)
    out = x
    for _ in range(1_000_000):
        out = [out]
    return out
