#include "coordinator/commands/set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* What may be set: whether it belongs to /pace, and what it takes. */
static const struct setting {
  const char *name;
  bool pace;
  enum { SETTING_TEXT, SETTING_SWITCH, SETTING_NUMBER, SETTING_NUMBER_OR_AUTO } takes;
} settings[] = {{"workers", false, SETTING_NUMBER_OR_AUTO},
                {"maxRate", true, SETTING_TEXT},
                {"brake", true, SETTING_SWITCH},
                {"brakeLatencyMS", true, SETTING_NUMBER},
                {"brakeLagS", true, SETTING_NUMBER}};
#define SETTINGS (sizeof settings / sizeof *settings)

static const struct setting *
find_setting(const char *name, size_t length)
{
  for (size_t i = 0; i < SETTINGS; i++) {
    if (strlen(settings[i].name) == length && strncmp(settings[i].name, name, length) == 0) {
      return &settings[i];
    }
  }
  return NULL;
}

static bool
put_value(bson_t *body, const struct setting *setting, const char *value, struct error *error)
{
  static const char *const on[] = {"on", "true", NULL};
  static const char *const off[] = {"off", "false", NULL};
  char *end = NULL;
  switch (setting->takes) {
  case SETTING_TEXT:
    return BSON_APPEND_UTF8(body, setting->name, value);
  case SETTING_SWITCH:
    if (text_is_one_of(value, on) || text_is_one_of(value, off)) {
      return BSON_APPEND_BOOL(body, setting->name, text_is_one_of(value, on));
    }
    return error_set(error, ERROR_USAGE, "%s takes on or off, not '%s'", setting->name, value);
  case SETTING_NUMBER_OR_AUTO:
    if (strcmp(value, "auto") == 0) {
      return BSON_APPEND_UTF8(body, setting->name, value);
    }
    break;
  case SETTING_NUMBER:
    break;
  }
  long long number = strtoll(value, &end, 10);
  return (*value && !*end && BSON_APPEND_INT64(body, setting->name, number)) ||
         error_set(error, ERROR_USAGE, "%s takes a whole number%s, not '%s'", setting->name,
                   setting->takes == SETTING_NUMBER_OR_AUTO ? " or auto" : "", value);
}

static bool
parse_word(const char *word, struct set_bodies *bodies, struct error *error)
{
  size_t length = strcspn(word, "=");
  const struct setting *setting = find_setting(word, length);
  if (!setting || !word[length]) {
    return error_set(
      error, ERROR_USAGE,
      "'%s' cannot be set; give workers=N|auto, maxRate=RATE, brake=on|off, brakeLatencyMS=MS or brakeLagS=S", word);
  }
  bson_t *body = setting->pace ? &bodies->pace : &bodies->workers;
  if (bson_has_field(body, setting->name)) {
    return error_set(error, ERROR_USAGE, "%s is given twice", setting->name);
  }
  return put_value(body, setting, word + length + 1, error);
}

bool
set_parse(char *const *words, int count, struct set_bodies *bodies, struct error *error)
{
  bson_init(&bodies->pace);
  bson_init(&bodies->workers);
  if (count == 0) {
    return error_set(error, ERROR_USAGE, "what is to be set? Give NAME=VALUE, for example workers=8 or maxRate=20MB/s");
  }
  for (int i = 0; i < count; i++) {
    if (!parse_word(words[i], bodies, error)) {
      return false;
    }
  }
  return true;
}

void
set_clear(struct set_bodies *bodies)
{
  bson_destroy(&bodies->pace);
  bson_destroy(&bodies->workers);
}

void
set_say(const bson_t *body, char *text, size_t size)
{
  bson_iter_t iter;
  int used = snprintf(text, size, "set");
  for (bson_iter_init(&iter, body); bson_iter_next(&iter) && used > 0 && (size_t)used < size;) {
    char *to = text + used;
    size_t room = size - (size_t)used;
    used += BSON_ITER_HOLDS_UTF8(&iter)
              ? snprintf(to, room, " %s=%s", bson_iter_key(&iter), bson_iter_utf8(&iter, NULL))
            : BSON_ITER_HOLDS_BOOL(&iter)
              ? snprintf(to, room, " %s=%s", bson_iter_key(&iter), bson_iter_bool(&iter) ? "on" : "off")
              : snprintf(to, room, " %s=%lld", bson_iter_key(&iter), (long long)bson_iter_as_int64(&iter));
  }
}
