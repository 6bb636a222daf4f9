/*
 * The floor of a copy (server/floor.h), for bench.py. One JSON line on stdout.
 *
 *   floor SOURCE_URI TARGET_URI DATABASE CONNECTIONS COLLECTION...
 */
#include <stdio.h>
#include <stdlib.h>

#include "server/floor.h"

int
main(int argc, char **argv)
{
  if (argc < 6) {
    fputs("usage: floor SOURCE_URI TARGET_URI DATABASE CONNECTIONS COLLECTION...\n", stderr);
    return 2;
  }
  struct error error;
  struct floor_result result;
  struct floor_plan plan = {.source_uri = argv[1],
                            .target_uri = argv[2],
                            .db = argv[3],
                            .collections = (const char *const *)argv + 5,
                            .collection_count = (size_t)argc - 5,
                            .connections = atoi(argv[4])};
  if (plan.connections < 1 || plan.connections > FLOOR_CONNECTIONS_MOST) {
    fprintf(stderr, "floor: 1 to %d connections\n", FLOOR_CONNECTIONS_MOST);
    return 2;
  }
  server_library_start();
  bool ok = floor_run(&plan, &result, &error);
  if (ok) {
    printf("{\"docs\": %lld, \"bytes\": %lld, \"read_s\": %.4f, \"insert_s\": %.4f, \"seconds\": %.4f}\n",
           (long long)result.documents, (long long)result.bytes, result.read_s, result.insert_s, result.seconds);
  } else {
    fprintf(stderr, "floor: %s\n", error.text);
  }
  server_library_end();
  return ok ? 0 : 1;
}
