/*
 * What a member of an old source says of its set: the hosts to try next, and how far each member is. The first byte is
 * odd: the connection string names one host only.
 */
#include "source/legacy/members.c" /* what it learns of the others */
#include "base/nesting.h"
#include "source/reader/majority.h"
#include "tests/fuzz/input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  struct server side = {.kind = ERROR_SOURCE, .side = "source"};
  struct members members;
  struct error error;
  bson_t document;
  bool one = input_byte(&input) & 1;
  INPUT_ASSERT(members_init(&members, &side, one ? "mongodb://a:1/" : "mongodb://a:1,b:2/?replicaSet=r", &error));
  for (uint8_t *bytes; (bytes = input_document(&input, &document));) {
    struct server_hello hello;
    if (nesting_fits(bytes, document.len)) { /* link_command has looked at it */
      server_read_hello(&document, &hello);
      learn(&members, &document);
      majority_of_status(&document);
      INPUT_ASSERT(members.first < members.count && members.count <= MEMBERS_MOST);
    }
    free(bytes);
  }
  for (size_t i = 0; i < members.count; i++) {
    char host[BSON_HOST_NAME_MAX + 1];
    int port;
    INPUT_ASSERT(!split_name(members.names[i], host, &port) || (strlen(host) > 0 && port > 0 && port < 65536));
  }
  members_clear(&members);
  return 0;
}
