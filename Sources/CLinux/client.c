#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <linux/in6.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPV6_RECVERR
#define IPV6_RECVERR 25
#endif
#define IP_BIND_ADDRESS_NO_PORT_OPTION 24
#define IP_RECVERR_OPTION 11  // <linux/in.h> and <netinet/in.h> cannot be had together

static int set(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

union any_address {
    struct sockaddr plain;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t fill(union any_address *address, int32_t family, const uint8_t *bytes, uint16_t port, uint32_t scope) {
    memset(address, 0, sizeof *address);
    if (family == 4) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        if (bytes) memcpy(&address->v4.sin_addr, bytes, 4);
        return sizeof address->v4;
    }
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(port);
    if (bytes) memcpy(&address->v6.sin6_addr, bytes, 16);
    // Only link-local addresses have one; the kernel ignores it elsewhere.
    address->v6.sin6_scope_id = scope;
    return sizeof address->v6;
}

static int open_client(struct aloft_client *client) {
    int family = client->family == 4 ? AF_INET : AF_INET6;
    int icmp = client->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    int stream = client->kind == aloft_client_stream;
    return socket(family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  client->kind == aloft_client_ping ? icmp : 0);
}

static int prepare(int descriptor, struct aloft_client *client) {
    uint32_t scope = 0;
    int error;
    client->stage = aloft_client_stage_interface;
    if (client->interface) {
        if ((scope = if_nametoindex(client->interface)) == 0) return -errno;
        if (setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, client->interface,
                       (socklen_t)strlen(client->interface) + 1) < 0)
            return -errno;
    }
    client->stage = aloft_client_stage_mark;
    if (client->mark && (error = set(descriptor, SOL_SOCKET, SO_MARK, (int)client->mark)) < 0) return error;
    client->stage = aloft_client_stage_source;
    // ICMP errors of every kind end the wait of a datagram; in a stream they are left to its retransmissions.
    if (client->kind != aloft_client_stream) {
        error = client->family == 4 ? set(descriptor, IPPROTO_IP, IP_RECVERR_OPTION, 1)
                                    : set(descriptor, IPPROTO_IPV6, IPV6_RECVERR, 1);
        if (error < 0) return error;
    }
    union any_address address;
    if (client->has_source || client->source_port) {
        // The port of the check before this one may still be in TIME_WAIT. Without a port of its own the kernel chooses one when it
        // knows the other end, and so has more to choose from.
        error = client->source_port ? set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
                                    : set(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT_OPTION, 1);
        if (error < 0) return error;
        socklen_t size = fill(&address, client->family, client->has_source ? client->source : 0,
                              client->source_port, scope);
        if (bind(descriptor, &address.plain, size) < 0) return -errno;
    }
    client->stage = aloft_client_stage_connect;
    socklen_t size = fill(&address, client->family, client->address, client->port, scope);
    if (connect(descriptor, &address.plain, size) < 0 && errno != EINPROGRESS) return -errno;
    return 0;
}

int32_t aloft_client_open(struct aloft_client *client) {
    client->stage = aloft_client_stage_socket;
    int descriptor = open_client(client);
    if (descriptor < 0) return -errno;
    int error = prepare(descriptor, client);
    if (error < 0) {
        close(descriptor);
        return error;
    }
    return descriptor;
}

int32_t aloft_socket_error(int32_t descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
    return error;
}

int32_t aloft_shutdown_write(int32_t descriptor) { return shutdown(descriptor, SHUT_WR) < 0 ? -errno : 0; }
