/*
 * A system whose name look-ups take twenty seconds and end with nothing, for a program that this is preloaded into. No
 * signal shortens them.
 */
#include <errno.h>
#include <netdb.h>
#include <time.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  struct timespec left = {20, 0};

  (void)name, (void)service, (void)hints, (void)found;
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
  return EAI_AGAIN;
}
