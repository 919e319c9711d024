#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int32_t aloft_tcp_connect(int32_t family, const uint8_t *address, uint16_t port, uint32_t interface) {
    struct sockaddr_storage storage;
    socklen_t length;
    memset(&storage, 0, sizeof storage);
    if (family == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, address, 4);
        length = sizeof *v4;
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        memcpy(&v6->sin6_addr, address, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) v6->sin6_scope_id = interface;
        length = sizeof *v6;
    }
    int descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (descriptor < 0) return -errno;
    if (connect(descriptor, (struct sockaddr *)&storage, length) < 0 && errno != EINPROGRESS && errno != EINTR) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int32_t aloft_socket_error(int32_t descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
    if (error != 0) return -error;
    // Without an error: connected, or still on the way.
    struct sockaddr_storage peer;
    length = sizeof peer;
    return getpeername(descriptor, (struct sockaddr *)&peer, &length) == 0 ? 1 : errno == ENOTCONN ? 0 : -errno;
}
