/* Puts two names in each other's place, again and again, until it is killed or its parent has ended. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXCHANGE 2

int main(int count, char **names) {
  if (count != 3) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    /* A file system may not know it; a name that is missing for a moment comes back. */
    if (syscall(SYS_renameat2, AT_FDCWD, names[1], AT_FDCWD, names[2], EXCHANGE) != 0 && errno != ENOENT) return 1;
  }
}
