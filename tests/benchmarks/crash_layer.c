/* Loaded before the C library (LD_PRELOAD): lists what a process does to files, ends the process at
   one of these points, or makes the call fail. crashes.py arms it.

   A point is "operation path number": the path below the root, with random names masked, and how
   often it has been met. So the same point is found again, whatever other threads do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { OFF, LIST, KILL, FAIL };
enum { MOST = 4096, RANDOM_DIGITS = 8, REAL_TIME_S = 1800000000 };

static int mode = OFF, failure, lasting, failing, log_handle = -1;
static char root[PATH_MAX], target[PATH_MAX];
static struct { char *name; int count; } met[MOST];
static int met_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void crash_arm(const char *root_, int mode_, int failure_, int lasting_, const char *target_, int log_) {
    strncpy(root, root_, sizeof root - 1);
    strncpy(target, target_, sizeof target - 1);
    failure = failure_, lasting = lasting_, log_handle = log_, failing = 0, met_count = 0;
    mode = mode_;
}

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

static void masked(const char *from, char *to, size_t size) {
    size_t at = 0;
    while (*from && at < size - 2) {
        size_t digits = 0;
        while (is_hex(from[digits])) digits++;
        if (digits >= RANDOM_DIGITS) to[at++] = '*', from += digits;
        else do to[at++] = *from++; while (digits-- > 1 && at < size - 2);
    }
    to[at] = 0;
}

static int counted(const char *name) {
    for (int i = 0; i < met_count; i++)
        if (!strcmp(met[i].name, name)) return ++met[i].count;
    if (met_count < MOST) met[met_count].name = strdup(name), met[met_count++].count = 1;
    return 1;
}

/* Whether the call must fail; errno is set then. */
static int hit(const char *operation, const char *path) {
    if (mode == OFF || strncmp(path, root, strlen(root))) return 0;
    char below[PATH_MAX], name[PATH_MAX + 32], point[PATH_MAX + 64];
    masked(path + strlen(root), below, sizeof below);
    snprintf(name, sizeof name, "%s %s", operation, below);
    pthread_mutex_lock(&lock);
    snprintf(point, sizeof point, "%s %d", name, counted(name));
    int here = mode != LIST && !strcmp(point, target);
    if (mode == LIST) dprintf(log_handle, "%s\n", point);
    if (here && mode == KILL) kill(getpid(), SIGKILL), pause();
    if (here && lasting) failing = 1;
    pthread_mutex_unlock(&lock);
    int adds = strcmp(operation, "unlink") && strcmp(operation, "rmdir") && strcmp(operation, "rename");
    if (!here && !(failing && adds)) return 0;
    errno = failure;
    return 1;
}

static int hit_at(const char *operation, int folder, const char *path) {
    char whole[2 * PATH_MAX], link[64], base[PATH_MAX];
    if (mode == OFF) return 0;
    if (path[0] == '/') return hit(operation, path);
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
    }
    snprintf(whole, sizeof whole, "%s/%s", base, path);
    return hit(operation, whole);
}

static int hit_handle(const char *operation, int handle) {
    if (mode == OFF || handle == log_handle) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return hit(operation, path);
}

static int writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC); }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        va_list rest; va_start(rest, flags); mode_t bits = va_arg(rest, mode_t); va_end(rest); \
        if (writes(flags) && hit_at("open", AT_FDCWD, path)) return -1; \
        return real(path, flags, bits); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(int, #name, int, const char *, int, ...); \
        va_list rest; va_start(rest, flags); mode_t bits = va_arg(rest, mode_t); va_end(rest); \
        if (writes(flags) && hit_at("open", folder, path)) return -1; \
        return real(folder, path, flags, bits); \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
    FILE *name(const char *path, const char *how) { \
        REAL(FILE *, #name, const char *, const char *); \
        if (strpbrk(how, "wa+") && hit_at("open", AT_FDCWD, path)) return NULL; \
        return real(path, how); \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define ON_HANDLE(result, name, operation, parameters, types, arguments) \
    result name parameters { \
        REAL(result, #name, types); \
        if (hit_handle(operation, handle)) return -1; \
        return real arguments; \
    }
#define TYPES(...) __VA_ARGS__
ON_HANDLE(ssize_t, write, "write", (int handle, const void *data, size_t size), TYPES(int, const void *, size_t), (handle, data, size))
ON_HANDLE(ssize_t, pwrite64, "write", (int handle, const void *data, size_t size, off64_t at), TYPES(int, const void *, size_t, off64_t), (handle, data, size, at))
ON_HANDLE(ssize_t, sendfile64, "write", (int handle, int from, off64_t *at, size_t size), TYPES(int, int, off64_t *, size_t), (handle, from, at, size))
ON_HANDLE(int, fsync, "fsync", (int handle), TYPES(int), (handle))
ON_HANDLE(int, ftruncate64, "truncate", (int handle, off64_t size), TYPES(int, off64_t), (handle, size))

#define ON_PATH(name, operation, parameters, types, arguments) \
    int name parameters { \
        REAL(int, #name, types); \
        if (hit_at(operation, AT_FDCWD, path)) return -1; \
        return real arguments; \
    }
ON_PATH(mkdir, "mkdir", (const char *path, mode_t bits), TYPES(const char *, mode_t), (path, bits))
ON_PATH(unlink, "unlink", (const char *path), TYPES(const char *), (path))
ON_PATH(rmdir, "rmdir", (const char *path), TYPES(const char *), (path))

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    if (hit_at("rename", AT_FDCWD, to)) return -1;
    return real(from, to);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    if (hit_at(flags & AT_REMOVEDIR ? "rmdir" : "unlink", folder, path)) return -1;
    return real(folder, path, flags);
}

/* The date is always the same, so that equal sessions are equal files. */
int clock_gettime(clockid_t id, struct timespec *now) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int result = real(id, now);
    if (mode != OFF && id == CLOCK_REALTIME) now->tv_sec = REAL_TIME_S, now->tv_nsec = 0;
    return result;
}
