#include "coordinator/options.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "base/memory.h"

enum option_kind { KIND_GROUP, KIND_TEXT, KIND_LIST, KIND_FLAG, KIND_NUMBER, KIND_IGNORED };

struct option {
  enum option_kind kind;
  const char *name;
  const char *value; /* what it takes, for texts */
  const char *help;
  size_t offset; /* in struct options */
  int64_t initial;
  int64_t least;
  int64_t most;
};

static const struct option table[] = {
#define GROUP(title) {.kind = KIND_GROUP, .name = "", .help = title},
#define TEXT(f, n, v, h) {.kind = KIND_TEXT, .name = n, .value = v, .help = h, .offset = offsetof(struct options, f)},
#define SECRET(f, n, v, h) TEXT(f, n, v, h)
#define LIST(f, n, v, h) {.kind = KIND_LIST, .name = n, .value = v, .help = h, .offset = offsetof(struct options, f)},
#define FLAG(f, n, h) {.kind = KIND_FLAG, .name = n, .value = "BOOL", .help = h, .offset = offsetof(struct options, f)},
#define NUMBER(f, n, i, l, m, v, h)                                                                                    \
  {.kind = KIND_NUMBER,                                                                                                \
   .name = n,                                                                                                          \
   .value = v,                                                                                                         \
   .help = h,                                                                                                          \
   .offset = offsetof(struct options, f),                                                                              \
   .initial = i,                                                                                                       \
   .least = l,                                                                                                         \
   .most = m},
#define IGNORED(n, v, h) {.kind = KIND_IGNORED, .name = n, .value = v, .help = h},
#include "coordinator/options.def"
#undef GROUP
#undef TEXT
#undef SECRET
#undef LIST
#undef FLAG
#undef NUMBER
#undef IGNORED
};
#define TABLE_SIZE (sizeof table / sizeof *table)

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

static bool
is_bool(const char *text)
{
  return text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
}

static bool
set_number(int64_t *field, const struct option *option, const char *text, struct error *error)
{
  char *end = NULL;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  if (errno || end == text || *end || number < option->least || number > option->most) {
    return error_set(error, ERROR_USAGE, "--%s takes a whole number from %lld to %lld, not '%s'", option->name,
                     (long long)option->least, (long long)option->most, text);
  }
  *field = number;
  return true;
}

static bool
set_text(char **field, const struct option *option, const char *text, struct error *error)
{
  if (*field && strcmp(*field, text) != 0) {
    return error_set(error, ERROR_USAGE, "--%s is given twice, with different values", option->name);
  }
  memory_wipe(*field);
  *field = memory_string(text);
  return true;
}

static bool
set_option(struct options *options, const struct option *option, const char *text, struct error *error)
{
  void *field = field_of(options, option);
  switch (option->kind) {
  case KIND_TEXT:
    return set_text(field, option, text, error);
  case KIND_LIST: {
    struct option_list *list = field;
    if (strcmp(option->value, "DB.COLL") == 0 && !strchr(text, '.')) {
      return error_set(error, ERROR_USAGE, "--%s takes DB.COLL, not '%s'", option->name, text);
    }
    list->items = memory_grow(list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count++] = memory_string(text);
    return true;
  }
  case KIND_FLAG:
    if (!is_bool(text)) {
      return error_set(error, ERROR_USAGE, "--%s takes true or false, not '%s'", option->name, text);
    }
    *(bool *)field = strcmp(text, "true") == 0;
    return true;
  case KIND_NUMBER:
    return set_number(field, option, text, error);
  case KIND_IGNORED:
    log_warn("--%s is %s", option->name, option->help);
    return true;
  case KIND_GROUP:
    break;
  }
  return true;
}

/* One option of argv; `*at` is left on the last word that belongs to it. */
static bool
parse_one(struct options *options, int argc, char **argv, int *at, struct error *error)
{
  const char *word = argv[*at];
  const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
  if (strncmp(word, "-j", 2) == 0 && word[2] != 0) {
    return set_option(options, find_option("numParallelCollections", 22), word + 2 + (word[2] == '='), error);
  }
  if (strcmp(word, "-j") == 0) {
    word = "--numParallelCollections";
  }
  if (strncmp(word, "--", 2) != 0) {
    return error_set(error, ERROR_USAGE, "'%s' is no option; --help lists them", word);
  }
  const char *equals = strchr(word, '=');
  size_t length = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
  const struct option *option = find_option(word + 2, length);
  if (!option) {
    return error_set(error, ERROR_USAGE, "--%.*s is no option; --help lists them", (int)length, word + 2);
  }
  if (equals) {
    return set_option(options, option, equals + 1, error);
  }
  bool lone = option->kind == KIND_FLAG || strcmp(option->value, "BOOL") == 0;
  if (lone && !is_bool(next)) {
    return set_option(options, option, "true", error);
  }
  if (!next) {
    return error_set(error, ERROR_USAGE, "--%s lacks its value, %s", option->name, option->value);
  }
  (*at)++;
  return set_option(options, option, next, error);
}

bool
options_parse(struct options *options, int argc, char **argv, struct error *error)
{
  memset(options, 0, sizeof *options);
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    if (table[i].kind == KIND_NUMBER) {
      *(int64_t *)field_of(options, &table[i]) = table[i].initial;
    }
  }
  for (int i = 0; i < argc; i++) {
    if (!parse_one(options, argc, argv, &i, error)) {
      return false;
    }
  }
  if (options->help || options->version) {
    return true;
  }
  if (options->allow_invalid_hostnames || options->allow_invalid_certificates) {
    log_warn("--sslAllowInvalidHostnames and --sslAllowInvalidCertificates are deprecated: taken for --tlsInsecure");
  }
  if (options->aws_session_token && options->gssapi_service_name) {
    return error_set(error, ERROR_USAGE, "--awsSessionToken and --gssapiServiceName belong to different mechanisms");
  }
  if (!options->host) {
    return error_set(error, ERROR_USAGE, "--host is missing: the source, as RS/host:port,...");
  }
  if (!options->destination) {
    return error_set(error, ERROR_USAGE, "--destination is missing: the target, as RS/host:port,...");
  }
  return true;
}

void
options_clear(struct options *options)
{
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    void *field = field_of(options, &table[i]);
    if (table[i].kind == KIND_TEXT) {
      memory_wipe(*(char **)field);
    } else if (table[i].kind == KIND_LIST) {
      struct option_list *list = field;
      for (size_t k = 0; k < list->count; k++) {
        free(list->items[k]);
      }
      free(list->items);
    }
  }
  memset(options, 0, sizeof *options);
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

void
options_help(FILE *out)
{
  fputs("mongoferry --host SOURCE --destination TARGET [options]\n"
        "Moves a running MongoDB replica set to another without downtime: copies it, then\n"
        "follows its oplog until stopped.\n"
        "mongoferry check --host SOURCE --destination TARGET [options]\n"
        "Reports whether that would work; changes nothing.\n",
        out);
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    char left[64];
    if (table[i].kind == KIND_GROUP) {
      fprintf(out, "\n%s\n", table[i].help);
      continue;
    }
    snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].kind == KIND_FLAG ? "" : " ",
             table[i].kind == KIND_FLAG ? "" : table[i].value);
    if (strlen(left) > 28) {
      fprintf(out, "  %s\n  %-28s%s\n", left, "", table[i].help);
    } else {
      fprintf(out, "  %-28s%s\n", left, table[i].help);
    }
  }
}

/* A user name or password may hold any character; in a connection string only these stand for themselves. */
static char *
percent_encode(const char *text)
{
  char *encoded = memory_new(strlen(text) * 3 + 1);
  char *out = encoded;
  for (const unsigned char *in = (const unsigned char *)text; *in; in++) {
    if (isalnum(*in) || strchr("-._~", *in)) {
      *out++ = (char)*in;
    } else {
      out += sprintf(out, "%%%02X", *in);
    }
  }
  return encoded;
}

struct side {
  const char *option;
  const char *host;
  const char *username;
  const char *password;
  const char *auth_db;
  const char *mechanism;
  const char *session_token;
  const char *service_name;
  bool ssl;
  const char *ca_file;
  const char *key_file;
  const char *key_password;
  bool insecure;
};

static void
add_parameter(char **uri, char *separator, const char *name, const char *value)
{
  if (value) {
    char *encoded = percent_encode(value);
    char *longer = memory_format("%s%c%s=%s", *uri, *separator, name, encoded);
    memory_wipe(*uri);
    memory_wipe(encoded);
    *uri = longer;
    *separator = '&';
  }
}

/* The two that there are belong to different mechanisms. */
static void
add_property(char **uri, char *separator, const char *name, const char *value)
{
  if (value) {
    char *property = memory_format("%s:%s", name, value);
    add_parameter(uri, separator, "authMechanismProperties", property);
    memory_wipe(property);
  }
}

static char *
with_user(const struct side *side, const char *hosts)
{
  if (!side->username) {
    return memory_format("mongodb://%s/", hosts);
  }
  char *user = percent_encode(side->username);
  char *password = side->password ? percent_encode(side->password) : NULL;
  char *uri = memory_format("mongodb://%s%s%s@%s/", user, password ? ":" : "", password ? password : "", hosts);
  memory_wipe(user);
  memory_wipe(password);
  return uri;
}

static char *
side_uri(const struct side *side, const char *compressors, struct error *error)
{
  if (strncmp(side->host, "mongodb://", 10) == 0 || strncmp(side->host, "mongodb+srv://", 14) == 0) {
    if (side->username || side->password) {
      error_set(error, ERROR_USAGE, "--%s is a URI: give the user and the password in it", side->option);
      return NULL;
    }
    return memory_string(side->host);
  }
  const char *slash = strchr(side->host, '/');
  const char *hosts = slash ? slash + 1 : side->host;
  if (!*hosts || strpbrk(hosts, "/@? ") || slash == side->host) {
    error_set(error, ERROR_USAGE, "--%s takes RS/host:port,... or host:port, not '%s'", side->option, side->host);
    return NULL;
  }
  if (!slash && strchr(hosts, ',')) {
    error_set(error, ERROR_USAGE, "--%s names several hosts without their set: write RS/%s", side->option, hosts);
    return NULL;
  }
  char separator = '?';
  char *set = slash ? strndup(side->host, (size_t)(slash - side->host)) : NULL;
  const char *mechanism =
    side->mechanism && strcmp(side->mechanism, "MONGODB-IAM") == 0 ? "MONGODB-AWS" : side->mechanism;
  char *uri = with_user(side, hosts);
  add_parameter(&uri, &separator, "replicaSet", set);
  add_parameter(&uri, &separator, "directConnection", set ? NULL : "true");
  add_parameter(&uri, &separator, "authSource", side->auth_db);
  add_parameter(&uri, &separator, "authMechanism", mechanism);
  add_property(&uri, &separator, "AWS_SESSION_TOKEN", side->session_token);
  add_property(&uri, &separator, "SERVICE_NAME", side->service_name);
  add_parameter(&uri, &separator, "tls", side->ssl ? "true" : NULL);
  add_parameter(&uri, &separator, "tlsCAFile", side->ca_file);
  add_parameter(&uri, &separator, "tlsCertificateKeyFile", side->key_file);
  add_parameter(&uri, &separator, "tlsCertificateKeyFilePassword", side->key_password);
  add_parameter(&uri, &separator, "tlsInsecure", side->insecure ? "true" : NULL);
  if (compressors && strcmp(compressors, "none") != 0) {
    char *longer = memory_format("%s%ccompressors=%s", uri, separator, compressors);
    memory_wipe(uri);
    uri = longer;
  }
  free(set);
  return uri;
}

char *
options_uri(const struct options *options, enum options_side which, struct error *error)
{
  struct side source = {"host",
                        options->host,
                        options->username,
                        options->password,
                        options->auth_db,
                        options->auth_mechanism,
                        options->aws_session_token,
                        options->gssapi_service_name,
                        options->ssl,
                        options->ssl_ca_file,
                        options->ssl_key_file,
                        options->ssl_key_password,
                        options->tls_insecure || options->allow_invalid_hostnames ||
                          options->allow_invalid_certificates};
  struct side target = {"destination",
                        options->destination,
                        options->destination_username,
                        options->destination_password,
                        options->destination_auth_db,
                        options->destination_auth_mechanism,
                        NULL,
                        NULL,
                        options->destination_ssl,
                        options->destination_ssl_ca_file,
                        options->destination_ssl_key_file,
                        options->destination_ssl_key_password,
                        options->destination_tls_insecure};
  return side_uri(which == OPTIONS_SOURCE ? &source : &target, options->compressors, error);
}
