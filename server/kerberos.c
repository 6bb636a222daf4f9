/*
 * --gssapiHostName. A Kerberos login asks for a ticket of service@host, and the driver always takes the host that it
 * connects to. So a service named `service/host` (by authMechanismProperties) is split here, on its way from libmongoc
 * to libsasl2. This function comes before that library's own. No service's name has a slash.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define SASL_FAIL (-1)

typedef int (*client_new)(const char *service, const char *host, const char *local, const char *remote,
                          const void *callbacks, unsigned flags, void **connection);

/* S:include/sasl.h of cyrus-sasl 2.1 */
int sasl_client_new(const char *service, const char *host, const char *local, const char *remote, const void *callbacks,
                    unsigned flags, void **connection);

__attribute__((visibility("default"))) int
sasl_client_new(const char *service, const char *host, const char *local, const char *remote, const void *callbacks,
                unsigned flags, void **connection)
{
  client_new real = (client_new)dlsym(RTLD_NEXT, "sasl_client_new");
  const char *slash = service ? strchr(service, '/') : NULL;
  if (!real) {
    return SASL_FAIL;
  }
  if (!slash) {
    return real(service, host, local, remote, callbacks, flags, connection);
  }
  char *name = memory_format("%.*s", (int)(slash - service), service);
  int result = real(name, slash + 1, local, remote, callbacks, flags, connection);
  free(name);
  return result;
}
