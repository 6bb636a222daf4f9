/*
 * Documents that the target refused in a migration. What a comparison finds of them is no difference: they are missing,
 * or the target has kept an earlier version.
 */
#ifndef FERRY_COMPARE_EXCUSED_DOCUMENTS_H
#define FERRY_COMPARE_EXCUSED_DOCUMENTS_H

#include <bson/bson.h>
#include <stdbool.h>

struct excused_documents;

/* `refused`: [{id: {_id}, kept, text}...], as in MESSAGE_REFUSED; it must outlive the answer. NULL is fine. */
struct excused_documents *excused_documents_new(const bson_t *refused);
void excused_documents_free(struct excused_documents *documents);

/*
 * Why the target refused the document {_id}; NULL: it did not. `there`: the target has one of that _id. That is excused
 * only if the target kept one, and a missing one only if it did not.
 */
const char *excused_documents_why(const struct excused_documents *documents, const bson_t *selector, bool there);

#endif
