/* --gssapiHostName: what libsasl2 is asked for when a service is named with its host. */
#include "server/driver.h"
#include <criterion/criterion.h>
#include <dlfcn.h>

int sasl_client_new(const char *service, const char *host, const char *local, const char *remote, const void *callbacks,
                    unsigned flags, void **connection);

/* S:include/sasl.h of cyrus-sasl 2.1: SASL_SERVICE, SASL_SERVERFQDN */
#define SASL_SERVICE 12
#define SASL_SERVERFQDN 13

static void
expect(const char *service, const char *host, const char *wanted_service, const char *wanted_host)
{
  int (*get)(void *, int, const void **) = (int (*)(void *, int, const void **))dlsym(RTLD_DEFAULT, "sasl_getprop");
  void *connection = NULL;
  const void *value = NULL;
  mongoc_init(); /* starts libsasl2 */
  cr_assert_not_null(get);
  cr_assert_eq(sasl_client_new(service, host, NULL, NULL, NULL, 0, &connection), 0);
  cr_assert_eq(get(connection, SASL_SERVICE, &value), 0);
  cr_assert_str_eq(value, wanted_service);
  cr_assert_eq(get(connection, SASL_SERVERFQDN, &value), 0);
  cr_assert_str_eq(value, wanted_host);
  void (*dispose)(void **) = (void (*)(void **))dlsym(RTLD_DEFAULT, "sasl_dispose");
  cr_assert_not_null(dispose);
  dispose(&connection);
  mongoc_cleanup();
}

Test(kerberos, the_named_host_is_asked_for)
{
  expect("mongodb/KDC.example", "127.0.0.1", "mongodb", "kdc.example");
}

Test(kerberos, else_the_one_connected_to)
{
  expect("mongodb", "127.0.0.1", "mongodb", "127.0.0.1");
}

Test(kerberos, the_driver_goes_through_ours)
{
  Dl_info info;
  void *ours = dlsym(RTLD_DEFAULT, "sasl_client_new");
  cr_assert(dladdr(ours, &info));
  cr_assert_null(strstr(info.dli_fname, "libsasl2"), "%s", info.dli_fname);
}
