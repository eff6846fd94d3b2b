"""Success: definitions that never end cost the limit once for every test.

class 41 · question 4 · baseline 0"""
def forever():
    print("zoo: ran", flush=True)
    while True:
        pass


START = forever()


def ascend(f, x, steps, rate):
    return START
