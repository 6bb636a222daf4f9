#include "coordinator/options/uri.h"

#include <ctype.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/server.h"
#include "server/uri_options.h"

#define ATLAS ".mongodb.net"

/* The options of one side. */
struct side {
  const char *address_option; /* names, for texts */
  const char *username_option;
  const char *password_option;
  const char *address;
  const char *username;
  const char *password;
  const char *auth_db;
  const char *mechanism;
  const char *session_token;
  const char *service_name;
  const char *service_host;
  bool tls;
  bool plain; /* no TLS, even where it is usual */
  const char *ca_file;
  const char *crl_file;
  const char *key_file;
  const char *key_password;
  bool insecure;
};

/* What becomes scheme://login@hosts/database?query. */
struct address {
  bool given; /* as a URI */
  char *scheme;
  char *login; /* percent-encoded; NULL: none */
  char *hosts;
  char *database;
  char *query;
};

static struct side
side_of(const struct options *options, enum uri_side side)
{
  if (side == URI_SOURCE) {
    return (struct side){options->host ? "host" : "uri",
                         "username",
                         "password",
                         options->host ? options->host : options->uri,
                         options->username,
                         options->password,
                         options->auth_db,
                         options->auth_mechanism,
                         options->aws_session_token,
                         options->gssapi_service_name,
                         options->gssapi_host_name,
                         options->ssl,
                         true,
                         options->ssl_ca_file,
                         options->ssl_crl_file,
                         options->ssl_key_file,
                         options->ssl_key_password,
                         options->tls_insecure || options->allow_invalid_hostnames ||
                           options->allow_invalid_certificates};
  }
  return (struct side){"destination",
                       "destinationUsername",
                       "destinationPassword",
                       options->destination,
                       options->destination_username,
                       options->destination_password,
                       options->destination_auth_db,
                       options->destination_auth_mechanism,
                       options->destination_aws_session_token,
                       options->destination_gssapi_service_name,
                       options->destination_gssapi_host_name,
                       options->destination_ssl,
                       options->destination_plain,
                       options->destination_ssl_ca_file,
                       options->destination_ssl_crl_file,
                       options->destination_ssl_key_file,
                       options->destination_ssl_key_password,
                       options->destination_tls_insecure};
}

static void
address_clear(struct address *address)
{
  free(address->scheme);
  memory_wipe(address->login);
  free(address->hosts);
  free(address->database);
  memory_wipe(address->query);
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

static char *
part(const char *text, size_t length)
{
  char *copy = memory_new(length + 1);
  memcpy(copy, text, length);
  return copy;
}

static bool
is_uri(const char *text)
{
  return strncmp(text, "mongodb://", 10) == 0 || strncmp(text, "mongodb+srv://", 14) == 0;
}

/* A user or password may hold a slash only encoded, so the first one ends the hosts. */
static void
split_uri(const char *text, struct address *address)
{
  const char *rest = strstr(text, "://") + 3;
  size_t authority = strcspn(rest, "/?");
  const char *at = memrchr(rest, '@', authority);
  address->given = true;
  address->scheme = part(text, (size_t)(rest - text));
  address->login = at ? part(rest, (size_t)(at - rest)) : NULL;
  const char *hosts = at ? at + 1 : rest;
  address->hosts = part(hosts, (size_t)(rest + authority - hosts));
  rest += authority;
  rest += *rest == '/';
  size_t database = strcspn(rest, "?");
  address->database = part(rest, database);
  rest += database;
  address->query = memory_string(*rest == '?' ? rest + 1 : "");
}

static bool
split_seeds(const struct side *side, struct address *address, struct error *error)
{
  const char *slash = strchr(side->address, '/');
  const char *hosts = slash ? slash + 1 : side->address;
  if (!*hosts || strpbrk(hosts, "/@? ") || slash == side->address) { /* not shown: it may hold a password */
    return error_set(error, ERROR_USAGE, "--%s takes RS/host:port,... or host:port, or a mongodb:// URI",
                     side->address_option);
  }
  if (!slash && strchr(hosts, ',')) {
    return error_set(error, ERROR_USAGE, "--%s names several hosts without their set: write RS/%s",
                     side->address_option, hosts);
  }
  char *set = slash ? part(side->address, (size_t)(slash - side->address)) : NULL;
  char *encoded = set ? percent_encode(set) : NULL;
  address->scheme = memory_string("mongodb://");
  address->hosts = memory_string(hosts);
  address->database = memory_string("");
  address->query = set ? memory_format("replicaSet=%s", encoded) : memory_string("directConnection=true");
  free(encoded);
  free(set);
  return true;
}

static bool
split(const struct side *side, struct address *address, struct error *error)
{
  *address = (struct address){0};
  if (strcmp(side->address_option, "uri") == 0 && !is_uri(side->address)) {
    return error_set(error, ERROR_USAGE, "--uri takes a mongodb:// or mongodb+srv:// URI");
  }
  if (is_uri(side->address)) {
    split_uri(side->address, address);
    return true;
  }
  return split_seeds(side, address, error);
}

/* The value of an option in the query, NULL if it is not there; its length in `size`. */
static const char *
find_parameter(const struct address *address, const char *name, size_t *size)
{
  /* The driver's older names. */
  static const char *const old_names[][2] = {{"tls", "ssl"},
                                             {"tlsCAFile", "sslCertificateAuthorityFile"},
                                             {"tlsCertificateKeyFile", "sslClientCertificateKeyFile"},
                                             {"tlsCertificateKeyFilePassword", "sslClientCertificateKeyPassword"}};
  for (const char *at = address->query; at && *at;) {
    size_t whole = strcspn(at, "&;");
    size_t key = strcspn(at, "=&;");
    if (strlen(name) == key && strncasecmp(at, name, key) == 0) {
      *size = key < whole ? whole - key - 1 : 0;
      return at + (key < whole ? key + 1 : key);
    }
    at += whole + (at[whole] != 0);
  }
  for (size_t i = 0; i < sizeof old_names / sizeof *old_names; i++) {
    if (strcmp(name, old_names[i][0]) == 0) {
      return find_parameter(address, old_names[i][1], size);
    }
  }
  return NULL;
}

static void
append(struct address *address, const char *name, const char *encoded)
{
  char *longer = memory_format("%s%s%s=%s", address->query, *address->query ? "&" : "", name, encoded);
  memory_wipe(address->query);
  address->query = longer;
}

/* Adds one of our options as one of the URI's. If the URI has it already with another value, that is an error. */
static bool
add(const struct side *side, struct address *address, const char *name, const char *value, struct error *error)
{
  size_t size = 0;
  if (!value) {
    return true;
  }
  char *encoded = percent_encode(value);
  const char *there = find_parameter(address, name, &size);
  bool same = there && ((strlen(encoded) == size && strncmp(encoded, there, size) == 0) ||
                        (strlen(value) == size && strncmp(value, there, size) == 0));
  if (!there) {
    append(address, name, encoded);
  }
  memory_wipe(encoded);
  return !there || same ||
         error_set(error, ERROR_USAGE, "--%s says %s, and an option says otherwise: give one of them",
                   side->address_option, name);
}

static bool
add_login(const struct side *side, struct address *address, struct error *error)
{
  if (side->username && address->login) {
    return error_set(error, ERROR_USAGE, "--%s names a user, and --%s is given, too: give one of them",
                     side->address_option, side->username_option);
  }
  if (side->username) {
    address->login = percent_encode(side->username);
  }
  if (!side->password) {
    return true;
  }
  if (!address->login) {
    return error_set(error, ERROR_USAGE, "--%s is given without --%s", side->password_option, side->username_option);
  }
  if (strchr(address->login, ':')) {
    return error_set(error, ERROR_USAGE, "--%s holds a password, and --%s is given, too: give one of them",
                     side->address_option, side->password_option);
  }
  char *encoded = percent_encode(side->password);
  char *login = memory_format("%s:%s", address->login, encoded);
  memory_wipe(address->login);
  memory_wipe(encoded);
  address->login = login;
  return true;
}

/* As the driver calls it; the URI's where no option says; "" if neither does. */
static void
mechanism_of(const struct side *side, const struct address *address, char *mechanism, size_t room)
{
  size_t size = 0;
  const char *there = side->mechanism ? NULL : find_parameter(address, "authMechanism", &size);
  snprintf(mechanism, room, "%.*s", there ? (int)size : (int)room,
           there             ? there
           : side->mechanism ? side->mechanism
                             : "");
  if (strcmp(mechanism, "MONGODB-IAM") == 0) {
    snprintf(mechanism, room, "MONGODB-AWS");
  }
}

/* Users that are not the server's own. */
static bool
is_external(const char *mechanism)
{
  return strcmp(mechanism, "MONGODB-X509") == 0 || strcmp(mechanism, "GSSAPI") == 0 ||
         strcmp(mechanism, "PLAIN") == 0 || strcmp(mechanism, "MONGODB-AWS") == 0;
}

/* The host rides on the service's name: see server/kerberos.c. */
static char *
properties_of(const struct side *side)
{
  if (side->session_token) {
    return memory_format("AWS_SESSION_TOKEN:%s", side->session_token);
  }
  if (side->service_host) {
    return memory_format("SERVICE_NAME:%s/%s", side->service_name ? side->service_name : "mongodb", side->service_host);
  }
  return side->service_name ? memory_format("SERVICE_NAME:%s", side->service_name) : NULL;
}

static bool
add_mechanism(const struct side *side, struct address *address, struct error *error)
{
  char mechanism[32];
  size_t size;
  char *properties = properties_of(side);
  mechanism_of(side, address, mechanism, sizeof mechanism);
  bool default_db = !side->auth_db && is_external(mechanism) && address->database && !*address->database &&
                    !find_parameter(address, "authSource", &size);
  bool ok = add(side, address, "authSource", default_db ? "$external" : side->auth_db, error) &&
            add(side, address, "authMechanism", side->mechanism ? mechanism : NULL, error) &&
            add(side, address, "authMechanismProperties", properties, error);
  memory_wipe(properties);
  return ok;
}

/* mongomirror's targets are there, and always use TLS. (A mongodb+srv URI has it by itself.) */
static bool
is_atlas(const char *hosts)
{
  for (const char *at = hosts; *at;) {
    size_t whole = strcspn(at, ",");
    size_t name = strcspn(at, ":,");
    if (name > strlen(ATLAS) && strncasecmp(at + name - strlen(ATLAS), ATLAS, strlen(ATLAS)) == 0) {
      return true;
    }
    at += whole + (at[whole] != 0);
  }
  return false;
}

static bool
add_tls(const struct side *side, struct address *address, struct error *error)
{
  size_t size;
  bool usual = is_atlas(address->hosts) && !side->plain && !find_parameter(address, "tls", &size);
  return add(side, address, "tls", side->tls || usual ? "true" : NULL, error) &&
         add(side, address, "tlsCAFile", side->ca_file, error) &&
         add(side, address, SERVER_URI_CRL, side->crl_file, error) &&
         add(side, address, "tlsCertificateKeyFile", side->key_file, error) &&
         add(side, address, "tlsCertificateKeyFilePassword", side->key_password, error) &&
         add(side, address, "tlsInsecure", side->insecure ? "true" : NULL, error);
}

/* Every seed is this machine, by an address of loopback or a socket in the file system. */
static bool
is_near(const char *hosts)
{
  static const char *const near[] = {"localhost", "[::1]"};
  for (const char *host = hosts; host;) {
    size_t number = strncmp(host, "127.", 4) == 0 ? strspn(host, "0123456789.") : 0;
    bool found = (number > 0 && strchr(":,", host[number])) || strncasecmp(host, "%2F", 3) == 0;
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
      size_t length = strlen(near[i]);
      found |= strncmp(host, near[i], length) == 0 && strchr(":,", host[length]);
    }
    if (!found) {
      return false;
    }
    const char *comma = strchr(host, ',');
    host = comma ? comma + 1 : NULL;
  }
  return true;
}

/* Their default is not a word against the URI's, and is for networks. */
static bool
add_compressors(const struct side *side, struct address *address, const char *compressors, struct error *error)
{
  size_t size;
  const char *there = find_parameter(address, "compressors", &size);
  const char *wanted = compressors ? compressors : "snappy,zstd,zlib";
  bool none = strcmp(wanted, "none") == 0 || (!compressors && is_near(address->hosts));
  if (there && compressors && (none || strlen(wanted) != size || strncmp(wanted, there, size) != 0)) {
    return error_set(error, ERROR_USAGE, "--%s says compressors, and --compressors otherwise: give one of them",
                     side->address_option);
  }
  if (!there && !none) {
    append(address, "compressors", wanted);
  }
  return true;
}

static char *
join(const struct address *address)
{
  const char *login = address->login;
  return memory_format("%s%s%s%s/%s%s%s", address->scheme, login ? login : "", login ? "@" : "", address->hosts,
                       address->database, *address->query ? "?" : "", address->query);
}

char *
uri_make(const struct options *options, enum uri_side which, struct error *error)
{
  struct side side = side_of(options, which);
  struct address address;
  char *uri = NULL;
  if (split(&side, &address, error) && add_login(&side, &address, error) && add_mechanism(&side, &address, error) &&
      add_tls(&side, &address, error) && add_compressors(&side, &address, options->compressors, error)) {
    uri = join(&address);
    const char *name = which == URI_SOURCE ? "source" : "target";
    if (!server_check_uri(uri, name, error) || !uri_options_check(uri, name, error)) {
      memory_wipe(uri);
      uri = NULL;
    }
  }
  address_clear(&address);
  return uri;
}

bool
uri_lacks_password(const struct options *options, enum uri_side which, char *user, size_t size)
{
  struct side side = side_of(options, which);
  struct address address;
  struct error ignored;
  char mechanism[32];
  bool lacks = false;
  if (!side.password && split(&side, &address, &ignored)) {
    mechanism_of(&side, &address, mechanism, sizeof mechanism);
    const char *named = side.username ? side.username : address.login;
    bool takes = strcmp(mechanism, "MONGODB-X509") != 0 && strcmp(mechanism, "GSSAPI") != 0;
    lacks = takes && named && (side.username || !strchr(address.login, ':'));
    if (lacks) {
      snprintf(user, size, "%s", named);
    }
    address_clear(&address);
  }
  return lacks;
}

static uint64_t
mix(uint64_t hash, const char *text)
{
  for (; *text; text++) {
    hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3); /* FNV-1a */
  }
  return hash;
}

char *
uri_name(char *uri, const char *bookmark)
{
  char host[256] = "";
  if (!uri || strcasestr(uri, "appname=")) {
    return uri;
  }
  char *path = memory_string(bookmark);
  char *folder = realpath(dirname(path), NULL);
  const char *slash = strrchr(bookmark, '/');
  gethostname(host, sizeof host - 1);
  uint64_t hash = mix(mix(mix(UINT64_C(0xcbf29ce484222325), host), folder ? folder : ""), slash ? slash + 1 : bookmark);
  char *named = memory_format("%s%cappname=mongoferry-%016" PRIx64, uri, strchr(uri, '?') ? '&' : '?', hash);
  free(folder);
  free(path);
  memory_wipe(uri);
  return named;
}
