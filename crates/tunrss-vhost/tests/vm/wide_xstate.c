// Preloaded into user-mode Linux behind everything else that is preloaded: ptrace behaves as on a
// processor with AMX, where the registers of a process take 11,008 bytes.
//
// PTRACE_GETREGSET of NT_X86_XSTATE gives as much as the buffer holds. PTRACE_SETREGSET takes all of it, or
// fails with EFAULT (xstateregs_set in arch/x86/kernel/fpu/regset.c, v6.12). The tile registers, which
// are at the end, contain bytes that depend on the process. If others are written, EINVAL says that
// the caller has mixed something up.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

// Where the tile registers start: TILECFG, then TILEDATA.
enum { TILES = 2752, WIDTH = TILES + 64 + 8192 };

typedef long (*ptrace_function)(int, ...);

static ptrace_function next;
static unsigned char registers[WIDTH];

__attribute__((constructor)) static void find_next(void)
{
    next = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
}

static unsigned char tile(int pid, size_t at)
{
    return (unsigned char)(pid * 31 + at);
}

// Reads the registers of a process. Returns how many bytes this processor has of them, or -1.
static long read_registers(int pid)
{
    struct iovec own = { registers, sizeof registers };
    if (next(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &own) < 0)
        return -1;
    for (size_t at = own.iov_len; at < WIDTH; at++)
        registers[at] = at < TILES ? 0 : tile(pid, at);
    return own.iov_len;
}

static long get(int pid, struct iovec *buffer)
{
    if (read_registers(pid) < 0)
        return -1;
    if (buffer->iov_len > WIDTH)
        buffer->iov_len = WIDTH;
    memcpy(buffer->iov_base, registers, buffer->iov_len);
    return 0;
}

static long set(int pid, const struct iovec *buffer)
{
    long own_len = read_registers(pid);
    if (own_len < 0)
        return -1;
    if (buffer->iov_len < WIDTH) {
        errno = EFAULT;
        return -1;
    }
    const unsigned char *bytes = buffer->iov_base;
    if (memcmp(bytes + TILES, registers + TILES, WIDTH - TILES) != 0) {
        errno = EINVAL;
        return -1;
    }
    struct iovec own = { buffer->iov_base, own_len };
    return next(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &own);
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    int pid = va_arg(arguments, int);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);

    if ((long)address == NT_X86_XSTATE && request == PTRACE_GETREGSET)
        return get(pid, data);
    if ((long)address == NT_X86_XSTATE && request == PTRACE_SETREGSET)
        return set(pid, data);
    return next(request, pid, address, data);
}
