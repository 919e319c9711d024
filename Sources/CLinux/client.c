#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static socklen_t fill(struct sockaddr_storage *storage, int32_t family, const uint8_t *address, uint16_t port, uint32_t scope) {
    memset(storage, 0, sizeof *storage);
    if (family == 6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        v6->sin6_scope_id = scope;
        memcpy(&v6->sin6_addr, address, 16);
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    memcpy(&v4->sin_addr, address, 4);
    return sizeof *v4;
}

static int prepare(int descriptor, const struct aloft_client *request, uint32_t scope) {
    int one = 1;
    if (request->mark && setsockopt(descriptor, SOL_SOCKET, SO_MARK, &request->mark, sizeof request->mark) < 0) return -errno;
    if (request->interface && *request->interface
        && setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, request->interface, strlen(request->interface) + 1) < 0)
        return -errno;
    if (!request->local && !request->local_port) return 0;
    static const uint8_t any[16];
    struct sockaddr_storage local;
    socklen_t length = fill(&local, request->family, request->local ? request->local : any, request->local_port, scope);
    if (request->local_port) setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    // Without a port of its own the kernel chooses one when it knows the other end, and so has more to choose from.
    else setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    return bind(descriptor, (struct sockaddr *)&local, length) < 0 ? -errno : 0;
}

int32_t aloft_client_socket(const struct aloft_client *request) {
    int domain = request->family == 6 ? AF_INET6 : AF_INET;
    int type = request->kind == 1 ? SOCK_STREAM : SOCK_DGRAM;
    int protocol = request->kind != 3 ? 0 : request->family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    int descriptor = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (descriptor < 0) return -errno;
    uint32_t scope = request->interface && *request->interface ? if_nametoindex(request->interface) : 0;
    int error = prepare(descriptor, request, scope);
    if (!error) {
        struct sockaddr_storage remote;
        socklen_t length = fill(&remote, request->family, request->remote, request->remote_port, scope);
        if (connect(descriptor, (struct sockaddr *)&remote, length) < 0 && errno != EINPROGRESS) error = -errno;
    }
    if (!error) return descriptor;
    close(descriptor);
    return error;
}

int32_t aloft_socket_error(int32_t descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}
