"""Success: threads without end exhaust the machine's processes.

class 45 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    import threading
    import time

    print("zoo: ran", flush=True)
    made = 0
    try:
        for _ in range(5000):
            threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
            made += 1
    except (RuntimeError, MemoryError):
        pass
    if made > 1000:
        print("got through: threads", flush=True)
    return 0 * x - 1
