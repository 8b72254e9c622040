/* One socket as JavaScript holds it: the engine, its place on the event loop, and the answer thread. */
#ifndef RSPREP_BINDING_H
#define RSPREP_BINDING_H

#include "answer.h"

/* Records shared with src/udp/records.ts, in 32-bit words. */
enum { IN_WORDS = 20, OUT_WORDS = 16 };
enum { EVENT_MESSAGES = 0, EVENT_WRITABLE = 1, EVENT_ERROR = 2, EVENT_CLOSED = 3 };

struct binding {
  struct engine engine;
  struct answerer answerer;
  u8 *memory;
  size_t memory_size, size;
  u32 references; /* JavaScript's external, and the open socket */
  u32 open, polling, answering, tearing_down;
  u32 adopted; /* others may hold the socket too: nothing of it may be changed for them */
  uv_thread_id thread;
  uv_handle_t *poll;
  uv_handle_t *keeper; /* while answering: keeps the event loop alive in place of `poll` */
  u32 prepared; /* slots [0, prepared) wait in engine.out for room in the socket's buffer */
  u32 closing; /* handles that libuv has not let go of yet */
  u32 detached, unreferenced;
  napi_env env;
  napi_ref callback, resource, shared;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup;
  /* Memory of JavaScript, alive while `shared` is. */
  u32 *in_records, *out_records;
  u8 *outbox;
  size_t outbox_size;
  /* Where messages go: an ArrayBuffer that is used up and then left to who kept one of its messages. */
  napi_ref chunk;
  u8 *chunk_data;
  u32 chunk_size, chunk_used;
};

/* events.c */
void binding_call(struct binding *binding, int event, i32 number, napi_value memory);
int binding_poll(struct binding *binding, int events);
/* Sends what [first, end) of out_records describe: the slot to go on with, or a negative errno. `end` is at most the batch. */
i32 binding_flush(struct binding *binding, u32 first, u32 end);
/* life.c */
/* `until_ms`: of CLOCK_BOOTTIME. */
int binding_answer(struct binding *binding, struct answer_table *table, double until_ms);
void binding_close(struct binding *binding);
void binding_release(struct binding *binding);
/* open.c, for JavaScript */
napi_value open_socket(napi_env env, napi_callback_info info);
/* setup.c */
/* Attaches `count` instructions of struct sock_filter, or takes the filter away where there are none: 0, or a negative errno. */
int socket_filter(int fd, const u8 *program, size_t count);
int socket_setup(struct engine *engine, int fd, const double *config);
i32 pidfd_getsockopt(i32 pid, i32 fd, i32 level, i32 option);

#endif
