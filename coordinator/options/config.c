#include "coordinator/options/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/descriptor.h"
#include "base/memory.h"

#define FILE_BYTES_MOST (1 << 20)

struct reading {
  const char *file;
  yaml_parser_t parser;
  char **values;
  size_t count;
  size_t capacity;
};

static bool
wrong(const struct reading *reading, const yaml_mark_t *mark, const char *what, struct error *error)
{
  return error_set(error, ERROR_USAGE, "%s:%zu: %s", reading->file, mark->line + 1, what);
}

static bool
next(struct reading *reading, yaml_event_t *event, struct error *error)
{
  if (yaml_parser_parse(&reading->parser, event)) {
    return true;
  }
  const char *problem = reading->parser.problem ? reading->parser.problem : "it cannot be read";
  memset(event, 0, sizeof *event);
  return error_set(
    error, ERROR_USAGE, "%s:%zu: not YAML: %s", reading->file,
    (reading->parser.problem_mark.line ? reading->parser.problem_mark.line : reading->parser.mark.line) + 1, problem);
}

/* The text of a plain or quoted value; false for anything else. */
static bool
scalar(const struct reading *reading, const yaml_event_t *event, const char **text, struct error *error)
{
  if (event->type == YAML_ALIAS_EVENT) {
    return wrong(reading, &event->start_mark, "aliases are not taken", error);
  }
  if (event->type != YAML_SCALAR_EVENT) {
    return wrong(reading, &event->start_mark, "a nested value; what is taken is 'option: value', or a list of values",
                 error);
  }
  if (event->data.scalar.anchor || event->data.scalar.tag) {
    return wrong(reading, &event->start_mark, "anchors and tags are not taken", error);
  }
  *text = (const char *)event->data.scalar.value;
  if (strlen(*text) != event->data.scalar.length) {
    return wrong(reading, &event->start_mark, "a value holds a NUL character", error);
  }
  return true;
}

static bool
is_null(const yaml_event_t *event)
{
  const char *text = (const char *)event->data.scalar.value;
  return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
         (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static bool
keep(struct reading *reading, const yaml_event_t *event, struct error *error)
{
  const char *text;
  if (!scalar(reading, event, &text, error)) {
    return false;
  }
  if (!is_null(event)) {
    reading->values = memory_grow(reading->values, reading->count, &reading->capacity, sizeof *reading->values);
    reading->values[reading->count++] = memory_string(text);
  }
  return true;
}

static void
forget(struct reading *reading)
{
  while (reading->count > 0) {
    memory_wipe(reading->values[--reading->count]);
  }
}

static bool
keep_sequence(struct reading *reading, const yaml_event_t *start, struct error *error)
{
  if (start->data.sequence_start.anchor || start->data.sequence_start.tag) {
    return wrong(reading, &start->start_mark, "anchors and tags are not taken", error);
  }
  for (bool more = true; more;) {
    yaml_event_t event;
    bool ok = next(reading, &event, error);
    more = ok && event.type != YAML_SEQUENCE_END_EVENT;
    ok = ok && (!more || keep(reading, &event, error));
    yaml_event_delete(&event);
    if (!ok) {
      return false;
    }
  }
  return true;
}

/* The key's event was read already. */
static bool
read_entry(struct reading *reading, const yaml_event_t *key_event, config_take take, void *context, struct error *error)
{
  yaml_event_t event;
  struct config_entry entry = {0};
  if (!scalar(reading, key_event, &entry.key, error) || !next(reading, &event, error)) {
    return false;
  }
  entry.sequence = event.type == YAML_SEQUENCE_START_EVENT;
  bool ok = entry.sequence ? keep_sequence(reading, &event, error) : keep(reading, &event, error);
  yaml_event_delete(&event);
  if (ok) {
    entry.values = reading->values;
    entry.count = reading->count;
    ok = take(context, &entry, error) || error_wrap(error, "%s:%zu", reading->file, key_event->start_mark.line + 1);
  }
  forget(reading);
  return ok;
}

static bool
read_mapping(struct reading *reading, config_take take, void *context, struct error *error)
{
  for (bool more = true; more;) {
    yaml_event_t key;
    bool ok = next(reading, &key, error);
    more = ok && key.type != YAML_MAPPING_END_EVENT;
    ok = ok && (!more || read_entry(reading, &key, take, context, error));
    yaml_event_delete(&key);
    if (!ok) {
      return false;
    }
  }
  return true;
}

/* Stream and document begin; then one mapping, or nothing at all; then both end. */
static bool
read_stream(struct reading *reading, config_take take, void *context, struct error *error)
{
  bool begun = false;
  for (;;) {
    yaml_event_t event;
    if (!next(reading, &event, error)) {
      return false;
    }
    yaml_event_type_t type = event.type;
    yaml_mark_t mark = event.start_mark;
    bool bare = type == YAML_SCALAR_EVENT && is_null(&event) && !event.data.scalar.anchor && !event.data.scalar.tag;
    bool plain = type == YAML_MAPPING_START_EVENT && !event.data.mapping_start.anchor && !event.data.mapping_start.tag;
    yaml_event_delete(&event);
    if (type == YAML_STREAM_END_EVENT) {
      return true;
    }
    if (type == YAML_DOCUMENT_START_EVENT && begun) {
      return wrong(reading, &mark, "a second document; one is taken", error);
    }
    if (type == YAML_MAPPING_START_EVENT && !plain) {
      return wrong(reading, &mark, "anchors and tags are not taken", error);
    }
    if (plain && !read_mapping(reading, take, context, error)) {
      return false;
    }
    if (!plain && !bare && type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
        type != YAML_DOCUMENT_END_EVENT) {
      return wrong(reading, &mark, "what is taken is lines of 'option: value'", error);
    }
    begun = begun || type == YAML_DOCUMENT_START_EVENT;
  }
}

/* The whole file; NULL with the error. Does not wait for a FIFO's writer. */
static char *
load(const char *file, size_t *size, bool *exposed, struct error *error)
{
  struct stat stat;
  int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 || fstat(fd, &stat) != 0) {
    error_set(error, ERROR_USAGE, "--config: cannot read %s: %s", file, strerror(errno));
  } else if (!S_ISREG(stat.st_mode)) {
    error_set(error, ERROR_USAGE, "--config takes a regular file, and %s is none", file);
  } else if (stat.st_size > FILE_BYTES_MOST) {
    error_set(error, ERROR_USAGE, "--config: %s is larger than 1 MB", file);
  } else {
    *size = (size_t)stat.st_size;
    char *bytes = memory_new(*size + 1);
    if (*size == 0 || descriptor_read(fd, bytes, *size) == 1) {
      close(fd);
      *exposed = (stat.st_mode & 077) != 0;
      return bytes;
    }
    error_set(error, ERROR_USAGE, "--config: cannot read %s: %s", file, strerror(errno ? errno : EIO));
    free(bytes);
  }
  if (fd >= 0) {
    close(fd);
  }
  return NULL;
}

bool
config_read(const char *file, config_take take, void *context, bool *exposed, struct error *error)
{
  struct reading reading = {.file = file};
  size_t size = 0;
  bool open_to_others = false;
  char *bytes = load(file, &size, &open_to_others, error);
  if (!bytes) {
    return false;
  }
  bool ok = yaml_parser_initialize(&reading.parser) || error_set(error, ERROR_INTERNAL, "no memory for %s", file);
  if (ok) {
    yaml_parser_set_input_string(&reading.parser, (const unsigned char *)bytes, size);
    ok = read_stream(&reading, take, context, error);
    yaml_parser_delete(&reading.parser);
  }
  forget(&reading);
  free(reading.values);
  explicit_bzero(bytes, size);
  free(bytes);
  if (exposed) {
    *exposed = open_to_others;
  }
  return ok;
}
