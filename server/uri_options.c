#include "server/uri_options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* mongoc-uri.h's, our own tlsCRLFile, and those of the specification that change nothing for a migration. */
static const char *const names[] = {"appName",
                                    "authMechanism",
                                    "authMechanismProperties",
                                    "authSource",
                                    "canonicalizeHostname",
                                    "compressors",
                                    "connectTimeoutMS",
                                    "directConnection",
                                    "gssapiServiceName",
                                    "heartbeatFrequencyMS",
                                    "journal",
                                    "loadBalanced",
                                    "localThresholdMS",
                                    "maxConnecting",
                                    "maxIdleTimeMS",
                                    "maxPoolSize",
                                    "maxStalenessSeconds",
                                    "minPoolSize",
                                    "readConcernLevel",
                                    "readPreference",
                                    "readPreferenceTags",
                                    "replicaSet",
                                    "retryReads",
                                    "retryWrites",
                                    "safe",
                                    "serverMonitoringMode",
                                    "serverSelectionTimeoutMS",
                                    "serverSelectionTryOnce",
                                    "slaveOk",
                                    "socketCheckIntervalMS",
                                    "socketTimeoutMS",
                                    "srvMaxHosts",
                                    "srvServiceName",
                                    "ssl",
                                    "sslAllowInvalidCertificates",
                                    "sslAllowInvalidHostnames",
                                    "sslCertificateAuthorityFile",
                                    "sslClientCertificateKeyFile",
                                    "sslClientCertificateKeyPassword",
                                    "tls",
                                    "tlsAllowInvalidCertificates",
                                    "tlsAllowInvalidHostnames",
                                    "tlsCAFile",
                                    "tlsCRLFile",
                                    "tlsCertificateKeyFile",
                                    "tlsCertificateKeyFilePassword",
                                    "tlsDisableCertificateRevocationCheck",
                                    "tlsDisableOCSPEndpointCheck",
                                    "tlsInsecure",
                                    "uuidRepresentation",
                                    "w",
                                    "waitQueueMultiple",
                                    "waitQueueTimeoutMS",
                                    "wTimeoutMS",
                                    "zlibCompressionLevel"};
#define NAME_COUNT (sizeof names / sizeof *names)

static bool
is_known(const char *name, size_t length)
{
  for (size_t i = 0; i < NAME_COUNT; i++) {
    if (strlen(names[i]) == length && strncasecmp(names[i], name, length) == 0) {
      return true;
    }
  }
  return false;
}

static bool
refuse(const char *side, int number, const char *name, size_t length, struct error *error)
{
  char mend[96] = "";
  const char *near = text_nearest(name, length, names, NAME_COUNT);
  if (near) {
    snprintf(mend, sizeof mend, ": did you mean %s?", near);
  }
  return error_set(error, ERROR_USAGE, "option %d of the %s's connection string is not known%s", number, side, mend);
}

bool
uri_options_check(const char *uri, const char *side, struct error *error)
{
  const char *at = strchr(uri, '?');
  for (int number = 1; at && *at; number++) {
    at++;
    size_t length = strcspn(at, "=&;");
    if (length > 0 && !is_known(at, length)) {
      return refuse(side, number, at, length, error);
    }
    at += strcspn(at, "&;");
  }
  return true;
}
