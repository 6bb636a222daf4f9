/*
 * A set may have a member whose name this machine cannot find. When libmongoc 1.23 hears of it, it locks its picture
 * of the set a second time, and so waits for itself forever. (_mongoc_topology_scanner_setup_err_cb from
 * mongoc_topology_reconcile, with a client that has no threads of its own.)
 *
 * So one thread may lock a mutex of libmongoc's twice. What the inner change said (that the member cannot be reached)
 * is forgotten, and found again at the next look. This function comes before the C library's own, and leaves everybody
 * else's mutexes as they are.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

typedef int (*mutex_init)(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);

static int
make_recursive(mutex_init real, pthread_mutex_t *mutex)
{
  pthread_mutexattr_t recursive;
  int failed = pthread_mutexattr_init(&recursive);
  if (failed == 0) {
    failed = pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    failed = failed ? failed : real(mutex, &recursive);
    pthread_mutexattr_destroy(&recursive);
  }
  return failed;
}

__attribute__((visibility("default"))) int
pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
  static mutex_init real;
  Dl_info caller;
  if (!real) {
    real = (mutex_init)dlsym(RTLD_NEXT, "pthread_mutex_init");
  }
  if (!real) {
    return ENOSYS;
  }
  bool driver = !attributes && dladdr(__builtin_return_address(0), &caller) && caller.dli_fname &&
                strstr(caller.dli_fname, "/libmongoc");
  return driver ? make_recursive(real, mutex) : real(mutex, attributes);
}
