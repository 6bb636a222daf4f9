#include "coordinator/check/missing_privileges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 6

static int
compare(const void *left, const void *right)
{
  const struct missing_privileges *a = left;
  const struct missing_privileges *b = right;
  int db = strcmp(a->db, b->db);
  return db ? db : strcmp(a->coll, b->coll);
}

void
missing_privileges_sort(struct missing_privileges *missing, size_t count)
{
  qsort(missing, count, sizeof *missing, compare);
}

struct namespace_set {
  FILE *out;
  size_t count;
  uint32_t among;
  uint32_t bits;
};

static bool
is_alike(const struct namespace_set *names, const struct missing_privileges *missing_privileges)
{
  return (missing_privileges->mask & names->among) == names->bits;
}

static void
add_name(struct namespace_set *names, const char *db, const char *coll)
{
  if (names->count++ < NAMES_MOST) {
    fprintf(names->out, "%s%s.%s", names->count > 1 ? ", " : "", db, coll);
  }
}

/* `count` collections of one database. */
static void
add_database(struct namespace_set *names, const struct missing_privileges *missing, size_t count)
{
  size_t alike = 0;
  bool all = true;
  for (size_t i = 0; i < count; i++) {
    alike += is_alike(names, &missing[i]);
    all = all && (missing[i].view || is_alike(names, &missing[i]));
  }
  if (all && alike > 1) {
    add_name(names, missing[0].db, "*");
    return;
  }
  for (size_t i = 0; i < count; i++) {
    if (is_alike(names, &missing[i])) {
      add_name(names, missing[i].db, missing[i].coll);
    }
  }
}

char *
missing_privileges_names(const struct missing_privileges *missing, size_t count, uint32_t among, uint32_t bits)
{
  char *text = NULL;
  size_t size = 0;
  struct namespace_set names = {.out = open_memstream(&text, &size), .among = among, .bits = bits};
  for (size_t i = 0; i < count;) {
    size_t end = i;
    while (end < count && strcmp(missing[end].db, missing[i].db) == 0) {
      end++;
    }
    add_database(&names, &missing[i], end - i);
    i = end;
  }
  if (names.count > NAMES_MOST) {
    fprintf(names.out, " and %zu more", names.count - NAMES_MOST);
  }
  fclose(names.out);
  return text;
}
