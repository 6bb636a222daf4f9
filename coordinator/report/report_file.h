/*
 * A report as a file: the document as one line of JSON, and, if it is signed, the signature beside it.
 */
#ifndef FERRY_COORDINATOR_REPORT_REPORT_FILE_H
#define FERRY_COORDINATOR_REPORT_REPORT_FILE_H

#include <bson/bson.h>
#include <stdio.h>

#include "coordinator/report/signature.h"

/* Opens the file anew, for this user only; report_file_close writes it to the disk. ERROR_STATE names the file. */
FILE *report_file_open(const char *path, struct error *error);
bool report_file_close(FILE *file, const char *path, struct error *error);

/*
 * Writes `path`. With a signer, the document's last field is `signedBy`: {algorithm, publicKey}, and `path`.sig is the
 * signature of all bytes of the file.
 */
bool report_file_write(const bson_t *document, const char *path, const struct signer *signer, struct error *error);

/* "FILE.sig"; the caller's to free. */
char *report_file_signature(const char *path);

#endif
