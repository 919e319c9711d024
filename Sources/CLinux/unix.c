#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int32_t unix_address(struct sockaddr_un *address, const uint8_t *path, uint64_t length) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (length == 0 || length >= sizeof address->sun_path) return -ENAMETOOLONG;
    memcpy(address->sun_path, path, length);
    if (path[0] != '@') return (int32_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    address->sun_path[0] = 0;
    return (int32_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static int32_t unix_socket(int32_t kind) {
    int descriptor = socket(AF_UNIX, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int32_t aloft_unix_listen(const uint8_t *path, uint64_t length, int32_t kind, int32_t backlog, uint32_t mode) {
    struct sockaddr_un address;
    int32_t size = unix_address(&address, path, length);
    if (size < 0) return size;
    int descriptor = unix_socket(kind);
    if (descriptor < 0) return descriptor;
    // On the socket's inode before bind: the path never exists with more rights than `mode`.
    if (fchmod(descriptor, mode) < 0 || bind(descriptor, (struct sockaddr *)&address, (socklen_t)size) < 0
        || (kind != SOCK_DGRAM && listen(descriptor, backlog) < 0)) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int32_t aloft_unix_connect(const uint8_t *path, uint64_t length, int32_t kind) {
    struct sockaddr_un address;
    int32_t size = unix_address(&address, path, length);
    if (size < 0) return size;
    int descriptor = unix_socket(kind);
    if (descriptor < 0) return descriptor;
    if (connect(descriptor, (struct sockaddr *)&address, (socklen_t)size) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int32_t aloft_unix_accept(int32_t descriptor) {
    int accepted;
    do accepted = accept4(descriptor, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (accepted < 0 && (errno == EINTR || errno == ECONNABORTED));
    return accepted < 0 ? -errno : accepted;
}

int32_t aloft_unix_peer(int32_t descriptor, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -errno;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

int32_t aloft_socketpair(int32_t kind, int32_t *first, int32_t *second) {
    int pair[2];
    if (socketpair(AF_UNIX, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) return -errno;
    *first = pair[0];
    *second = pair[1];
    return 0;
}

int64_t aloft_send(int32_t descriptor, const uint8_t *bytes, uint64_t count) {
    ssize_t sent;
    do sent = send(descriptor, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

int64_t aloft_receive(int32_t descriptor, uint8_t *bytes, uint64_t capacity) {
    ssize_t got;
    do got = recv(descriptor, bytes, capacity, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}
