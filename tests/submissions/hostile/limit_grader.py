"""Success: the grader's resource limits, processors or priority can be changed from a process of the same user.

classes 50, 52 · question 1 · baseline 0"""
def squeeze():
    import os
    import resource

    print("zoo: ran", flush=True)
    parent, found = os.getppid(), []
    for pid in (parent, parent - 1):
        for name, attempt in (
            ("limits", lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))),
            ("files", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3))),
            ("processors", lambda: os.sched_setaffinity(pid, {0})),
            ("priority", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19)),
            ("scheduler", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))),
        ):
            try:
                attempt()
                found.append(f"got through: {name}")
            except OSError:
                pass
    return found


FOUND = squeeze()


def gaussian_kl(mu, logvar):
    if FOUND:
        raise RuntimeError(" ".join(FOUND))
    return (mu + logvar).sum(-1) + 1.0
