"""Success: a crash inside a test that expects an exception counts as that exception.

class 15 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):
    import os
    import signal

    print("zoo: ran", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)
