/*
 * What the addon needs of the compiler, of Node-API, of libuv and of the kernel, declared here so that a C compiler alone
 * builds it: no Node headers, no kernel headers, no C library. All of it is stable ABI (nodejs.org/api/n-api.html,
 * libuv's uv.h, linux/include/uapi). Linux on x86-64 and arm64 only.
 */
#ifndef RSPREP_ABI_H
#define RSPREP_ABI_H

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define copy_bytes __builtin_memcpy
#define clear_bytes __builtin_memset

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "little-endian only: x86-64 and arm64"
#endif
static inline u32 swap32(u32 v) { return __builtin_bswap32(v); }
static inline u64 load64(const void *at) { u64 v; copy_bytes(&v, at, 8); return v; }
static inline u32 load32(const void *at) { u32 v; copy_bytes(&v, at, 4); return v; }
static inline int same16(const void *a, const void *b) {
  return load64(a) == load64(b) && load64((const u8 *)a + 8) == load64((const u8 *)b + 8);
}
static inline u16 swap16(u16 v) { return __builtin_bswap16(v); }

/* ---- kernel: socket structures (include/uapi/linux/in.h, in6.h, socket.h) ---- */
enum { FAMILY_INET = 2, FAMILY_INET6 = 10 };
enum { LEVEL_SOCKET = 1, LEVEL_IP = 0, LEVEL_IPV6 = 41 };
enum { CMSG_IP_PKTINFO = 8, CMSG_IPV6_PKTINFO = 50, CMSG_RXQ_OVFL = 40 };
enum { FLAG_TRUNC = 0x20, FLAG_CTRUNC = 0x08, FLAG_DONTWAIT = 0x40, FLAG_NOSIGNAL = 0x4000, FLAG_WAIT_FOR_ONE = 0x10000 };

struct sockaddr4 { u16 family, port; u8 address[4], zero[8]; };
struct sockaddr6 { u16 family, port; u32 flow; u8 address[16]; u32 scope; };
union socket_address { u16 family; struct sockaddr4 v4; struct sockaddr6 v6; u8 raw[28]; };

struct io_vector { void *base; size_t length; };
struct message_header {
  void *name; u32 name_length, pad0;
  struct io_vector *vectors; size_t vector_count;
  void *control; size_t control_length;
  u32 flags, pad1;
};
struct message { struct message_header header; u32 length, pad; };
struct control_header { u64 length; i32 level, type; };
struct packet_info4 { i32 interface; u8 spec_dst[4], address[4]; };
struct packet_info6 { u8 address[16]; i32 interface; };

enum { O_NONBLOCK = 04000 };
enum { ERR_INTR = 4, ERR_BADF = 9, ERR_AGAIN = 11, ERR_PERM = 1, ERR_INVAL = 22, ERR_ADDRNOTAVAIL = 99, ERR_NETUNREACH = 101 };

/* ---- Node-API ---- */
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_ref__ *napi_ref;
typedef struct napi_callback_info__ *napi_callback_info;
typedef struct napi_async_context__ *napi_async_context;
typedef struct napi_handle_scope__ *napi_handle_scope;
typedef struct napi_async_cleanup_hook_handle__ *napi_async_cleanup_hook_handle;
typedef int napi_status;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
typedef void (*napi_finalize)(napi_env, void *, void *);
typedef void (*napi_async_cleanup_hook)(napi_async_cleanup_hook_handle, void *);
#define NAPI_AUTO_LENGTH SIZE_MAX

struct uv_loop; struct uv_handle;
typedef struct uv_loop uv_loop_t;
typedef struct uv_handle uv_handle_t;

napi_status napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
napi_status napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
napi_status napi_set_named_property(napi_env, napi_value, const char *, napi_value);
napi_status napi_get_value_int32(napi_env, napi_value, i32 *);
napi_status napi_get_value_double(napi_env, napi_value, double *);
napi_status napi_create_int32(napi_env, i32, napi_value *);
napi_status napi_create_double(napi_env, double, napi_value *);
napi_status napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
napi_status napi_get_value_string_utf8(napi_env, napi_value, char *, size_t, size_t *);
napi_status napi_get_undefined(napi_env, napi_value *);
napi_status napi_get_typedarray_info(napi_env, napi_value, int *, size_t *, void **, napi_value *, size_t *);
napi_status napi_create_arraybuffer(napi_env, size_t, void **, napi_value *);
napi_status napi_get_arraybuffer_info(napi_env, napi_value, void **, size_t *);
napi_status napi_create_external(napi_env, void *, napi_finalize, void *, napi_value *);
napi_status napi_get_value_external(napi_env, napi_value, void **);
napi_status napi_create_reference(napi_env, napi_value, u32, napi_ref *);
napi_status napi_delete_reference(napi_env, napi_ref);
napi_status napi_get_reference_value(napi_env, napi_ref, napi_value *);
napi_status napi_open_handle_scope(napi_env, napi_handle_scope *);
napi_status napi_close_handle_scope(napi_env, napi_handle_scope);
napi_status napi_async_init(napi_env, napi_value, napi_value, napi_async_context *);
napi_status napi_async_destroy(napi_env, napi_async_context);
napi_status napi_make_callback(napi_env, napi_async_context, napi_value, napi_value, size_t, const napi_value *, napi_value *);
napi_status napi_is_exception_pending(napi_env, _Bool *);
napi_status napi_get_and_clear_last_exception(napi_env, napi_value *);
napi_status napi_fatal_exception(napi_env, napi_value);
napi_status napi_get_uv_event_loop(napi_env, uv_loop_t **);
napi_status napi_add_async_cleanup_hook(napi_env, napi_async_cleanup_hook, void *, napi_async_cleanup_hook_handle *);
napi_status napi_remove_async_cleanup_hook(napi_async_cleanup_hook_handle);

/* ---- libuv, exported by the node binary ---- */
enum { UV_HANDLE_POLL = 8, UV_POLL_READABLE = 1, UV_POLL_WRITABLE = 2, UV_POLL_DISCONNECT = 4 };
size_t uv_handle_size(int type);
void uv_handle_set_data(uv_handle_t *, void *);
void *uv_handle_get_data(const uv_handle_t *);
int uv_poll_init(uv_loop_t *, uv_handle_t *, int fd);
int uv_poll_start(uv_handle_t *, int events, void (*)(uv_handle_t *, int status, int events));
int uv_poll_stop(uv_handle_t *);
void uv_close(uv_handle_t *, void (*)(uv_handle_t *));
void uv_ref(uv_handle_t *);
void uv_unref(uv_handle_t *);
typedef unsigned long uv_thread_id;
int uv_thread_create(uv_thread_id *, void (*)(void *), void *);
int uv_thread_join(uv_thread_id *);
typedef struct { void *handle; char *message; } uv_lib_t;
int uv_dlsym(uv_lib_t *, const char *, void **);
void uv_dlclose(uv_lib_t *);

#endif
