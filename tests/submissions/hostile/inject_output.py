"""Success: markup, terminal sequences, bidirectional marks, NUL or lone surrogates reach the page or the log as they are.

class 54 · question 1 · baseline 0"""
class Evil(ValueError):
    pass


Evil.__name__ = Evil.__qualname__ = "<img src=x onerror=alert(1)>\u202e"


def gaussian_kl(mu, logvar):
    print("zoo: ran", flush=True)
    print("\x1b[2J\x1b]8;;http://x\x07link\x1b]8;;\x07 \x00 \r\n\u2066", flush=True)
    raise Evil("<script>x</script>\x1b[31m \x1b]0;t\x07 \u202e \u2066 \x00 \r \ud800 \ufeff " + "e\u0301" * 10 + "\u0301" * 500 + "y" * 100_000)
