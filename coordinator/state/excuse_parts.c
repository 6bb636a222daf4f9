#include "coordinator/state/excuse_parts.h"

#include "coordinator/state/refusals.h"

bool
excuse_parts_send(struct checkpoint *checkpoint, collection_state_sender send, void *context, struct error *error)
{
  bson_t refused;
  bson_t part = BSON_INITIALIZER;
  bool ok = refusals_list(checkpoint, &refused, error) && collection_state_send(checkpoint, send, context, error);
  if (ok) {
    BSON_APPEND_ARRAY(&part, "refused", &refused);
    send(context, &part);
  }
  bson_destroy(&part);
  bson_destroy(&refused);
  return ok;
}
