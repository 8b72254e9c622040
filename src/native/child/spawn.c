/*
 * Found at run time through libuv: a symbol of the C library that the addon named itself would, without a version, be bound to the
 * oldest posix_spawn of glibc on x86-64, which hands a file that is no program to /bin/sh, and with one would not load on musl.
 */
#include "spawn.h"

/* glibc's spawn.h and musl's agree in all of this; of their structures the largest has 336 bytes. */
enum { SET_SIGNALS_DEFAULT = 4, SET_SIGNAL_MASK = 8, SIGNAL_SET_BYTES = 128, ROOM_WORDS = 128, ERR_NOSYS = 38 };
typedef u64 opaque[ROOM_WORDS];
typedef u8 signal_set[SIGNAL_SET_BYTES];

struct library {
  int (*spawn)(i32 *, const char *, const void *, const void *, const char *const *, const char *const *);
  int (*actions_init)(void *), (*actions_dup2)(void *, int, int), (*actions_destroy)(void *);
  int (*attributes_init)(void *), (*set_flags)(void *, short), (*attributes_destroy)(void *);
  int (*set_default)(void *, const void *), (*set_mask)(void *, const void *);
};

static int find(const char *name, void *into) { /* uv.h: 0 is RTLD_DEFAULT, all that the process has loaded */
  uv_lib_t all = {NULL, NULL};
  int status = uv_dlsym(&all, name, into);
  uv_dlclose(&all); /* frees the message of an error */
  return status;
}

static int find_all(struct library *c) {
  return find("posix_spawn", &c->spawn) | find("posix_spawn_file_actions_init", &c->actions_init) |
         find("posix_spawn_file_actions_adddup2", &c->actions_dup2) |
         find("posix_spawn_file_actions_destroy", &c->actions_destroy) | find("posix_spawnattr_init", &c->attributes_init) |
         find("posix_spawnattr_setflags", &c->set_flags) | find("posix_spawnattr_setsigdefault", &c->set_default) |
         find("posix_spawnattr_setsigmask", &c->set_mask) | find("posix_spawnattr_destroy", &c->attributes_destroy);
}

long spawn(const char *program, const char *const *arguments, const char *const *environment, const i32 *fds) {
  struct library c;
  opaque actions, attributes;
  signal_set all, none;
  i32 pid = 0;
  if (find_all(&c) != 0) return -ERR_NOSYS;
  clear_bytes(all, 0xff, sizeof all);
  clear_bytes(none, 0, sizeof none);
  int error = c.actions_init(actions);
  if (error != 0) return -error;
  error = c.attributes_init(attributes);
  for (i32 i = 0; error == 0 && i < 3; i++) error = c.actions_dup2(actions, fds[i], i);
  /* Node's handlers go before the mask does: one Ctrl-C must not be counted by the parent and once more by the child, on its memory. */
  if (error == 0) error = c.set_flags(attributes, SET_SIGNALS_DEFAULT | SET_SIGNAL_MASK);
  if (error == 0) error = c.set_default(attributes, all);
  if (error == 0) error = c.set_mask(attributes, none);
  if (error == 0) error = c.spawn(&pid, program, actions, attributes, arguments, environment);
  c.attributes_destroy(attributes);
  c.actions_destroy(actions);
  return error != 0 ? -error : pid;
}
