#include "coordinator/check/missing_privileges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 6

static int
compare(const void *left, const void *right)
{
  const struct lack *a = left;
  const struct lack *b = right;
  int db = strcmp(a->db, b->db);
  return db ? db : strcmp(a->coll, b->coll);
}

void
lack_sort(struct lack *lacks, size_t count)
{
  qsort(lacks, count, sizeof *lacks, compare);
}

struct names {
  FILE *out;
  size_t count;
  uint32_t among;
  uint32_t bits;
};

static bool
is_alike(const struct names *names, const struct lack *lack)
{
  return (lack->mask & names->among) == names->bits;
}

static void
add_name(struct names *names, const char *db, const char *coll)
{
  if (names->count++ < NAMES_MOST) {
    fprintf(names->out, "%s%s.%s", names->count > 1 ? ", " : "", db, coll);
  }
}

/* `count` collections of one database. */
static void
add_database(struct names *names, const struct lack *lacks, size_t count)
{
  size_t alike = 0;
  bool all = true;
  for (size_t i = 0; i < count; i++) {
    alike += is_alike(names, &lacks[i]);
    all = all && (lacks[i].view || is_alike(names, &lacks[i]));
  }
  if (all && alike > 1) {
    add_name(names, lacks[0].db, "*");
    return;
  }
  for (size_t i = 0; i < count; i++) {
    if (is_alike(names, &lacks[i])) {
      add_name(names, lacks[i].db, lacks[i].coll);
    }
  }
}

char *
lack_names(const struct lack *lacks, size_t count, uint32_t among, uint32_t bits)
{
  char *text = NULL;
  size_t size = 0;
  struct names names = {.out = open_memstream(&text, &size), .among = among, .bits = bits};
  for (size_t i = 0; i < count;) {
    size_t end = i;
    while (end < count && strcmp(lacks[end].db, lacks[i].db) == 0) {
      end++;
    }
    add_database(&names, &lacks[i], end - i);
    i = end;
  }
  if (names.count > NAMES_MOST) {
    fprintf(names.out, " and %zu more", names.count - NAMES_MOST);
  }
  fclose(names.out);
  return text;
}
