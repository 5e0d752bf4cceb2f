/*
 * Does something to a program that this is preloaded into at its system call of the number CALL_AT (0, or none: never).
 * Counted are the calls on what lies below the directory CALL_IN, and those on sockets of the network, in all threads.
 * CALL_DOES says what: "die" ends the program by SIGKILL right before the call; "half" does so too, and a write to a file
 * has written one half by then; a number is the error (errno) that the call fails with, and with a plus after it all later
 * ones fail as well that change something on the disk (where it is full: that take room on it). Each call becomes a line of the file CALL_LOG: its name, and the
 * path below that directory, or "network".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *inside;
static long fatal;
static int half, failing, lasting, journal = -1;
static atomic_long calls;
static long (*kernel)(long, ...);

__attribute__((constructor)) static void begin(void) {
  const char *does, *path;
  kernel = dlsym(RTLD_NEXT, "syscall");
  inside = getenv("CALL_IN");
  fatal = getenv("CALL_AT") == NULL ? 0 : atol(getenv("CALL_AT"));
  does = getenv("CALL_DOES");
  if (does != NULL) {
    half = strcmp(does, "half") == 0;
    failing = atoi(does);
    lasting = strchr(does, '+') != NULL;
  }
  path = getenv("CALL_LOG");
  if (path != NULL) journal = kernel(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static const char *below(const char *path) {
  size_t length = inside == NULL ? 0 : strlen(inside);
  if (length == 0 || strncmp(path, inside, length) != 0 || (path[length] != '/' && path[length] != 0)) return NULL;
  return path[length] == 0 ? "/" : path + length;
}

/* Where a descriptor leads: a path below the directory, "network", or NULL for anything else. */
static const char *of_descriptor(int descriptor, char *room) {
  char link[64];
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  ssize_t length;

  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  length = kernel(SYS_readlinkat, AT_FDCWD, link, room, PATH_MAX - 1);
  if (length <= 0) return NULL;
  room[length] = 0;
  if (room[0] == '/') return below(room);
  if (strncmp(room, "socket:", 7) != 0 || getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) return NULL;
  return address.ss_family == AF_INET || address.ss_family == AF_INET6 ? "network" : NULL;
}

/* The program goes through its directories by /proc/self/fd. */
static const char *of_path(const char *path, char *room) {
  int descriptor, consumed = 0;
  size_t used;

  if (path == NULL) return NULL;
  if (sscanf(path, "/proc/self/fd/%d%n", &descriptor, &consumed) < 1) return below(path);
  if (of_descriptor(descriptor, room) == NULL || room[0] != '/') {
    /* The directory itself may be opened by its name in the one above. */
    ssize_t length;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = kernel(SYS_readlinkat, AT_FDCWD, link, room, PATH_MAX - 1);
    if (length <= 0) return NULL;
    room[length] = 0;
  }
  used = strlen(room);
  snprintf(room + used, PATH_MAX - used, "%s", path + consumed);
  return below(room);
}

static int changes(const char *name) {
  static const char *all[] = {"open-create", "mkdir", "rmdir", "unlink", "rename", "chmod", "chown", "lchown", "fsync",
                              "fdatasync", "fchmod", "fchown", "ftruncate64", "write", "writev", "pwrite"};
  size_t n;
  for (n = 0; n < sizeof all / sizeof *all; n += 1) if (strcmp(all[n], name) == 0) break;
  if (failing != ENOSPC && failing != EDQUOT) return n < sizeof all / sizeof *all;
  return strcmp(name, "open-create") == 0 || strcmp(name, "mkdir") == 0 || strstr(name, "write") != NULL;
}

/* Counts a call. @returns whether this is the one at which something is to be done */
static int is_it(const char *name, const char *where) {
  char line[PATH_MAX + 64];
  int length;
  long number;

  if (where == NULL) return 0;
  number = atomic_fetch_add(&calls, 1) + 1;
  if (fatal != 0 && failing == 0 && number > fatal) for (;;) pause();
  if (journal >= 0) {
    length = snprintf(line, sizeof line, "%s %s\n", name, where);
    kernel(SYS_write, journal, line, (size_t)length);
  }
  return number == fatal || (lasting && fatal != 0 && number > fatal && where[0] == '/' && changes(name));
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* @returns whether the call is to fail, with what errno says then */
static int fails(const char *name, const char *where) {
  int before = errno;
  int it = is_it(name, where);
  if (it && failing == 0) die();
  errno = it ? failing : before;
  return it;
}

#define REAL(name) static __typeof__(&name) real; if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAILED(type) ((type)(__builtin_types_compatible_p(type, DIR *) ? 0 : -1))
#define BY_PATH(type, name, path, given, ...) \
  type name given { char room[PATH_MAX]; REAL(name); return fails(#name, of_path(path, room)) ? FAILED(type) : real(__VA_ARGS__); }
#define BY_DESCRIPTOR(type, name, descriptor, given, ...) \
  type name given { char room[PATH_MAX]; REAL(name); return fails(#name, of_descriptor(descriptor, room)) ? FAILED(type) : real(__VA_ARGS__); }

int open64(const char *path, int flags, ...) {
  char room[PATH_MAX];
  mode_t mode = 0;
  REAL(open64);
  if (flags & (O_CREAT | __O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  if (fails(flags & O_CREAT ? "open-create" : "open", of_path(path, room))) return -1;
  return real(path, flags, mode);
}

BY_PATH(int, mkdir, path, (const char *path, mode_t mode), path, mode)
BY_PATH(int, rmdir, path, (const char *path), path)
BY_PATH(int, unlink, path, (const char *path), path)
BY_PATH(int, rename, to, (const char *from, const char *to), from, to)
BY_PATH(int, chmod, path, (const char *path, mode_t mode), path, mode)
BY_PATH(int, chown, path, (const char *path, uid_t uid, gid_t gid), path, uid, gid)
BY_PATH(int, lchown, path, (const char *path, uid_t uid, gid_t gid), path, uid, gid)
BY_PATH(ssize_t, readlink, path, (const char *path, char *into, size_t size), path, into, size)
BY_PATH(DIR *, opendir, path, (const char *path), path)
BY_PATH(int, scandir64, path, (const char *path, struct dirent64 ***list, int (*wanted)(const struct dirent64 *), int (*order)(const struct dirent64 **, const struct dirent64 **)), path, list, wanted, order)
BY_DESCRIPTOR(int, fsync, descriptor, (int descriptor), descriptor)
BY_DESCRIPTOR(int, fdatasync, descriptor, (int descriptor), descriptor)
BY_DESCRIPTOR(int, fchmod, descriptor, (int descriptor, mode_t mode), descriptor, mode)
BY_DESCRIPTOR(int, fchown, descriptor, (int descriptor, uid_t uid, gid_t gid), descriptor, uid, gid)
BY_DESCRIPTOR(int, ftruncate64, descriptor, (int descriptor, off64_t size), descriptor, size)
BY_DESCRIPTOR(int, close, descriptor, (int descriptor), descriptor)
BY_DESCRIPTOR(ssize_t, read, descriptor, (int descriptor, void *into, size_t size), descriptor, into, size)
BY_DESCRIPTOR(ssize_t, readv, descriptor, (int descriptor, const struct iovec *into, int parts), descriptor, into, parts)
BY_DESCRIPTOR(ssize_t, pread64, descriptor, (int descriptor, void *into, size_t size, off64_t at), descriptor, into, size, at)
BY_DESCRIPTOR(ssize_t, writev, descriptor, (int descriptor, const struct iovec *from, int parts), descriptor, from, parts)
BY_DESCRIPTOR(int, connect, descriptor, (int descriptor, const struct sockaddr *to, socklen_t size), descriptor, to, size)
BY_DESCRIPTOR(int, bind, descriptor, (int descriptor, const struct sockaddr *to, socklen_t size), descriptor, to, size)
BY_DESCRIPTOR(int, shutdown, descriptor, (int descriptor, int how), descriptor, how)
BY_DESCRIPTOR(ssize_t, send, descriptor, (int descriptor, const void *from, size_t size, int flags), descriptor, from, size, flags)
BY_DESCRIPTOR(ssize_t, sendto, descriptor, (int descriptor, const void *from, size_t size, int flags, const struct sockaddr *to, socklen_t length), descriptor, from, size, flags, to, length)
BY_DESCRIPTOR(ssize_t, sendmsg, descriptor, (int descriptor, const struct msghdr *message, int flags), descriptor, message, flags)
BY_DESCRIPTOR(int, sendmmsg, descriptor, (int descriptor, struct mmsghdr *messages, unsigned int number, int flags), descriptor, messages, number, flags)
BY_DESCRIPTOR(ssize_t, recvfrom, descriptor, (int descriptor, void *into, size_t size, int flags, struct sockaddr *from, socklen_t *length), descriptor, into, size, flags, from, length)
BY_DESCRIPTOR(ssize_t, recvmsg, descriptor, (int descriptor, struct msghdr *message, int flags), descriptor, message, flags)
BY_DESCRIPTOR(int, recvmmsg, descriptor, (int descriptor, struct mmsghdr *messages, unsigned int number, int flags, struct timespec *wait), descriptor, messages, number, flags, wait)

int socket(int family, int type, int protocol) {
  REAL(socket);
  if (fails("socket", family == AF_INET || family == AF_INET6 ? "network" : NULL)) return -1;
  return real(family, type, protocol);
}

static int write_fails(const char *name, int descriptor, const void *from, size_t size, off64_t at) {
  char room[PATH_MAX];
  int before = errno;
  const char *where = of_descriptor(descriptor, room);
  if (!is_it(name, where)) {
    errno = before;
    return 0;
  }
  if (half && room[0] == '/') {
    if (at < 0) kernel(SYS_write, descriptor, from, size / 2);
    else kernel(SYS_pwrite64, descriptor, from, size / 2, at);
  }
  if (failing == 0) die();
  errno = failing;
  return 1;
}

ssize_t write(int descriptor, const void *from, size_t size) {
  REAL(write);
  return write_fails("write", descriptor, from, size, -1) ? -1 : real(descriptor, from, size);
}

ssize_t pwrite64(int descriptor, const void *from, size_t size, off64_t at) {
  REAL(pwrite64);
  return write_fails("pwrite", descriptor, from, size, at) ? -1 : real(descriptor, from, size, at);
}

/* What libuv calls by its number: statx, and close. */
long syscall(long number, ...) {
  char room[PATH_MAX];
  long given[6];
  va_list rest;
  int n;

  va_start(rest, number);
  for (n = 0; n < 6; n += 1) given[n] = va_arg(rest, long);
  va_end(rest);
  if (kernel == NULL) kernel = dlsym(RTLD_NEXT, "syscall");
  if (number == SYS_close && fails("close", of_descriptor((int)given[0], room))) {
    /* It is closed all the same: close(2). */
    kernel(SYS_close, given[0]);
    errno = failing;
    return -1;
  }
#ifdef SYS_statx
  if (number == SYS_statx) {
    const char *path = (const char *)given[1];
    if (fails("stat", path != NULL && *path == 0 ? of_descriptor((int)given[0], room) : of_path(path, room))) return -1;
  }
#endif
  return kernel(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
