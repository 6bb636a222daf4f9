/*
 * Which program this is.
 */
#ifndef FERRY_BASE_VERSION_H
#define FERRY_BASE_VERSION_H

extern const char version_number[];   /* as "0.1.0" */
extern const char version_revision[]; /* of the source tree, as git describes it */

#endif
