#include "coordinator/options/options.h"

#include <errno.h>
#include <libgen.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "compare/values.h"
#include "coordinator/options/config.h"
#include "coordinator/options/environment.h"

enum option_kind { KIND_GROUP, KIND_TEXT, KIND_LIST, KIND_FLAG, KIND_NUMBER, KIND_IGNORED };

struct option {
  enum option_kind kind;
  bool secret; /* the next one is the descriptor it may be read from */
  const char *name;
  const char *value; /* what it takes, for texts */
  const char *help;
  size_t offset; /* in struct options */
  int64_t initial;
  int64_t least;
  int64_t most;
};

#define ROW(k, f, n, v, h) .kind = k, .name = n, .value = v, .help = h, .offset = offsetof(struct options, f)
static const struct option table[] = {
#define GROUP(title) {.kind = KIND_GROUP, .name = "", .help = title},
#define TEXT(f, n, v, h) {ROW(KIND_TEXT, f, n, v, h)},
#define SECRET(f, n, v, h)                                                                                             \
  {ROW(KIND_TEXT, f, n, v, h), .secret = true},                                                                        \
    NUMBER(f##_fd, n "Fd", OPTIONS_NO_DESCRIPTOR, 0, 65535, "N", "read it as one line from descriptor N")
#define LIST(f, n, v, h) {ROW(KIND_LIST, f, n, v, h)},
#define FLAG(f, n, h) {ROW(KIND_FLAG, f, n, "BOOL", h)},
#define NUMBER(f, n, i, l, m, v, h) {ROW(KIND_NUMBER, f, n, v, h), .initial = i, .least = l, .most = m},
#define IGNORED(n, v, h) {.kind = KIND_IGNORED, .name = n, .value = v, .help = h},
#include "coordinator/options/options.def"
};
#define HELP_INDENT 28
#define TABLE_SIZE (sizeof table / sizeof *table)

/* Where a value came from; the later wins. */
enum origin { NOWHERE, IN_FILE, IN_ENVIRONMENT, ON_LINE };

struct parser {
  struct options *options;
  const struct command *command;
  enum origin origin; /* of what is being read */
  enum origin given[TABLE_SIZE];
  bool secret_in_file;
};

static void *
field_of(struct options *options, const struct option *option)
{
  return (char *)options + option->offset;
}

static const struct option *
find_option(const char *name, size_t length)
{
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    if (table[i].kind != KIND_GROUP && strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0) {
      return &table[i];
    }
  }
  return NULL;
}

/* The option that a mistyped name may mean, as ": did you mean --x?"; "" if none is near. */
static const char *
near_option(const char *name, size_t length, char *text, size_t size)
{
  const char *names[TABLE_SIZE];
  size_t count = 0;
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    if (table[i].kind != KIND_GROUP) {
      names[count++] = table[i].name;
    }
  }
  const char *near = text_nearest(name, length, names, count);
  snprintf(text, size, near ? ": did you mean --%s?" : "%s", near ? near : "");
  return text;
}

static bool
is_bool(const char *text)
{
  return text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
}

/* Texts that take only some words. */
static const struct vocabulary {
  const char *value;
  const char *takes; /* in words */
  const char *words[9];
} vocabularies[] = {
#define VOCABULARY(value, takes, ...) {value, takes, {__VA_ARGS__}},
#include "coordinator/options/vocabulary.def"
#undef VOCABULARY
};

static const struct vocabulary *
vocabulary_of(const char *value)
{
  for (size_t i = 0; i < sizeof vocabularies / sizeof *vocabularies; i++) {
    if (strcmp(vocabularies[i].value, value) == 0) {
      return &vocabularies[i];
    }
  }
  return NULL;
}

static bool
is_word(const char *const *words, const char *text, size_t length)
{
  for (; *words; words++) {
    if (strlen(*words) == length && strncmp(*words, text, length) == 0) {
      return true;
    }
  }
  return false;
}

static bool
check_words(const struct option *option, const char *text, struct error *error)
{
  const struct vocabulary *vocabulary = vocabulary_of(option->value);
  bool list = strcmp(option->value, "COMPRESSORS") == 0;
  if (!vocabulary || (list && strcmp(text, "none") == 0)) {
    return true;
  }
  for (const char *at = text;; at++) {
    size_t length = list ? strcspn(at, ",") : strlen(at);
    if (!is_word(vocabulary->words, at, length)) {
      return error_set(error, ERROR_USAGE, "--%s takes %s, not '%s'", option->name, vocabulary->takes, text);
    }
    at += length;
    if (!*at) {
      return true;
    }
  }
}

static bool
twice(const struct option *option, struct error *error)
{
  return error_set(error, ERROR_USAGE, "--%s is given twice, with different values", option->name);
}

static bool
set_number(int64_t *field, const struct option *option, bool again, const char *text, struct error *error)
{
  char *end = NULL;
  bool may_be_auto = strcmp(option->value, "N|auto") == 0;
  text = may_be_auto && strcmp(text, "auto") == 0 ? "0" : text;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  if (errno || end == text || *end || number < option->least || number > option->most) {
    return error_set(error, ERROR_USAGE, "--%s takes %sa whole number from %lld to %lld, not '%s'", option->name,
                     may_be_auto ? "auto, or " : "", (long long)option->least + may_be_auto, (long long)option->most,
                     text);
  }
  if (again && *field != number) {
    return twice(option, error);
  }
  *field = number;
  return true;
}

/* MongoDB's tools take how verbose; there is one degree here. */
static const char *
degree_as_bool(const struct option *option, const char *text)
{
  bool degree = strcmp(option->name, "verbose") == 0 && *text && strspn(text, "0123456789") == strlen(text);
  return !degree ? text : strspn(text, "0") == strlen(text) ? "false" : "true";
}

static bool
set_flag(bool *field, const struct option *option, bool again, const char *text, struct error *error)
{
  text = degree_as_bool(option, text);
  if (!is_bool(text)) {
    return error_set(error, ERROR_USAGE, "--%s takes true or false, not '%s'", option->name, text);
  }
  bool value = strcmp(text, "true") == 0;
  if (again && *field != value) {
    return twice(option, error);
  }
  *field = value;
  return true;
}

static bool
set_text(char **field, const struct option *option, const char *text, struct error *error)
{
  if (*field && strcmp(*field, text) != 0) {
    return twice(option, error);
  }
  bool path = strcmp(option->value, "FILE") == 0 || strcmp(option->value, "DIR") == 0;
  if (path && !*text) {
    return error_set(error, ERROR_USAGE, "--%s takes the name of a %s, but its value is empty", option->name,
                     *option->value == 'D' ? "folder" : "file");
  }
  if (!check_words(option, text, error)) {
    return false;
  }
  memory_wipe(*field);
  *field = memory_string(text);
  return true;
}

static void
list_add(struct option_list *list, char *text)
{
  list->items = memory_grow(list->items, list->count, &list->capacity, sizeof *list->items);
  list->items[list->count++] = text;
}

static bool
add_to_list(struct option_list *list, const struct option *option, const char *text, struct error *error)
{
  if (strcmp(option->value, "DB.COLL") == 0 && !strchr(text, '.')) {
    return error_set(error, ERROR_USAGE, "--%s takes DB.COLL, not '%s'", option->name, text);
  }
  list_add(list, memory_string(text));
  return true;
}

/* The other way to say the same; NULL: there is none. */
static const struct option *
partner_of(const struct option *option)
{
  if (option->secret || strcmp(option->name, "host") == 0) {
    return option + 1;
  }
  bool second = option > table && (option[-1].secret || strcmp(option->name, "uri") == 0);
  return second ? option - 1 : NULL;
}

static bool
set_option(struct parser *parser, const struct option *option, const char *text, struct error *error)
{
  void *field = field_of(parser->options, option);
  const struct option *partner = partner_of(option);
  enum origin *given = &parser->given[option - table];
  enum origin other = partner ? parser->given[partner - table] : NOWHERE;
  bool again = *given == parser->origin;
  if (*given > parser->origin || other > parser->origin) {
    return true;
  }
  if (other == parser->origin) {
    return error_set(error, ERROR_USAGE, "--%s and --%s say the same: give one of them", partner->name, option->name);
  }
  *given = parser->origin;
  switch (option->kind) {
  case KIND_TEXT:
    return set_text(field, option, text, error);
  case KIND_LIST:
    return add_to_list(field, option, text, error);
  case KIND_FLAG:
    return set_flag(field, option, again, text, error);
  case KIND_NUMBER:
    return set_number(field, option, again, text, error);
  case KIND_IGNORED:
    list_add(&parser->options->warnings, memory_format("--%s is %s", option->name, option->help));
    return true;
  case KIND_GROUP:
    break;
  }
  return true;
}

static bool
is_for_line_only(const char *name)
{
  return strcmp(name, "config") == 0 || strcmp(name, "help") == 0 || strcmp(name, "version") == 0;
}

/* A URI with a user in it, or a password. */
static bool
holds_secret(const struct option *option, const char *text)
{
  return option->secret || (strstr(text, "://") && strchr(text, '@'));
}

/* A line of the --config file. */
static bool
take_entry(void *context, const struct config_entry *entry, struct error *error)
{
  struct parser *parser = context;
  const struct option *option = find_option(entry->key, strlen(entry->key));
  if (!option) {
    char near[96];
    return error_set(error, ERROR_USAGE, "'%s' is no option%s; --help lists them", entry->key,
                     near_option(entry->key, strlen(entry->key), near, sizeof near));
  }
  if (is_for_line_only(option->name)) {
    return error_set(error, ERROR_USAGE, "%s belongs on the command line", option->name);
  }
  if (parser->given[option - table] == IN_FILE) {
    return error_set(error, ERROR_USAGE, "%s is in the file twice", option->name);
  }
  if (entry->sequence && option->kind != KIND_LIST) {
    return error_set(error, ERROR_USAGE, "%s takes one value, not a list", option->name);
  }
  if (entry->count == 0 && !entry->sequence) {
    return error_set(error, ERROR_USAGE, "%s lacks its value, %s", option->name, option->value);
  }
  for (size_t i = 0; i < entry->count; i++) {
    if (!set_option(parser, option, entry->values[i], error)) {
      return false;
    }
    parser->secret_in_file |= holds_secret(option, entry->values[i]);
  }
  return true;
}

static bool
read_file(struct parser *parser, struct error *error)
{
  bool exposed = false;
  const char *file = parser->options->config;
  parser->origin = IN_FILE;
  if (!config_read(file, take_entry, parser, &exposed, error)) {
    return false;
  }
  if (exposed && parser->secret_in_file) {
    list_add(&parser->options->warnings,
             memory_format("%s holds a secret and is open to other users: chmod 600 it", file));
  }
  return true;
}

/* The option that a variable names, or NULL. `file`: the variable names a file, which holds the option's secret. */
static const struct option *
option_of_variable(const char *key, bool *file)
{
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    *file = table[i].secret && environment_names(key, table[i].name, "File");
    if (*file || (table[i].kind != KIND_GROUP && environment_names(key, table[i].name, ""))) {
      return &table[i];
    }
  }
  return NULL;
}

/* Others may use the prefix, too: Kubernetes does for a service of this name. So this is no error. */
static void
warn_of_variable(struct parser *parser, const struct variable *variable)
{
  char near[96];
  char *word = memory_string(variable->key);
  size_t length = 0;
  for (const char *at = variable->key; *at; at++) {
    word[length] = *at;
    length += *at != '_';
  }
  list_add(&parser->options->warnings, memory_format("the variable %s is ignored, as it names no option%s",
                                                     variable->name, near_option(word, length, near, sizeof near)));
  free(word);
}

static bool
set_items(struct parser *parser, const struct option *option, const char *value, struct error *error)
{
  char *text = memory_string(value);
  char *rest = text;
  char *item;
  bool ok = true;
  while (ok && (item = environment_next_item(&rest)) != NULL) {
    ok = *item ? set_option(parser, option, item, error)
               : error_set(error, ERROR_USAGE, "an item of the list is empty; items have commas between");
  }
  free(text);
  return ok;
}

static bool
set_from_variable(struct parser *parser, const struct option *option, bool file, const char *value, struct error *error)
{
  enum origin *given = &parser->given[option - table];
  if (*given == ON_LINE) {
    return true;
  }
  if (*given == IN_ENVIRONMENT) {
    return error_set(error, ERROR_USAGE, "another variable says --%s, too: give one of them", option->name);
  }
  if (!*value) {
    return error_set(error, ERROR_USAGE, "it is empty: give it a value, %s, or unset it",
                     file ? "FILE" : option->value);
  }
  if (option->kind == KIND_LIST) {
    return set_items(parser, option, value, error);
  }
  char *secret = file ? environment_read_secret(value, error) : NULL;
  bool ok = (secret || !file) && set_option(parser, option, file ? secret : value, error);
  memory_wipe(secret);
  return ok;
}

static bool
take_variable(void *context, const struct variable *variable, struct error *error)
{
  struct parser *parser = context;
  bool file;
  const struct option *option = option_of_variable(variable->key, &file);
  if (!option || strcmp(option->name, "help") == 0 || strcmp(option->name, "version") == 0) {
    warn_of_variable(parser, variable);
    return false;
  }
  set_from_variable(parser, option, file, variable->value, error);
  return true;
}

/* As near_option, for the words that may stand first. The message shows nothing else of what was typed. */
static const char *
near_command(const char *word, size_t length, char *text, size_t size)
{
  const char *commands[COMMAND_COUNT + 2] = {"help", "version"};
  size_t count = 2;
  for (int i = COMMAND_MIGRATE + 1; i < COMMAND_COUNT; i++) {
    commands[count++] = command_at((enum command_name)i)->word;
  }
  const char *near = text_nearest(word, length, commands, count);
  snprintf(text, size, near ? ": did you mean 'mongoferry %s'?" : "%s", near ? near : "");
  return text;
}

/* Only an option's name is repeated. Other words may be the rest of a password with a blank in it. */
static bool
no_option(const char *word, size_t length, int at, struct error *error)
{
  char near[96];
  bool dashes = length > 2 && strncmp(word, "--", 2) == 0;
  bool name = dashes;
  for (size_t i = 2; i < length; i++) {
    name = name && isalpha((unsigned char)word[i]) != 0;
  }
  if (name) {
    return error_set(error, ERROR_USAGE, "%.*s is no option%s; --help lists them", (int)length, word,
                     near_option(word + 2, length - 2, near, sizeof near));
  }
  bool first = at == 0 && !dashes;
  return error_set(error, ERROR_USAGE,
                   "word %d of the options is no option%s; --help lists them, and values with blanks need quotes",
                   at + 1, first ? near_command(word, length, near, sizeof near) : "");
}

static bool
check_owner(const struct parser *parser, const struct option *option, struct error *error)
{
  const struct command *owner;
  if (command_takes(parser->command, option->name, &owner)) {
    return true;
  }
  if (!owner) {
    return error_set(error, ERROR_USAGE, "--%s is an option of the migration itself, not of 'mongoferry %s'",
                     option->name, parser->command->word);
  }
  return error_set(error, ERROR_USAGE, "--%s belongs to 'mongoferry%s%s'", option->name, *owner->word ? " " : "",
                   owner->word);
}

/* One option of argv; `*at` is left on the last word that belongs to it. */
static bool
parse_one(struct parser *parser, int argc, char **argv, int *at, struct error *error)
{
  const char *word = argv[*at];
  const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
  if (strncmp(word, "-j", 2) == 0 && word[2] != 0) {
    return set_option(parser, find_option("numParallelCollections", 22), word + 2 + (word[2] == '='), error);
  }
  if (strcmp(word, "-j") == 0) {
    word = "--numParallelCollections";
  }
  if (word[0] == '-' && word[1] == 'v' && word[1 + strspn(word + 1, "v")] == 0) { /* -vvv, as MongoDB's tools */
    word = "--verbose=true";
  }
  if (strcmp(word, "-h") == 0) {
    word = "--help";
  }
  if (strncmp(word, "--", 2) != 0) {
    return no_option(word, strlen(word), *at, error);
  }
  const char *equals = strchr(word, '=');
  size_t length = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
  const struct option *option = find_option(word + 2, length);
  if (!option) {
    return no_option(word, length + 2, *at, error);
  }
  if (!check_owner(parser, option, error)) {
    return false;
  }
  if (equals) {
    return set_option(parser, option, equals + 1, error);
  }
  bool lone = option->kind == KIND_FLAG || strcmp(option->value, "BOOL") == 0;
  if (lone && !is_bool(next)) {
    return set_option(parser, option, "true", error);
  }
  if (!next) {
    return error_set(error, ERROR_USAGE, "--%s lacks its value, %s", option->name, option->value);
  }
  (*at)++;
  return set_option(parser, option, next, error);
}

static bool
check_mechanisms(const char *token, const char *service, const char *host, const char *names, struct error *error)
{
  return !token || (!service && !host) || error_set(error, ERROR_USAGE, "--%s belong to different mechanisms", names);
}

/* What one option alone does not show. */
static bool
check_together(struct options *options, struct error *error)
{
  if (options->allow_invalid_hostnames || options->allow_invalid_certificates) {
    list_add(&options->warnings, memory_string("--sslAllowInvalidHostnames and --sslAllowInvalidCertificates are "
                                               "deprecated: taken for --tlsInsecure"));
  }
  if (options->quiet && options->verbose) {
    return error_set(error, ERROR_USAGE, "--quiet and --verbose contradict each other: give one of them");
  }
  if (options->public_key && !options->check_report) {
    return error_set(error, ERROR_USAGE, "--publicKey is for --checkReport; --signKey signs");
  }
  if (options->check_report) { /* no server is asked */
    return true;
  }
  if (!options->host && !options->uri) {
    return error_set(error, ERROR_USAGE, "--host is missing: the source, as RS/host:port,...");
  }
  if (!options->destination) {
    return error_set(error, ERROR_USAGE, "--destination is missing: the target, as RS/host:port,...");
  }
  return check_mechanisms(options->aws_session_token, options->gssapi_service_name, options->gssapi_host_name,
                          "awsSessionToken and --gssapi...", error) &&
         check_mechanisms(options->destination_aws_session_token, options->destination_gssapi_service_name,
                          options->destination_gssapi_host_name,
                          "destinationAwsSessionToken and --destinationGssapi...", error);
}

bool
options_parse(struct options *options, const struct command *command, int argc, char **argv, struct error *error)
{
  struct parser parser = {.options = options, .command = command, .origin = ON_LINE};
  memset(options, 0, sizeof *options);
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    if (table[i].kind == KIND_NUMBER) {
      *(int64_t *)field_of(options, &table[i]) = table[i].initial;
    }
  }
  for (int i = 0; i < argc; i++) {
    if (!parse_one(&parser, argc, argv, &i, error)) {
      return false;
    }
  }
  if (options->help || options->version) {
    return true;
  }
  parser.origin = IN_ENVIRONMENT;
  if (!environment_read(take_variable, &parser, error) || (options->config && !read_file(&parser, error))) {
    return false;
  }
  options->destination_plain = parser.given[find_option("destinationSsl", 14) - table] && !options->destination_ssl;
  return command->kind == COMMAND_ASKS || check_together(options, error);
}

static void
list_clear(struct option_list *list)
{
  for (size_t i = 0; i < list->count; i++) {
    free(list->items[i]);
  }
  free(list->items);
}

void
options_clear(struct options *options)
{
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    void *field = field_of(options, &table[i]);
    if (table[i].kind == KIND_TEXT) {
      memory_wipe(*(char **)field);
    } else if (table[i].kind == KIND_LIST) {
      list_clear(field);
    }
  }
  list_clear(&options->warnings);
  memset(options, 0, sizeof *options);
}

void
options_begin_log(const struct options *options)
{
  struct log_form form = {.json = options->log_format && strcmp(options->log_format, "json") == 0,
                          .least = options->quiet     ? LOG_WARN
                                   : options->verbose ? LOG_DEBUG
                                                      : LOG_INFO};
  log_set_form(&form);
  for (size_t i = 0; i < options->warnings.count; i++) {
    log_warn("%s", options->warnings.items[i]);
  }
}

bool
options_select(const struct options *options, struct selection *selection, struct error *error)
{
  const struct option_list *const lists[SELECTION_LISTS] = {
    [INCLUDE_DB] = &options->include_dbs, [INCLUDE_NAMESPACE] = &options->include_namespaces,
    [EXCLUDE_DB] = &options->exclude_dbs, [EXCLUDE_NAMESPACE] = &options->exclude_namespaces,
    [NS_FROM] = &options->ns_from,        [NS_TO] = &options->ns_to};
  for (int list = 0; list < SELECTION_LISTS; list++) {
    for (size_t i = 0; i < lists[list]->count; i++) {
      if (!selection_add(selection, list, lists[list]->items[i], error)) {
        return false;
      }
    }
  }
  return selection_check(selection, error);
}

void
options_shape(const struct options *options, const struct selection *selection, bson_t *shape)
{
  bson_init(shape);
  selection_put(selection, shape);
  BSON_APPEND_BOOL(shape, "noIndexRestore", options->no_index_restore);
  BSON_APPEND_BOOL(shape, "preserveUUIDs", options->preserve_uuids);
}

const char *
options_shape_other(const bson_t *shape, const bson_t *kept)
{
  bson_iter_t option;
  bson_iter_t other;
  for (bson_iter_init(&option, shape); bson_iter_next(&option);) {
    if (!bson_iter_init_find(&other, kept, bson_iter_key(&option)) || !values_same_bytes(&option, &other)) {
      return bson_iter_key(&option);
    }
  }
  return NULL;
}

void
options_settings(const struct options *options, const struct selection *selection, bson_t *settings)
{
  selection_put(selection, settings);
  BSON_APPEND_BOOL(settings, "noIndexRestore", options->no_index_restore);
  BSON_APPEND_BOOL(settings, "preserveUUIDs", options->preserve_uuids);
  BSON_APPEND_BOOL(settings, "atomicTransactions", options->atomic_transactions);
  BSON_APPEND_INT64(settings, "oplogBatchSize", options->oplog_batch_size);
  BSON_APPEND_INT64(settings, "batchBytes", options->batch_mb << 20);
  BSON_APPEND_INT64(settings, "replayConnections", options->replay_connections);
  BSON_APPEND_BOOL(settings, "verifies", options->verify);
  if (options->oplog_path) {
    BSON_APPEND_UTF8(settings, "oplogPath", options->oplog_path);
  }
  char *path = memory_string(options_bookmark(options));
  BSON_APPEND_UTF8(settings, "folder", dirname(path));
  free(path);
}

const char *
options_bookmark(const struct options *options)
{
  return options->bookmark_file ? options->bookmark_file : "mongomirror.bookmark";
}

int
options_workers(const struct options *options)
{
  unsigned processors = uv_available_parallelism();
  if (options->workers > 0) {
    return (int)options->workers;
  }
  return processors < 2 ? 2 : processors > 16 ? 16 : (int)processors;
}

static void
help_commands(FILE *out)
{
  for (int i = COMMAND_MIGRATE + 1; i < COMMAND_COUNT; i++) {
    const struct command *command = command_at((enum command_name)i);
    fprintf(out, "  %s%s%s%s\n      %s\n", command->word, *command->arguments ? " " : "", command->arguments,
            command->kind == COMMAND_MIGRATES ? " --host SOURCE --destination TARGET [options]" : "", command->help);
  }
}

void
options_help(FILE *out)
{
  fputs("mongoferry --host SOURCE --destination TARGET [options]\n"
        "Moves a running MongoDB replica set to another one without downtime. It copies\n"
        "the data, then replays the source's oplog until you stop it.\n"
        "\nmongoferry COMMAND [--bookmarkFile FILE | --config FILE] [options]\n",
        out);
  help_commands(out);
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    char left[64];
    char right[96];
    if (table[i].kind == KIND_GROUP) {
      fprintf(out, "\n%s\n", table[i].help);
      continue;
    }
    snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].kind == KIND_FLAG ? "" : " ",
             table[i].kind == KIND_FLAG ? "" : table[i].value);
    if (table[i].kind == KIND_NUMBER && table[i].initial > 0) { /* 0 and -1 stand for what the help says of them */
      snprintf(right, sizeof right, "%s (default %lld)", table[i].help, (long long)table[i].initial);
    } else {
      snprintf(right, sizeof right, "%s", table[i].help);
    }
    if (strlen(left) >= HELP_INDENT) {
      fprintf(out, "  %s\n  %-*s%s\n", left, HELP_INDENT, "", right);
    } else {
      fprintf(out, "  %-*s%s\n", HELP_INDENT, left, right);
    }
  }
}
