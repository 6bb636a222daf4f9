#include "source/legacy/login.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/memory.h"
#include "source/legacy/scram.h"

#define NONCE_BYTES 24
#define ROUNDS_MOST 8

struct login {
  struct link *link;
  const char *db;
  const char *user;
  const char *password;
  struct link_reply reply; /* holds what the server says; wiped */
};

static bool
said_no(const struct login *login, const char *text, struct error *error)
{
  bson_error_t cause;
  bson_set_error(&cause, MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE, "%s", text);
  return server_error(login->link->side, &cause, error);
}

/*
 * Sends a command of the login. If the server says no, the login is refused, whatever the code. A broken connection
 * stays one.
 */
static bool
ask(struct login *login, const bson_t *command, bson_t *answer, struct error *error)
{
  if (link_command(login->link, login->db, command, &login->reply, answer, error)) {
    return true;
  }
  if (error->code == 0 || server_error_passes(error)) {
    return false;
  }
  struct error why = *error;
  return said_no(login, why.text, error);
}

static bool
by_cr(struct login *login, struct error *error)
{
  char digest[SCRAM_DIGEST_SIZE];
  char key[SCRAM_DIGEST_SIZE];
  bson_t answer;
  bson_iter_t iter;
  bson_t *command = BCON_NEW("getnonce", BCON_INT32(1));
  bool ok = ask(login, command, &answer, error);
  bson_destroy(command);
  if (!ok) {
    return false;
  }
  if (!bson_iter_init_find(&iter, &answer, "nonce") || !BSON_ITER_HOLDS_UTF8(&iter)) {
    return said_no(login, "getnonce gave no nonce", error);
  }
  char *nonce = memory_string(bson_iter_utf8(&iter, NULL));
  ok =
    scram_digest(login->user, login->password, digest, error) && scram_cr_key(nonce, login->user, digest, key, error);
  if (ok) {
    command = BCON_NEW("authenticate", BCON_INT32(1), "user", BCON_UTF8(login->user), "nonce", BCON_UTF8(nonce), "key",
                       BCON_UTF8(key));
    ok = ask(login, command, &answer, error);
    bson_destroy(command);
  }
  OPENSSL_cleanse(digest, sizeof digest);
  OPENSSL_cleanse(key, sizeof key);
  free(nonce);
  return ok;
}

struct said {
  int64_t conversation;
  char *payload;
  bool done;
};

/* One step of a SASL conversation. */
static bool
say(struct login *login, const char *mechanism, const char *payload, size_t size, struct said *said,
    struct error *error)
{
  bson_t command = BSON_INITIALIZER;
  bson_t answer;
  bson_iter_t iter;
  if (mechanism) {
    BSON_APPEND_INT32(&command, "saslStart", 1);
    BSON_APPEND_UTF8(&command, "mechanism", mechanism);
    BSON_APPEND_INT32(&command, "autoAuthorize", 1);
  } else {
    BSON_APPEND_INT32(&command, "saslContinue", 1);
    BSON_APPEND_INT32(&command, "conversationId", (int32_t)said->conversation);
  }
  BSON_APPEND_BINARY(&command, "payload", BSON_SUBTYPE_BINARY, (const uint8_t *)payload, (uint32_t)size);
  bool ok = ask(login, &command, &answer, error);
  OPENSSL_cleanse((uint8_t *)bson_get_data(&command), command.len);
  bson_destroy(&command);
  memory_wipe(said->payload);
  *said = (struct said){0};
  if (!ok) {
    return false;
  }
  said->conversation = bson_iter_init_find(&iter, &answer, "conversationId") ? bson_iter_as_int64(&iter) : 0;
  said->done = bson_iter_init_find(&iter, &answer, "done") && bson_iter_as_bool(&iter);
  if (bson_iter_init_find(&iter, &answer, "payload") && BSON_ITER_HOLDS_BINARY(&iter)) {
    bson_subtype_t subtype;
    uint32_t length;
    const uint8_t *bytes;
    bson_iter_binary(&iter, &subtype, &length, &bytes);
    said->payload = strndup((const char *)bytes, length);
  }
  return said->payload || said_no(login, "the server's part of the conversation is missing", error);
}

static bool
converse(struct login *login, struct scram *scram, const char *digest, const char *first, struct error *error)
{
  struct said said = {0};
  bool ok =
    say(login, "SCRAM-SHA-1", first, strlen(first), &said, error) && scram_answer(scram, digest, said.payload, error) &&
    say(login, NULL, scram->final, strlen(scram->final), &said, error) && scram_check(scram, said.payload, error);
  for (int round = 0; ok && !said.done && round < ROUNDS_MOST; round++) { /* old servers want an empty one more */
    ok = say(login, NULL, "", 0, &said, error);
  }
  if (ok && !said.done) {
    ok = said_no(login, "the conversation does not end", error);
  }
  memory_wipe(said.payload);
  return ok;
}

static bool
by_scram(struct login *login, struct error *error)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  struct scram scram;
  char digest[SCRAM_DIGEST_SIZE];
  char nonce[NONCE_BYTES + 1] = "";
  uint8_t random[NONCE_BYTES];
  if (RAND_bytes(random, sizeof random) != 1) {
    return error_set(error, ERROR_INTERNAL, "no random bytes for a login");
  }
  for (size_t i = 0; i < NONCE_BYTES; i++) {
    nonce[i] = alphabet[random[i] % 64];
  }
  if (!scram_digest(login->user, login->password, digest, error)) {
    return false;
  }
  char *first = scram_begin(&scram, login->user, nonce);
  bool ok = converse(login, &scram, digest, first, error);
  OPENSSL_cleanse(digest, sizeof digest);
  scram_clear(&scram);
  free(first);
  return ok;
}

/* authorization identity (none), user, password, with NULs between them: RFC 4616 */
static bool
by_plain(struct login *login, struct error *error)
{
  struct said said = {0};
  size_t user = strlen(login->user);
  size_t password = strlen(login->password);
  char *payload = memory_new(user + password + 3);
  memcpy(payload + 1, login->user, user);
  memcpy(payload + user + 2, login->password, password);
  bool ok = say(login, "PLAIN", payload, user + password + 2, &said, error);
  OPENSSL_cleanse(payload, user + password + 3);
  free(payload);
  memory_wipe(said.payload);
  return ok;
}

/* The certificate of the TLS connection is the proof. Before 3.4 the user has to be named as well. */
static bool
by_x509(struct login *login, const mongoc_uri_t *uri, struct error *error)
{
  bson_t answer;
  const char *key_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE, NULL);
  bson_t command = BSON_INITIALIZER;
  char *subject = NULL;
  if (!login->user && key_file) {
    subject = stream_subject(key_file, error);
    if (!subject) {
      return false;
    }
  }
  BSON_APPEND_INT32(&command, "authenticate", 1);
  BSON_APPEND_UTF8(&command, "mechanism", "MONGODB-X509");
  if (login->user || subject) {
    BSON_APPEND_UTF8(&command, "user", login->user ? login->user : subject);
  }
  bool ok = ask(login, &command, &answer, error);
  bson_destroy(&command);
  free(subject);
  return ok;
}

static bool
by_mechanism(struct login *login, const mongoc_uri_t *uri, int wire_version, struct error *error)
{
  const char *mechanism = mongoc_uri_get_auth_mechanism(uri);
  if (mechanism && strcmp(mechanism, "MONGODB-X509") == 0) {
    return by_x509(login, uri, error);
  }
  if (!login->user || !login->password) {
    return said_no(login, "there is a user without a password", error);
  }
  bool cr = mechanism && strcmp(mechanism, "MONGODB-CR") == 0;
  if (!mechanism && wire_version < WIRE_3_0) {
    return error_set(error, ERROR_AUTH,
                     "the source says that it is older than 3.0 and knows MONGODB-CR only. This login is weak and does "
                     "not prove that the server is the right one. If the source is such a server, add "
                     "--authenticationMechanism MONGODB-CR, and --ssl where the network is not your own");
  }
  if (cr && wire_version < WIRE_3_0) {
    return by_cr(login, error);
  }
  if (!mechanism || cr || strcmp(mechanism, "SCRAM-SHA-1") == 0) { /* from 3.0 on users of MONGODB-CR are served it */
    return by_scram(login, error);
  }
  if (strcmp(mechanism, "PLAIN") == 0) {
    return by_plain(login, error);
  }
  return error_set(error, ERROR_REFUSED,
                   "the login to a source before 3.6 takes SCRAM-SHA-1, MONGODB-CR, MONGODB-X509 or PLAIN, not %s",
                   mechanism);
}

bool
login_run(struct link *link, const mongoc_uri_t *uri, int wire_version, struct error *error)
{
  const char *mechanism = mongoc_uri_get_auth_mechanism(uri);
  struct login login = {.link = link, .user = mongoc_uri_get_username(uri), .password = mongoc_uri_get_password(uri)};
  if (!login.user && !(mechanism && strcmp(mechanism, "MONGODB-X509") == 0)) {
    return true;
  }
  login.db = mongoc_uri_get_auth_source(uri);
  bool ok = by_mechanism(&login, uri, wire_version, error);
  if (login.reply.bytes) {
    OPENSSL_cleanse(login.reply.bytes, login.reply.capacity);
  }
  if (link->out.bytes) {
    OPENSSL_cleanse(link->out.bytes, link->out.size);
  }
  link_reply_clear(&login.reply);
  return ok;
}
