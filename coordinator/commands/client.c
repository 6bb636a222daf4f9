#include "coordinator/commands/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "coordinator/control/socket.h"
#include "coordinator/cutover/record.h"
#include "coordinator/state/bookmark.h"
#include "ipc/message.h"

#define CONNECT_MS 1000L
#define ANSWER_MS 6000L /* longer than a busy loop is waited for */
#define ANSWER_MOST (64u << 20)

struct buffer {
  char *bytes;
  size_t size;
};

/* Nobody runs: what there was before. */
static bool
tell_last(const char *bookmark, struct error *error)
{
  struct checkpoint checkpoint;
  struct cutover_record record;
  struct error why;
  char last[400];
  int there = checkpoint_peek(&checkpoint, bookmark, &why);
  if (there == 0) {
    snprintf(last, sizeof last, "there is no such bookmark file");
  } else if (there < 0 || !cutover_record_get(&checkpoint, &record, &why) ||
             !bookmark_describe(&checkpoint, last, sizeof last, &why)) {
    snprintf(last, sizeof last, "%.390s", why.text);
  } else if (record.step == CUTOVER_RECORD_FINISHED) {
    snprintf(last, sizeof last, "a cut-over finished it; the report is in %.300s.report.txt", bookmark);
  }
  checkpoint_close(&checkpoint);
  return error_set(error, ERROR_NOT_RUNNING, "no migration is running with the bookmark file '%s': %s", bookmark, last);
}

bool
client_open(struct client *client, const char *bookmark, struct error *error)
{
  *client = (struct client){.bookmark = memory_string(bookmark), .socket = socket_find(bookmark)};
  if (!client->socket) {
    return tell_last(bookmark, error);
  }
  client->handle = curl_easy_init();
  return client->handle || error_set(error, ERROR_INTERNAL, "libcurl cannot begin");
}

void
client_close(struct client *client)
{
  curl_easy_cleanup(client->handle);
  free(client->socket);
  free(client->bookmark);
}

static size_t
take_bytes(char *bytes, size_t size, size_t count, void *context)
{
  struct buffer *buffer = context;
  if (buffer->size + size * count > ANSWER_MOST) {
    return 0;
  }
  buffer->bytes = memory_resize(buffer->bytes, buffer->size + size * count + 1);
  memcpy(buffer->bytes + buffer->size, bytes, size * count);
  buffer->size += size * count;
  buffer->bytes[buffer->size] = 0;
  return size * count;
}

static CURLcode
perform(struct client *client, const struct request_kind *kind, const char *body, struct buffer *buffer)
{
  CURL *curl = client->handle;
  char *url = memory_format("http://localhost%s", kind->path);
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, buffer);
  if (strcmp(kind->method, "POST") == 0) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "{}");
  }
  CURLcode done = curl_easy_perform(curl);
  free(url);
  return done;
}

static bool
tell_failure(struct client *client, CURLcode failure, struct error *error)
{
  long cause = 0;
  curl_easy_getinfo(client->handle, CURLINFO_OS_ERRNO, &cause);
  if (cause == EACCES || cause == EPERM) {
    return error_set(error, ERROR_NOT_RUNNING, "the control socket %s.sock belongs to another user; ask as that user",
                     client->bookmark);
  }
  if (failure == CURLE_OPERATION_TIMEDOUT) {
    return error_set(error, ERROR_NOT_RUNNING,
                     "the migration of '%s' does not answer: its coordinator is stopped, or the machine is overloaded",
                     client->bookmark);
  }
  return tell_last(client->bookmark, error);
}

bool
client_ask(struct client *client, enum request_name name, const char *body, struct reply *reply, struct error *error)
{
  struct buffer buffer = {0};
  *reply = (struct reply){0};
  CURLcode done = perform(client, request_kind(name), body, &buffer);
  if (done != CURLE_OK) {
    free(buffer.bytes);
    return tell_failure(client, done, error);
  }
  curl_easy_getinfo(client->handle, CURLINFO_RESPONSE_CODE, &reply->status);
  reply->text = buffer.bytes ? buffer.bytes : memory_string("");
  if (!bson_init_from_json(&reply->document, reply->text, -1, NULL)) {
    bson_init(&reply->document);
  }
  return true;
}

void
reply_clear(struct reply *reply)
{
  if (reply->text) {
    bson_destroy(&reply->document);
  }
  free(reply->text);
  *reply = (struct reply){0};
}

const char *
reply_text(const struct reply *reply, const char *field)
{
  const char *text = NULL;
  struct error absent;
  return message_text(&reply->document, field, &text, &absent) ? text : NULL;
}
