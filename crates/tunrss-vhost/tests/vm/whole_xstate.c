// Preloaded into user-mode Linux up to 6.12 on processors with AMX, on which it does not boot by itself.
//
// It reads and writes the registers of its processes with PTRACE_GETREGSET and PTRACE_SETREGSET of
// NT_X86_XSTATE, always through a buffer of less than 3 KiB (FP_SIZE in
// arch/x86/um/os-Linux/registers.c, v6.12). With AMX the registers take 11 KiB. Reading into a shorter
// buffer gives the beginning of them. Writing from a shorter buffer fails with EFAULT (xstateregs_set in
// arch/x86/kernel/fpu/regset.c, v6.12), and the guest panics as soon as its first process runs.
//
// So this writes all of the registers: the beginning from the caller's buffer, and the rest as the process
// has it. The rest is the tile registers, which no process of the guest can use.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long (*ptrace_function)(int, ...);

static ptrace_function next;
// Not on the stack, which is as small as a kernel's. One thread alone calls ptrace.
static unsigned char registers[1 << 16];

__attribute__((constructor)) static void find_next(void)
{
    next = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    int pid = va_arg(arguments, int);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);

    if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE) {
        const struct iovec *beginning = data;
        struct iovec all = { registers, sizeof registers };
        if (next(PTRACE_GETREGSET, pid, address, &all) < 0)
            return -1;
        if (beginning->iov_len < all.iov_len) {
            memcpy(registers, beginning->iov_base, beginning->iov_len);
            return next(request, pid, address, &all);
        }
    }
    return next(request, pid, address, data);
}
