#include "coordinator/options/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "coordinator/options/uri.h"

#define SECRET_BYTES_MOST 65536
#define KEY_BYTES_MOST 65536

struct secret {
  char **text;
  int64_t descriptor;
  const char *name;
};

/* Reads one byte. With `let_in`, a blocked signal comes in only while there is nothing to read, so none is missed. */
static ssize_t
read_byte(int fd, char *byte, const sigset_t *let_in)
{
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  if (let_in && ppoll(&wanted, 1, NULL, let_in) < 0) {
    return -1;
  }
  return read(fd, byte, 1);
}

/*
 * Reads a line without its end, byte by byte, so that the next line is left for the next reader. NULL: nothing came
 * before the end (errno 0), the line is too long (E2BIG), or a signal came (EINTR).
 */
static char *
read_line(int fd, const sigset_t *let_in)
{
  char *line = memory_new(SECRET_BYTES_MOST + 1);
  size_t size = 0;
  ssize_t got = 1;
  while ((got = read_byte(fd, line + size, let_in)) == 1 && line[size] != '\n' && size < SECRET_BYTES_MOST) {
    size++;
  }
  int cause = got < 0 ? errno : size == SECRET_BYTES_MOST ? E2BIG : got == 0 && size == 0 ? 0 : -1;
  if (cause < 0 && size > 0 && strlen(line) < size - (line[size] == '\n')) {
    cause = EILSEQ; /* a NUL */
  }
  line[size] = 0;
  char *copy = cause < 0 ? memory_string(line) : NULL;
  explicit_bzero(line, SECRET_BYTES_MOST);
  free(line);
  errno = cause < 0 ? 0 : cause;
  return copy;
}

static bool
read_descriptors(struct secret *secrets, size_t count, struct error *error)
{
  bool ok = true;
  for (size_t i = 0; ok && i < count; i++) {
    if (secrets[i].descriptor >= 0) {
      *secrets[i].text = read_line((int)secrets[i].descriptor, NULL);
      ok = *secrets[i].text ||
           error_set(error, ERROR_USAGE, "--%sFd: no line can be read from descriptor %lld: %s", secrets[i].name,
                     (long long)secrets[i].descriptor, errno ? strerror(errno) : "it is at its end");
    }
  }
  for (size_t i = 0; i < count; i++) {
    if (secrets[i].descriptor > STDERR_FILENO) {
      close((int)secrets[i].descriptor); /* children need not have it */
    }
  }
  return ok;
}

static volatile sig_atomic_t caught;

static void catch (int number)
{
  caught = number;
}

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define ENDINGS (sizeof ending / sizeof *ending)

/* A line without echo; a signal that ends the process is put off until the echo is back. */
static char *
read_unseen(int tty)
{
  struct termios before;
  struct termios silent;
  struct sigaction action = {.sa_handler = catch};
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  struct sigaction old[ENDINGS];
  struct sigaction old_stop;
  char *line = NULL;
  sigset_t held;
  sigset_t before_held;
  caught = 0;
  sigemptyset(&held);
  for (size_t i = 0; i < ENDINGS; i++) {
    sigaddset(&held, ending[i]);
    sigaction(ending[i], &action, &old[i]);
  }
  sigprocmask(SIG_BLOCK, &held, &before_held);
  sigaction(SIGTSTP, &ignore, &old_stop); /* a shell would get the terminal without its echo */
  if (tcgetattr(tty, &before) == 0) {
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    silent.c_lflag |= ECHONL;
    if (tcsetattr(tty, TCSAFLUSH, &silent) == 0) {
      line = read_line(tty, &before_held);
    }
    int cause = errno;
    while (tcsetattr(tty, TCSAFLUSH, &before) != 0 && errno == EINTR) {
    }
    errno = cause;
  }
  sigaction(SIGTSTP, &old_stop, NULL);
  sigprocmask(SIG_SETMASK, &before_held, NULL);
  for (size_t i = 0; i < ENDINGS; i++) {
    sigaction(ending[i], &old[i], NULL);
  }
  if (caught) {
    memory_wipe(line);
    line = NULL;
    descriptor_write(tty, "\n", 1);
    raise(caught);
  }
  return line;
}

static bool
ask(char **text, const char *name, const char *whose, struct error *error)
{
  int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (tty < 0) {
    return error_set(
      error, ERROR_USAGE,
      "there is no password of %s, and no terminal to ask at: give --%s, --%sFd N, %s in a --config file, or a "
      "MONGOFERRY_..._FILE variable",
      whose, name, name, name);
  }
  char *prompt = memory_format("Password of %s: ", whose);
  descriptor_write(tty, prompt, strlen(prompt));
  free(prompt);
  *text = read_unseen(tty);
  close(tty);
  return *text || error_set(error, ERROR_USAGE, "no password of %s was typed", whose);
}

static bool
ask_user(const struct options *options, enum uri_side side, char **text, const char *name, struct error *error)
{
  char user[200];
  if (!uri_lacks_password(options, side, user, sizeof user)) {
    return true;
  }
  char *whose = memory_format("%s on the %s", user, side == URI_SOURCE ? "source" : "target");
  bool ok = ask(text, name, whose, error);
  free(whose);
  return ok;
}

/* PKCS #8 says so in its first line, older keys in a header. */
static bool
is_encrypted(const char *key_file)
{
  char *bytes = memory_new(KEY_BYTES_MOST + 1);
  int fd = open(key_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t got = fd >= 0 ? read(fd, bytes, KEY_BYTES_MOST) : 0;
  bool encrypted = got > 0 && strstr(bytes, "ENCRYPTED");
  if (fd >= 0) {
    close(fd);
  }
  explicit_bzero(bytes, KEY_BYTES_MOST);
  free(bytes);
  return encrypted;
}

static bool
ask_key(const char *key_file, char **text, const char *name, struct error *error)
{
  return *text || !key_file || !is_encrypted(key_file) || ask(text, name, key_file, error);
}

static bool
read_all_descriptors(struct options *options, struct error *error)
{
  struct secret secrets[] = {
#define GROUP(title)
#define TEXT(f, n, v, h)
#define SECRET(f, n, v, h) {&options->f, options->f##_fd, n},
#define LIST(f, n, v, h)
#define FLAG(f, n, h)
#define NUMBER(f, n, i, l, m, v, h)
#define IGNORED(n, v, h)
#include "coordinator/options/options.def"
  };
  return read_descriptors(secrets, sizeof secrets / sizeof *secrets, error);
}

bool
secrets_read_sign_key(struct options *options, struct error *error)
{
  return !options->sign_key || (read_all_descriptors(options, error) &&
                                ask_key(options->sign_key, &options->sign_key_password, "signKeyPassword", error));
}

bool
secrets_read(struct options *options, struct error *error)
{
  return read_all_descriptors(options, error) && ask_user(options, URI_SOURCE, &options->password, "password", error) &&
         ask_key(options->ssl_key_file, &options->ssl_key_password, "sslPEMKeyPassword", error) &&
         ask_user(options, URI_TARGET, &options->destination_password, "destinationPassword", error) &&
         ask_key(options->destination_ssl_key_file, &options->destination_ssl_key_password,
                 "destinationSslPEMKeyPassword", error) &&
         ask_key(options->sign_key, &options->sign_key_password, "signKeyPassword", error);
}
