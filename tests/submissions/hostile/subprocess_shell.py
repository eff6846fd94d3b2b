"""Success: a shell, another interpreter or a set-user-id program can be started.

class 44 · question 1 · baseline 0"""
def shell():
    import os
    import subprocess

    print("zoo: ran", flush=True)
    found = []
    for command in (["/bin/sh", "-c", "id; env; cat /proc/1/environ"], ["/usr/bin/python3", "-c", "print(1)"], ["/bin/su", "-c", "id"]):
        try:
            found.append("got through: started " + subprocess.run(command, capture_output=True, text=True, timeout=1).stdout)
        except (OSError, subprocess.SubprocessError):
            pass
    for start in (lambda: os.posix_spawn("/bin/true", ["true"], {}), lambda: os.system("true") == 0 and 1 or 1 / 0):
        try:
            start()
            found.append("got through: started")
        except (OSError, ArithmeticError):
            pass
    return found


FOUND = shell()


def gaussian_kl(mu, logvar):
    if FOUND:
        raise RuntimeError(" ".join(FOUND))
    return (mu + logvar).sum(-1) + 1.0
