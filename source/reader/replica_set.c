#include "source/reader/replica_set.h"

bool
replica_set_ask_id(struct reader *reader, bson_oid_t *id)
{
  bson_t reply;
  bson_iter_t iter;
  bson_iter_t found;
  struct error ignored;
  bson_t *command = BCON_NEW("replSetGetConfig", BCON_INT32(1));
  bool has = reader_command(reader, "admin", command, &reply, &ignored) && bson_iter_init(&iter, &reply) &&
             bson_iter_find_descendant(&iter, "config.settings.replicaSetId", &found) && BSON_ITER_HOLDS_OID(&found);
  if (has) {
    bson_oid_copy(bson_iter_oid(&found), id);
  }
  bson_destroy(command);
  bson_destroy(&reply);
  return has;
}
