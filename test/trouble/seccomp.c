/*
 * Runs a program under the system call filter of a unit, as systemd puts it in place:
 *
 *   seccomp PROGRAM ARGUMENT...
 *
 * What is not in the filter ends with EPERM. seccomp.ts makes allowed.h, a line `NAME(call)` for each call that the filter
 * names and that the headers of this system know, and families.h, a line `FAMILY(family)` for each address family.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no architecture that this is known for"
#endif

#define FIELD(name) (offsetof(struct seccomp_data, name))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define IS(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    RETURN(SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr)),
#define NAME(call) IS(__NR_##call), RETURN(SECCOMP_RET_ALLOW),
#include "allowed.h"
#undef NAME
    IS(__NR_socket), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
    RETURN(SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(args[0])),
#define FAMILY(family) IS(family), RETURN(SECCOMP_RET_ALLOW),
#include "families.h"
#undef FAMILY
    RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
};

int main(int count, char **arguments) {
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  if (count < 2) return 125;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("seccomp");
    return 125;
  }
  execvp(arguments[1], arguments + 1);
  perror(arguments[1]);
  return 127;
}
