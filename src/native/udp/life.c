/* The answer thread of a socket, and its end. */
#include "binding.h"
#include "kernel.h"

static void on_keeper(uv_handle_t *handle, int status, int events) {
  (void)handle, (void)status, (void)events;
}

/* The event loop watches a descriptor that nothing ever happens on, and leaves the socket to the thread. */
static int keep_alive(struct binding *binding, int fd) {
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(binding->env, &loop) != 0) return -ERR_INVAL;
  uv_handle_t *keeper = (uv_handle_t *)(void *)((u8 *)binding->poll + ((uv_handle_size(UV_HANDLE_POLL) + 15) & ~(size_t)15));
  int status = uv_poll_init(loop, keeper, fd);
  if (status < 0) return status;
  uv_handle_set_data(keeper, binding);
  binding->keeper = keeper;
  uv_poll_stop(binding->poll);
  if (binding->unreferenced) uv_unref(keeper);
  return uv_poll_start(keeper, UV_POLL_READABLE, on_keeper);
}

/* libuv has made it non-blocking. */
static long set_blocking(int fd) {
  long flags = KERNEL(fcntl, fd, 3, 0, 0, 0);                                      /* F_GETFL */
  return flags < 0 ? flags : KERNEL(fcntl, fd, 4, flags & ~(long)O_NONBLOCK, 0, 0); /* F_SETFL */
}

int binding_answer(struct binding *binding, struct answer_table *table, double until_ms) {
  struct answerer *answerer = &binding->answerer;
  if (table != NULL) answer_table_free(__atomic_exchange_n(&answerer->next, table, __ATOMIC_ACQ_REL));
  /* A moment, not a span: a process that is frozen on its way here gains nothing. NaN is long ago; at most some 30 years. */
  u64 until = until_ms > 0 ? (u64)((until_ms < 1e12 ? until_ms : 1e12) * 1e6) : 0;
  __atomic_store_n(&answerer->lease_until_ns, until, __ATOMIC_RELEASE);
  if (binding->answering) return 0;
  answerer->engine = &binding->engine;
  int status = 0;
  if (binding->keeper == NULL) { /* else an earlier call got as far as this */
    answerer->wake_fd = (int)KERNEL(eventfd2, 0, 02000000, 0, 0, 0);
    if (answerer->wake_fd < 0) return answerer->wake_fd;
    status = keep_alive(binding, answerer->wake_fd);
    if (binding->keeper == NULL) KERNEL(close, answerer->wake_fd, 0, 0, 0, 0);
  }
  /* A thread that waits in recvmmsg(2) itself needs neither ppoll(2) nor a second look at an empty queue. */
  answerer->waits = !binding->adopted;
  if (status == 0 && answerer->waits) status = (int)set_blocking(binding->engine.fd);
  if (status == 0) status = uv_thread_create(&binding->thread, answer_thread, answerer);
  if (status == 0) binding->answering = 1;
  return status;
}

static void stop_thread(struct binding *binding) {
  if (!binding->answering) return;
  u64 one = 1;
  __atomic_store_n(&binding->answerer.stop, 1, __ATOMIC_RELEASE);
  KERNEL(write, binding->answerer.wake_fd, &one, sizeof one, 0, 0);
  /* Wakes a thread that waits in recvmmsg(2), although an unconnected socket gives ENOTCONN (inet_shutdown, net/ipv4/af_inet.c). */
  if (binding->answerer.waits) KERNEL(shutdown, binding->engine.fd, 0, 0, 0, 0);
  uv_thread_join(&binding->thread);
  answer_table_free(binding->answerer.current);
  answer_table_free(__atomic_exchange_n(&binding->answerer.next, NULL, __ATOMIC_ACQ_REL));
  binding->answering = 0;
}

void binding_release(struct binding *binding) {
  if (--binding->references > 0) return;
  unmap_memory(binding->memory, binding->memory_size);
  unmap_memory(binding, binding->size);
}

static void on_closed(uv_handle_t *handle) {
  struct binding *binding = uv_handle_get_data(handle);
  napi_handle_scope scope;
  if (--binding->closing > 0) return;
  /* While the environment ends it frees its references itself, and no JavaScript may run. */
  if (!binding->tearing_down && napi_open_handle_scope(binding->env, &scope) == 0) {
    binding_call(binding, EVENT_CLOSED, 0, NULL);
    if (binding->chunk != NULL) napi_delete_reference(binding->env, binding->chunk);
    napi_async_destroy(binding->env, binding->context);
    napi_delete_reference(binding->env, binding->callback);
    napi_delete_reference(binding->env, binding->resource);
    napi_delete_reference(binding->env, binding->shared);
    napi_close_handle_scope(binding->env, scope);
  }
  napi_remove_async_cleanup_hook(binding->cleanup);
  binding_release(binding);
}

void binding_close(struct binding *binding) {
  if (!binding->open) return;
  binding->open = 0;
  stop_thread(binding);
  binding->closing = binding->keeper == NULL ? 1 : 2;
  if (binding->keeper != NULL) {
    uv_close(binding->keeper, on_closed);
    KERNEL(close, binding->answerer.wake_fd, 0, 0, 0, 0);
  }
  uv_close(binding->poll, on_closed);
  KERNEL(close, binding->engine.fd, 0, 0, 0, 0); /* at once: the port is free when close() returns */
  binding->engine.fd = -1;
}
