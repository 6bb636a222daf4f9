/*
 * Documents that the target refused in a migration. What a comparison finds of them is no difference: they are missing,
 * or the target has kept an earlier version.
 */
#ifndef FERRY_COMPARE_EXCUSED_DOCUMENTS_H
#define FERRY_COMPARE_EXCUSED_DOCUMENTS_H

#include "compare/difference.h"

struct excused_documents;

/* `refused`: [{id: {_id}, kept, text}...], as in MESSAGE_REFUSED; it must outlive the answer. NULL is fine. */
struct excused_documents *excused_documents_new(const bson_t *refused);
void excused_documents_free(struct excused_documents *documents);

/*
 * Why the target refused the document {_id} that differs; NULL: that is no excuse. A document that the target has is
 * excused only if the target kept one, and a missing one only if it did not.
 */
const char *excused_documents_why(const struct excused_documents *documents, const bson_t *selector,
                                  enum difference_kind kind);

#endif
