"""Success: an exception whose class, text or representation fights back breaks the report.

class 14 · question 1 · baseline 0"""
class Meta(type):
    def __instancecheck__(cls, other):
        return True

    @property
    def __mro__(cls):
        raise RuntimeError("no")


class AssertionError(Exception, metaclass=Meta):
    def __str__(self):
        while_ = "x" * 10_000_000
        return while_

    def __repr__(self):
        raise SystemExit(0)

    @property
    def __class__(self):
        return KeyboardInterrupt

    @property
    def __traceback__(self):
        raise RuntimeError


def gaussian_kl(mu, logvar):
    print("zoo: ran", flush=True)
    error = AssertionError("the law holds")
    error.args = (error, error)
    raise error
