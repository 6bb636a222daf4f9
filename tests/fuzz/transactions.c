/* An oplog's transactions in several entries, in memory and in the file. */
#include "applier/oplog/transactions.h"
#include "tests/fuzz/input.h"

static bool
count_part(void *context, const bson_t *part, struct error *error)
{
  (void)error;
  *(size_t *)context += part->len;
  return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  struct transactions transactions = {.folder = input_folder(), .memory_most = 300};
  struct error error;
  size_t given = 0;
  bson_t document;
  uint8_t *bytes;
  while ((bytes = input_document(&input, &document))) {
    enum transaction_role role = transaction_role_of(&document);
    if (role == TRANSACTION_NONE) {
      transactions_forget_unprepared(&transactions);
    } else if (role != TRANSACTION_WHOLE) {
      transactions_take(&transactions, &document, count_part, &given, &error);
    }
    INPUT_ASSERT(transactions.in_memory <= transactions.memory_most);
    free(bytes);
  }
  transactions_clear(&transactions);
  INPUT_ASSERT(transactions.in_memory == 0);
  return 0;
}
