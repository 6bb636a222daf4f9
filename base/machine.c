#include "base/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define GROUPS "/sys/fs/cgroup"
#define UNLIMITED (INT64_MAX / 2) /* version 1 of control groups names a number near the largest one */

/* The number behind `name` in a file of lines "name number"; without a name the first word. -1: there is none. */
static int64_t
number_in(const char *path, const char *name)
{
  char line[256];
  int64_t found = -1;
  size_t length = strlen(name);
  FILE *file = fopen(path, "re");
  while (file && found < 0 && fgets(line, sizeof line, file)) {
    if (strncmp(line, name, length) == 0) {
      const char *at = line + length + strspn(line + length, " \t");
      found = isdigit((unsigned char)*at) ? strtoll(at, NULL, 10) : -1;
    }
  }
  if (file) {
    fclose(file);
  }
  return found;
}

static int64_t
least(int64_t one, int64_t other)
{
  return one < 0 || (other >= 0 && other < one) ? other : one;
}

/* What is left of a limit in one folder; -1: none is set. `spare`: of what is used, so much can be taken back. */
static int64_t
left_in(const char *folder, const char *limit_file, const char *used_file, const char *spare)
{
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, limit_file);
  int64_t limit = number_in(path, "");
  snprintf(path, sizeof path, "%s/%s", folder, used_file);
  int64_t used = number_in(path, "");
  if (limit < 0 || limit > UNLIMITED || used < 0) {
    return -1;
  }
  snprintf(path, sizeof path, "%s/memory.stat", folder);
  int64_t cache = *spare ? number_in(path, spare) : 0;
  int64_t left = limit - used + (cache > 0 ? cache : 0);
  return left > 0 ? left : 0;
}

/* The group's own folder for a controller, cut at `size`. Version 2 has one for all, with an empty name. */
static void
find_folder(const char *controller, char *folder, size_t size)
{
  char line[384];
  char name[64];
  snprintf(name, sizeof name, ":%s:", controller);
  snprintf(folder, size, "%s%s%s", GROUPS, *controller ? "/" : "", controller);
  size_t root = strlen(folder);
  FILE *file = fopen("/proc/self/cgroup", "re");
  while (file && fgets(line, sizeof line, file)) {
    char *at = strstr(line, name);
    if (at) {
      at += strlen(name);
      at[strcspn(at, "\n")] = 0;
      snprintf(folder + root, size - root, "%s", strcmp(at, "/") == 0 ? "" : at);
    }
  }
  if (file) {
    fclose(file);
  }
}

/* The least of the group and of those above it; a container may see only the topmost folder. */
static int64_t
left_of_groups(const char *controller, const char *limit_file, const char *used_file, const char *spare)
{
  char folder[480];
  int64_t found = -1;
  find_folder(controller, folder, sizeof folder);
  size_t root = strlen(GROUPS) + (*controller ? strlen(controller) + 1 : 0);
  for (;;) {
    found = least(found, left_in(folder, limit_file, used_file, spare));
    char *end = strrchr(folder, '/');
    if (strlen(folder) <= root || !end) {
      return found;
    }
    *end = 0;
  }
}

int64_t
machine_free_memory(void)
{
  int64_t kilobytes = number_in("/proc/meminfo", "MemAvailable:");
  int64_t free_bytes = kilobytes < 0 ? -1 : kilobytes * 1024;
  free_bytes = least(free_bytes, left_of_groups("", "memory.max", "memory.current", "inactive_file"));
  return least(free_bytes,
               left_of_groups("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"));
}

/* Threads count, too. */
static int64_t
count_threads_of(uid_t user)
{
  int64_t count = 0;
  struct dirent *entry;
  DIR *processes = opendir("/proc");
  while (processes && (entry = readdir(processes)) != NULL) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/status", entry->d_name);
    if (isdigit((unsigned char)entry->d_name[0]) && number_in(path, "Uid:") == (int64_t)user) {
      int64_t threads = number_in(path, "Threads:");
      count += threads > 0 ? threads : 0;
    }
  }
  if (processes) {
    closedir(processes);
  }
  return count;
}

int64_t
machine_free_processes(void)
{
  struct rlimit limit;
  int64_t found = -1;
  if (getuid() != 0 && getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur < (rlim_t)UNLIMITED) {
    found = (int64_t)limit.rlim_cur - count_threads_of(getuid());
    found = found > 0 ? found : 0;
  }
  found = least(found, left_of_groups("", "pids.max", "pids.current", ""));
  found = least(found, left_of_groups("pids", "pids.max", "pids.current", ""));
  return found < 0 ? INT64_MAX : found;
}

int64_t
machine_files(void)
{
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > (rlim_t)UNLIMITED ? UNLIMITED
                                                                                     : (int64_t)limit.rlim_cur;
}

/* proc(5), /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. What guests took is in user already. */
struct processor_time
machine_processor_time(void)
{
  int64_t ticks[8] = {0};
  struct processor_time time = {0};
  FILE *file = fopen("/proc/stat", "re");
  if (file &&
      fscanf(file, "cpu %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
             &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]) == 8) {
    time.idle = ticks[3] + ticks[4];
    for (int i = 0; i < 8; i++) {
      time.all += ticks[i];
    }
  }
  if (file) {
    fclose(file);
  }
  return time;
}

static bool
is_same_host(const struct sockaddr *one, const struct sockaddr *other)
{
  if (!one || !other || one->sa_family != other->sa_family) {
    return false;
  }
  if (one->sa_family == AF_INET) {
    return ((const struct sockaddr_in *)one)->sin_addr.s_addr == ((const struct sockaddr_in *)other)->sin_addr.s_addr;
  }
  return one->sa_family == AF_INET6 &&
         memcmp(&((const struct sockaddr_in6 *)one)->sin6_addr, &((const struct sockaddr_in6 *)other)->sin6_addr,
                sizeof(struct in6_addr)) == 0;
}

/* The host of "host:port" or "[host]:port". */
static bool
host_of(const char *address, char *host, size_t size)
{
  bool bracket = *address == '[';
  const char *begin = address + bracket;
  const char *end = bracket ? strchr(begin, ']') : strrchr(begin, ':');
  size_t length = end ? (size_t)(end - begin) : strlen(begin);
  if (length == 0 || length >= size) {
    return false;
  }
  memcpy(host, begin, length);
  host[length] = 0;
  return true;
}

bool
machine_has_host(const char *address)
{
  char host[256];
  struct addrinfo *found = NULL;
  struct ifaddrs *own = NULL;
  bool same = false;
  if (host_of(address, host, sizeof host) && getaddrinfo(host, NULL, NULL, &found) == 0 && getifaddrs(&own) == 0) {
    for (const struct addrinfo *item = found; item && !same; item = item->ai_next) {
      for (const struct ifaddrs *next = own; next && !same; next = next->ifa_next) {
        same = is_same_host(item->ai_addr, next->ifa_addr);
      }
    }
  }
  if (found) {
    freeaddrinfo(found);
  }
  if (own) {
    freeifaddrs(own);
  }
  return same;
}
