#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// bpf(2). The numbers and the parts of `union bpf_attr` that are used stand here and not in <linux/bpf.h>, whose age is that of the machine that
// builds: tcx came with Linux 6.6. They never change; the kernel takes what is missing at the end for zeros.

enum command {
    MAP_CREATE = 0, MAP_LOOKUP = 1, MAP_UPDATE = 2, MAP_DELETE = 3, PROGRAM_LOAD = 5, PROGRAM_ATTACH = 8, PROGRAM_DETACH = 9,
    PROGRAM_TEST_RUN = 10, PROGRAM_BY_ID = 13, OBJECT_INFO = 15, PROGRAM_QUERY = 16,
};

static uint64_t pointer(const void *value) { return (uint64_t)(uintptr_t)value; }

static int32_t call(enum command command, void *attributes, uint32_t size) {
    long result;
    // EAGAIN: the verifier was interrupted by a signal.
    do result = syscall(SYS_bpf, command, attributes, size);
    while (result < 0 && (errno == EINTR || (errno == EAGAIN && command == PROGRAM_LOAD)));
    return result < 0 ? -errno : (int32_t)result;
}

static void copy_name(char to[16], const char *name) {
    for (int i = 0; i < 15 && name[i]; i++) to[i] = name[i];
}

int32_t aloft_bpf_map_create(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags, const char *name) {
    struct {
        uint32_t type, key_size, value_size, entries, flags, inner, node;
        char name[16];
    } attributes = {type, key_size, value_size, entries, flags, 0, 0, {0}};
    copy_name(attributes.name, name);
    int32_t result = call(MAP_CREATE, &attributes, sizeof attributes);
    if (result != -EPERM) return result;
    // Before Linux 5.11 maps counted as locked memory.
    struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_MEMLOCK, &none) < 0 ? result : call(MAP_CREATE, &attributes, sizeof attributes);
}

struct element {
    uint32_t map, pad;
    uint64_t key, value, flags;
};

int32_t aloft_bpf_map_lookup(int32_t map, const void *key, void *value) {
    struct element attributes = {(uint32_t)map, 0, pointer(key), pointer(value), 0};
    return call(MAP_LOOKUP, &attributes, sizeof attributes);
}

int32_t aloft_bpf_map_update(int32_t map, const void *key, const void *value) {
    struct element attributes = {(uint32_t)map, 0, pointer(key), pointer(value), 0};
    return call(MAP_UPDATE, &attributes, sizeof attributes);
}

int32_t aloft_bpf_map_delete(int32_t map, const void *key) {
    struct element attributes = {(uint32_t)map, 0, pointer(key), 0, 0};
    return call(MAP_DELETE, &attributes, sizeof attributes);
}

int32_t aloft_bpf_load_classifier(const uint64_t *instructions, uint32_t count, const char *name, char *log, uint32_t log_size) {
    struct {
        uint32_t type, count;
        uint64_t instructions, license;
        uint32_t log_level, log_size;
        uint64_t log;
        uint32_t kernel, flags;
        char name[16];
        uint32_t interface, expected;
    } attributes = {.type = 3 /* BPF_PROG_TYPE_SCHED_CLS */, .count = count, .instructions = pointer(instructions)};
    // No helper that it calls is only for the GPL.
    attributes.license = pointer("Apache-2.0");
    if (log_size > 0) {
        attributes.log_level = 1;
        attributes.log_size = log_size;
        attributes.log = pointer(log);
    }
    copy_name(attributes.name, name);
    return call(PROGRAM_LOAD, &attributes, sizeof attributes);
}

// BPF_TCX_INGRESS, BPF_TCX_EGRESS.
static uint32_t tcx(int32_t egress) { return egress ? 47 : 46; }

struct attachment {
    uint32_t interface, program, type, flags, replaced, relative;
    uint64_t revision;
};

int32_t aloft_bpf_tcx_attach(int32_t program, uint32_t interface, int32_t egress) {
    // BPF_F_BEFORE, and nobody named: before all.
    struct attachment attributes = {interface, (uint32_t)program, tcx(egress), 1u << 3, 0, 0, 0};
    return call(PROGRAM_ATTACH, &attributes, sizeof attributes);
}

int32_t aloft_bpf_tcx_detach(int32_t program, uint32_t interface, int32_t egress) {
    struct attachment attributes = {interface, (uint32_t)program, tcx(egress), 0, 0, 0, 0};
    return call(PROGRAM_DETACH, &attributes, sizeof attributes);
}

int32_t aloft_bpf_tcx_query(uint32_t interface, int32_t egress, uint32_t *identifiers, uint32_t capacity) {
    struct {
        uint32_t interface, type, flags, attach_flags;
        uint64_t identifiers;
        uint32_t count, pad;
        uint64_t attach_flags_of_each, links, link_flags, revision;
    } attributes = {.interface = interface, .type = tcx(egress), .identifiers = pointer(identifiers), .count = capacity};
    int32_t result = call(PROGRAM_QUERY, &attributes, sizeof attributes);
    // ENOSPC: the first `capacity` have been written.
    if (result == -ENOSPC) return (int32_t)capacity;
    return result < 0 ? result : (int32_t)(attributes.count < capacity ? attributes.count : capacity);
}

int32_t aloft_bpf_program_by_id(uint32_t identifier) {
    struct {
        uint32_t identifier, next, flags;
    } attributes = {identifier, 0, 0};
    return call(PROGRAM_BY_ID, &attributes, sizeof attributes);
}

int32_t aloft_bpf_program_identity(int32_t program, uint32_t *identifier, uint8_t name[16]) {
    // The beginning of struct bpf_prog_info.
    struct {
        uint32_t type, identifier;
        uint8_t tag[8];
        uint32_t jited_length, translated_length;
        uint64_t jited, translated, load_time;
        uint32_t uid, map_count;
        uint64_t maps;
        uint8_t name[16];
    } information;
    memset(&information, 0, sizeof information);
    struct {
        uint32_t object, length;
        uint64_t information;
    } attributes = {(uint32_t)program, sizeof information, pointer(&information)};
    int32_t result = call(OBJECT_INFO, &attributes, sizeof attributes);
    if (result < 0) return result;
    *identifier = information.identifier;
    memcpy(name, information.name, 16);
    return 0;
}

int32_t aloft_bpf_test_run(int32_t program, const uint8_t *frame, uint32_t length, uint32_t repeat, int32_t *verdict, uint32_t *nanoseconds) {
    struct {
        uint32_t program, verdict, length, out_length;
        uint64_t frame, out;
        uint32_t repeat, nanoseconds, context_length, context_out_length;
        uint64_t context, context_out;
    } attributes = {.program = (uint32_t)program, .length = length, .frame = pointer(frame), .repeat = repeat};
    int32_t result = call(PROGRAM_TEST_RUN, &attributes, sizeof attributes);
    if (result < 0) return result;
    *verdict = (int32_t)attributes.verdict;
    *nanoseconds = attributes.nanoseconds;
    return 0;
}

uint32_t aloft_processors(void) {
    // What a per-CPU map writes for: the possible processors, which sysconf(_SC_NPROCESSORS_CONF) may not say. "0-7" and "0,2-3" end in the highest.
    char text[256] = {0};
    int descriptor = aloft_open("/sys/devices/system/cpu/possible", 0, 0);
    if (descriptor < 0) return 0;
    int64_t count = aloft_read(descriptor, (uint8_t *)text, sizeof text - 1);
    aloft_close(descriptor);
    uint32_t last = 0;
    for (int64_t i = 0; i < count; i++) {
        if (text[i] >= '0' && text[i] <= '9') last = last * 10 + (uint32_t)(text[i] - '0');
        else if (text[i] == '-' || text[i] == ',') last = 0;
    }
    return count > 0 ? last + 1 : 0;
}

int32_t aloft_link_type(uint32_t interface) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_ifindex = (int)interface;
    int32_t result = ioctl(descriptor, SIOCGIFNAME, &request) < 0 || ioctl(descriptor, SIOCGIFHWADDR, &request) < 0
        ? -errno : (int32_t)request.ifr_hwaddr.sa_family;
    close(descriptor);
    return result;
}
