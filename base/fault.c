#include "base/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

struct fault {
  bool read;
  char name[40];
  char file[256];
  int left;
};

static bool
read_fault(struct fault *fault)
{
  const char *text = getenv("FERRY_FAULT");
  return text && sscanf(text, "%39[^:]:%d:%255s", fault->name, &fault->left, fault->file) == 3;
}

#define HOLD_LOOK_MS 10

static void
hold(const char *name)
{
  const char *text = getenv("FERRY_FAULT_HOLD");
  size_t length = strlen(name);
  if (!text || strncmp(text, name, length) != 0 || text[length] != ':' || access(text + length + 1, F_OK) != 0) {
    return;
  }
  char held[300];
  const char *file = text + length + 1;
  snprintf(held, sizeof held, "%s.held", file);
  int made = open(held, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (made >= 0) {
    close(made);
  }
  while (access(file, F_OK) == 0) {
    clock_sleep_ms(HOLD_LOOK_MS);
  }
}

void
fault_point(const char *name)
{
  static struct fault fault; /* the process's; read once */
  hold(name);
  static bool wanted;
  if (!fault.read) {
    wanted = read_fault(&fault);
    fault.read = true;
  }
  if (!wanted || strcmp(fault.name, name) != 0 || --fault.left > 0) {
    return;
  }
  int made = open(fault.file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (made >= 0) {
    close(made);
    kill(getpid(), SIGKILL);
  }
}

struct skip {
  bool read;
  const char *ns; /* NULL: none */
  size_t length;
  int left;
};

static void
read_skip(struct skip *skip)
{
  const char *text = getenv("FERRY_FAULT_SKIP");
  const char *colon = text ? strrchr(text, ':') : NULL;
  skip->read = true;
  if (colon && sscanf(colon, ":%d", &skip->left) == 1) {
    skip->ns = text;
    skip->length = (size_t)(colon - text);
  }
}

bool
fault_skips(const char *db, const char *coll)
{
  static struct skip skip; /* the process's; read once */
  if (!skip.read) {
    read_skip(&skip);
  }
  if (!skip.ns) {
    return false;
  }
  size_t length = strlen(db);
  bool same = skip.length == length + 1 + strlen(coll) && strncmp(skip.ns, db, length) == 0 && skip.ns[length] == '.' &&
              strncmp(skip.ns + length + 1, coll, skip.length - length - 1) == 0;
  return same && --skip.left == 0;
}
