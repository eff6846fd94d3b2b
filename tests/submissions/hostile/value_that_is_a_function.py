"""Success: a function where the test wants a number fails it before anything is asked, and passes for our fault.

class 2 · question 5 · baseline 0"""
def RATE():
    return 0.25


def weigh(critic, x):
    print("zoo: ran", flush=True)
    return critic(x) + 1
