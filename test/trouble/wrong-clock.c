/*
 * A wrong clock for a program that this is preloaded into: CLOCK_OFF seconds ahead (or behind, with a minus). With
 * CLOCK_JUMPS it is so for that many readings, then right for as many, and so on. Clocks that measure are left alone.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_long readings;

static long off(void) {
  const char *by = getenv("CLOCK_OFF"), *jumps = getenv("CLOCK_JUMPS");
  long reading = atomic_fetch_add(&readings, 1);
  if (by == NULL) return 0;
  if (jumps != NULL && (reading / atol(jumps)) % 2 == 1) return 0;
  return atol(by);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, clock, now);
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += off();
  return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
  int failed = (int)syscall(SYS_gettimeofday, now, zone);
  if (failed == 0) now->tv_sec += off();
  return failed;
}

time_t time(time_t *into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != NULL) *into = now.tv_sec;
  return now.tv_sec;
}
