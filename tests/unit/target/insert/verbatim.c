#include "target/insert/verbatim.h"

#include <criterion/criterion.h>

Test(exact, what_servers_change_is_odd)
{
  bson_t *plain = BCON_NEW("_id", BCON_INT32(1), "t", BCON_TIMESTAMP(1, 0), "s", "{", "t", BCON_TIMESTAMP(0, 0), "}");
  bson_t *empty = BCON_NEW("_id", BCON_INT32(1), "a", BCON_INT32(2), "t", BCON_TIMESTAMP(0, 0));
  bson_t *as_id = BCON_NEW("_id", BCON_TIMESTAMP(0, 0), "a", BCON_INT32(2));
  bson_t *second = BCON_NEW("a", BCON_INT32(2), "_id", BCON_INT32(1));
  cr_assert(!verbatim_is_odd(plain));
  cr_assert(verbatim_is_odd(empty));
  cr_assert(!verbatim_is_odd(as_id));
  cr_assert(verbatim_is_odd(second));
  bson_destroy(plain);
  bson_destroy(empty);
  bson_destroy(as_id);
  bson_destroy(second);
}
