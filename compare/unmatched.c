#include "compare/unmatched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/table.h"

#define KEY_MOST (48 << 20) /* no document is larger */

struct kept {
  struct kept *next; /* of the same key */
  int side;
  struct digest digest;
  int64_t number;
  int64_t bytes;
};

struct entry {
  UT_hash_handle hh;
  struct kept *first;
  uint32_t key_size;
  uint8_t key[];
};

struct unmatched {
  struct unmatched_settings settings;
  struct entry *by_key;
  size_t memory;
  FILE *file;
  int64_t in_file; /* bytes of memory that its documents would take */
};

/* In the file, before the key. */
struct record {
  int side;
  uint32_t key_size;
  struct digest digest;
  int64_t number;
  int64_t bytes;
};

struct unmatched *
unmatched_new(const struct unmatched_settings *settings)
{
  struct unmatched *unmatched = memory_new(sizeof *unmatched);
  unmatched->settings = *settings;
  return unmatched;
}

static size_t
cost(uint32_t key_size)
{
  return sizeof(struct entry) + sizeof(struct kept) + key_size + 48; /* the table's own, and malloc's */
}

static void
remove_entry(struct unmatched *unmatched, struct entry *entry)
{
  HASH_DEL(unmatched->by_key, entry);
  free(entry);
}

static void
clear(struct unmatched *unmatched)
{
  struct entry *entry;
  struct entry *next;
  HASH_ITER (hh, unmatched->by_key, entry, next) {
    while (entry->first) {
      struct kept *kept = entry->first;
      entry->first = kept->next;
      free(kept);
    }
    remove_entry(unmatched, entry);
  }
  unmatched->memory = 0;
}

void
unmatched_free(struct unmatched *unmatched)
{
  if (!unmatched) {
    return;
  }
  clear(unmatched);
  if (unmatched->file) {
    fclose(unmatched->file);
  }
  free(unmatched);
}

static struct unmatched_document
document_of(const struct entry *entry, const struct kept *kept)
{
  return (struct unmatched_document){kept->side, entry->key, entry->key_size, kept->digest, kept->number, kept->bytes};
}

/* Takes the first that belongs to the document out of the entry. */
static bool
take_half(struct unmatched *unmatched, struct entry *entry, const struct unmatched_document *document,
          struct unmatched_document *other)
{
  for (struct kept **at = &entry->first; *at; at = &(*at)->next) {
    struct kept *kept = *at;
    bool same = digest_equal(&kept->digest, &document->digest);
    if (kept->side == document->side || !(same || unmatched->settings.unique)) {
      continue;
    }
    *other = document_of(entry, kept);
    other->key = NULL;
    *at = kept->next;
    free(kept);
    unmatched->memory -= cost(entry->key_size);
    return true;
  }
  return false;
}

/* Behind the others of its key, so that the first that came is the first that goes. */
static void
keep(struct unmatched *unmatched, struct entry *entry, const struct unmatched_document *document)
{
  struct kept *kept = memory_new(sizeof *kept);
  struct kept **at;
  if (!entry) {
    entry = memory_new(sizeof *entry + document->key_size);
    entry->key_size = document->key_size;
    memcpy(entry->key, document->key, document->key_size);
    HASH_ADD_KEYPTR(hh, unmatched->by_key, entry->key, entry->key_size, entry);
  }
  *kept = (struct kept){NULL, document->side, document->digest, document->number, document->bytes};
  for (at = &entry->first; *at; at = &(*at)->next) {
  }
  *at = kept;
  unmatched->memory += cost(document->key_size);
}

static bool
match_in_memory(struct unmatched *unmatched, const struct unmatched_document *document,
                struct unmatched_document *other)
{
  struct entry *entry;
  HASH_FIND(hh, unmatched->by_key, document->key, document->key_size, entry);
  bool found = entry && take_half(unmatched, entry, document, other);
  if (found && !entry->first) {
    remove_entry(unmatched, entry);
  } else if (!found) {
    keep(unmatched, entry, document);
  }
  return found;
}

static bool
file_failed(const struct unmatched *unmatched, struct error *error)
{
  return error_set(error, ERROR_STATE, "cannot keep the documents that differ in a file in '%s': %s",
                   unmatched->settings.folder, strerror(errno));
}

/* The file's name is removed at once, so the file goes with the process. */
static bool
open_file(struct unmatched *unmatched, struct error *error)
{
  if (unmatched->file) {
    return true;
  }
  char *path = memory_format("%s/mongoferry-verify-XXXXXX", unmatched->settings.folder);
  int descriptor = mkstemp(path);
  if (descriptor >= 0) {
    unlink(path);
    unmatched->file = fdopen(descriptor, "w+b");
  }
  free(path);
  return unmatched->file || file_failed(unmatched, error);
}

static bool
spill(struct unmatched *unmatched, struct error *error)
{
  if (!open_file(unmatched, error)) {
    return false;
  }
  for (struct entry *entry = unmatched->by_key; entry; entry = entry->hh.next) {
    for (const struct kept *kept = entry->first; kept; kept = kept->next) {
      struct record record;
      memset(&record, 0, sizeof record);
      record.side = kept->side;
      record.key_size = entry->key_size;
      record.digest = kept->digest;
      record.number = kept->number;
      record.bytes = kept->bytes;
      if (fwrite(&record, sizeof record, 1, unmatched->file) != 1 ||
          fwrite(entry->key, 1, entry->key_size, unmatched->file) != entry->key_size) {
        return file_failed(unmatched, error);
      }
      unmatched->in_file += (int64_t)cost(entry->key_size);
    }
  }
  clear(unmatched);
  return true;
}

int
unmatched_match(struct unmatched *unmatched, const struct unmatched_document *document,
                struct unmatched_document *other, struct error *error)
{
  if (match_in_memory(unmatched, document, other)) {
    return 1;
  }
  return unmatched->memory <= unmatched->settings.memory_most || spill(unmatched, error) ? 0 : -1;
}

bool
unmatched_spilled(const struct unmatched *unmatched)
{
  return unmatched->file != NULL;
}

static struct kept *
other_side(const struct entry *entry)
{
  struct kept *kept = entry->first->next;
  while (kept && kept->side == entry->first->side) {
    kept = kept->next;
  }
  return kept;
}

static void
drop(struct entry *entry, const struct kept *gone)
{
  struct kept **at = &entry->first;
  while (*at && *at != gone) {
    at = &(*at)->next;
  }
  if (*at) {
    struct kept *next = (*at)->next;
    free(*at);
    *at = next;
  }
}

/* What both sides have belongs together, in the order in which it came. */
static bool
tell_entry(struct entry *entry, unmatched_tell tell, void *context, struct error *error)
{
  while (entry->first) {
    struct kept *pair = other_side(entry);
    struct unmatched_document left = document_of(entry, entry->first);
    struct unmatched_document right = pair ? document_of(entry, pair) : left;
    if (!tell(context, left.side == 0 || !pair ? &left : &right,
              !pair            ? NULL
              : left.side == 0 ? &right
                               : &left,
              error)) {
      return false;
    }
    if (pair) {
      drop(entry, pair);
    }
    drop(entry, entry->first);
  }
  return true;
}

static bool
tell_memory(struct unmatched *unmatched, unmatched_tell tell, void *context, struct error *error)
{
  bool ok = true;
  for (struct entry *entry = unmatched->by_key; ok && entry; entry = entry->hh.next) {
    ok = tell_entry(entry, tell, context, error);
  }
  clear(unmatched);
  return ok;
}

static unsigned
part_of(const uint8_t *key, uint32_t size, unsigned parts)
{
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (uint32_t i = 0; i < size; i++) {
    hash = (hash ^ key[i]) * 16777619u;
  }
  return hash % parts;
}

/* Brings together those of the file whose keys are in this part. */
static bool
load_part(struct unmatched *unmatched, unsigned part, unsigned parts, unmatched_tell tell, void *context,
          struct error *error)
{
  struct record record;
  uint8_t *key = NULL;
  bool ok = fseek(unmatched->file, 0, SEEK_SET) == 0 || file_failed(unmatched, error);
  while (ok && fread(&record, sizeof record, 1, unmatched->file) == 1) {
    struct unmatched_document other;
    struct unmatched_document document = {record.side,   NULL,          record.key_size,
                                          record.digest, record.number, record.bytes};
    if (record.key_size > KEY_MOST) {
      errno = EINVAL;
      ok = file_failed(unmatched, error);
      break;
    }
    key = memory_resize(key, record.key_size + 1);
    if (fread(key, 1, record.key_size, unmatched->file) != record.key_size) {
      ok = file_failed(unmatched, error);
      break;
    }
    document.key = key;
    if (part_of(key, record.key_size, parts) == part && match_in_memory(unmatched, &document, &other) &&
        !digest_equal(&other.digest, &document.digest)) {
      other.key = key;
      ok = tell(context, other.side == 0 ? &other : &document, other.side == 0 ? &document : &other, error);
    }
  }
  free(key);
  return ok && (!ferror(unmatched->file) || file_failed(unmatched, error));
}

bool
unmatched_end(struct unmatched *unmatched, unmatched_tell tell, void *context, struct error *error)
{
  if (!unmatched->file) {
    return tell_memory(unmatched, tell, context, error);
  }
  if (!spill(unmatched, error)) {
    return false;
  }
  unsigned parts = (unsigned)(unmatched->in_file / (int64_t)unmatched->settings.memory_most) + 1;
  bool ok = true;
  for (unsigned part = 0; ok && part < parts; part++) {
    ok = load_part(unmatched, part, parts, tell, context, error) && tell_memory(unmatched, tell, context, error);
  }
  return ok;
}
