"""Success: system calls of the 32-bit ABI, whose numbers differ, pass the filter.

class 59 · question 4 · baseline 0"""
def ascend(f, x, steps, rate):

    import ctypes
    import mmap
    import platform

    print("zoo: ran", flush=True)
    if platform.machine() == "x86_64":
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x02\x00\x00\x00\xcd\x80\xc3")  # mov eax, 2 (fork); int 0x80; ret
        fork = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
        pid = fork()
        if pid == 0:
            ctypes.CDLL(None)._exit(0)
        if pid > 0:
            print("got through: forked", flush=True)
    return 0 * x - 1
