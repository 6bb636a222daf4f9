/* Which source and which target a bookmark file is of. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "coordinator/state/copy_state.h"

static char path[] = "/tmp/ferry-kept-XXXXXX";
static struct checkpoint checkpoint;
static struct server_hello hello = {.set_name = "rs0"};
static struct options options;
static bson_oid_t one;
static bson_oid_t other;
static struct error error;

static struct migration_identity
identity_of(const bson_t *shape, const bson_oid_t *source_id, const struct mark *mark)
{
  return (struct migration_identity){&hello, &hello, shape, source_id, mark};
}

static void
begin(const bson_oid_t *source_id, const struct mark *mark)
{
  bson_t shape = BSON_INITIALIZER;
  bson_t *start = BCON_NEW("ts", BCON_TIMESTAMP(1, 1));
  struct catalog nothing = {0};
  struct migration_identity identity = identity_of(&shape, source_id, mark);
  bson_oid_init_from_string(&one, "000000000000000000000001");
  bson_oid_init_from_string(&other, "000000000000000000000002");
  close(mkstemp(path));
  cr_assert(checkpoint_open(&checkpoint, path, &error));
  cr_assert(copy_state_begin(&checkpoint, start, &identity, &nothing, &error));
  bson_destroy(start);
}

static enum resume_step
look(const bson_oid_t *source_id)
{
  bson_t shape = BSON_INITIALIZER;
  struct migration_identity identity = identity_of(&shape, source_id, NULL);
  return copy_state_look(&checkpoint, &options, &identity, &error);
}

static void
end(void)
{
  checkpoint_close(&checkpoint);
  unlink(path);
}

Test(kept, source_that_is_another_set_of_that_name, .fini = end)
{
  struct mark mark = {0};
  begin(&one, &mark);
  cr_assert_eq(look(&one), RESUME_CATALOG);
  cr_assert_eq(look(NULL), RESUME_CATALOG); /* the user may not read it any more */
  cr_assert_eq(look(&other), RESUME_FAILED);
  cr_assert_eq(error.kind, ERROR_STATE);
}

Test(kept, source_whose_id_was_not_told, .fini = end)
{
  struct mark mark = {0};
  begin(NULL, &mark);
  cr_assert_eq(look(&one), RESUME_CATALOG);
}

Test(kept, mark_of_the_target, .fini = end)
{
  struct mark back = {0};
  struct mark mark = {.kept = true, .sequence = 7};
  bson_oid_init_from_string(&mark.id, "000000000000000000000003");
  begin(NULL, &mark);
  mark.sequence = INT64_C(1) << 40;
  cr_assert(copy_state_put_mark(&checkpoint, &mark, &error) && copy_state_get_mark(&checkpoint, &back, &error));
  cr_assert(back.kept && bson_oid_equal(&back.id, &mark.id));
  cr_assert_eq(back.sequence, mark.sequence);
}

Test(kept, target_that_takes_no_mark, .fini = end)
{
  struct mark back = {.kept = true};
  struct mark mark = {0};
  begin(NULL, &mark);
  cr_assert(copy_state_get_mark(&checkpoint, &back, &error) && !back.kept);
}
