/*
 * A disk that takes three seconds to write a key, for a program that this is preloaded into: whatever is called
 * client.keys, as soon as the file that SLOW_SYNC names is there. That it has begun is told by a file beside that one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(int descriptor) {
  const char *armed = getenv("SLOW_SYNC");
  char link[64], path[PATH_MAX], begun[PATH_MAX];
  ssize_t length;
  int made;
  struct timespec left = {3, 0};

  if (armed == NULL || access(armed, F_OK) != 0) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  if (strstr(path, "client.keys") == NULL) return;
  snprintf(begun, sizeof begun, "%s.begun", armed);
  made = open(begun, O_CREAT | O_WRONLY, 0600);
  if (made >= 0) close(made);
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

int fsync(int descriptor) {
  wait_for_disk(descriptor);
  return syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
  wait_for_disk(descriptor);
  return syscall(SYS_fdatasync, descriptor);
}
