#define _GNU_SOURCE
#include "CCorosync.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// MARK: - What of the libraries is used, after cpg_overview(3), quorum_overview(3), cmap_overview(3)

enum { ok = 1, try_again = 6 };
enum { one_without_waiting = 4, agreed = 2, with_first_ring = 1, current_and_changes = 3 };
enum { value_u8 = 2, value_u32 = 6 };

struct group_name {
    uint32_t length;
    char value[128];
};
struct address {
    uint32_t node, process, reason;
};
struct ring {
    uint32_t node;
    uint64_t sequence;
};

typedef void message_callback(uint64_t, const struct group_name *, uint32_t, uint32_t, void *, size_t);
typedef void members_callback(
    uint64_t, const struct group_name *, const struct address *, size_t, const struct address *, size_t,
    const struct address *, size_t);
typedef void ring_callback(uint64_t, struct ring, uint32_t, const uint32_t *);
typedef void quorum_callback(uint64_t, uint32_t, struct ring, uint32_t, const uint32_t *);
typedef void nodes_callback(
    uint64_t, struct ring, uint32_t, const uint32_t *, uint32_t, const uint32_t *, uint32_t, const uint32_t *);

struct group_model {
    int model;
    message_callback *message;
    members_callback *members;
    ring_callback *ring;
    unsigned flags;
};
struct quorum_model {
    int model;
    quorum_callback *quorum;
    nodes_callback *nodes;
};

static struct {
    int (*cpg_model_initialize)(uint64_t *, int, struct group_model *, void *);
    int (*cpg_finalize)(uint64_t);
    int (*cpg_fd_get)(uint64_t, int *);
    int (*cpg_context_get)(uint64_t, void **);
    int (*cpg_dispatch)(uint64_t, int);
    int (*cpg_join)(uint64_t, const struct group_name *);
    int (*cpg_local_get)(uint64_t, unsigned *);
    int (*cpg_mcast_joined)(uint64_t, int, const struct iovec *, unsigned);
    int (*quorum_model_initialize)(uint64_t *, int, struct quorum_model *, uint32_t *, void *);
    int (*quorum_finalize)(uint64_t);
    int (*quorum_fd_get)(uint64_t, int *);
    int (*quorum_context_get)(uint64_t, const void **);
    int (*quorum_dispatch)(uint64_t, int);
    int (*quorum_trackstart)(uint64_t, unsigned);
    int (*cmap_initialize)(uint64_t *);
    int (*cmap_finalize)(uint64_t);
    int (*cmap_get)(uint64_t, const char *, void *, size_t *, int *);
    int (*cmap_iter_init)(uint64_t, const char *, uint64_t *);
    int (*cmap_iter_next)(uint64_t, uint64_t, char[], size_t *, int *);
    int (*cmap_iter_finalize)(uint64_t, uint64_t);
} api;

static void *find(void *from, const char *symbol, char *reason, uint64_t size) {
    void *found = from ? dlsym(from, symbol) : NULL;
    if (from && !found) snprintf(reason, size, "%s is missing", symbol);
    return found;
}

int32_t aloft_corosync_load(char *reason, uint64_t size) {
    static const char *const names[] = {"libcpg.so.4", "libquorum.so.5", "libcmap.so.4"};
    static int is_loaded;
    if (is_loaded) return 0;
    void *libraries[3];
    for (int i = 0; i < 3; i++) {
        libraries[i] = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!libraries[i]) {
            snprintf(reason, size, "%s", dlerror());
            return -ENOENT;
        }
    }
#define FIND(index, symbol)                                                        \
    if (!(*(void **)&api.symbol = find(libraries[index], #symbol, reason, size))) return -ENOENT
    FIND(0, cpg_model_initialize);
    FIND(0, cpg_finalize);
    FIND(0, cpg_fd_get);
    FIND(0, cpg_context_get);
    FIND(0, cpg_dispatch);
    FIND(0, cpg_join);
    FIND(0, cpg_local_get);
    FIND(0, cpg_mcast_joined);
    FIND(1, quorum_model_initialize);
    FIND(1, quorum_finalize);
    FIND(1, quorum_fd_get);
    FIND(1, quorum_context_get);
    FIND(1, quorum_dispatch);
    FIND(1, quorum_trackstart);
    FIND(2, cmap_initialize);
    FIND(2, cmap_finalize);
    FIND(2, cmap_get);
    FIND(2, cmap_iter_init);
    FIND(2, cmap_iter_next);
    FIND(2, cmap_iter_finalize);
#undef FIND
    is_loaded = 1;
    return 0;
}

// MARK: - A connection

enum { connecting, connected, failed, abandoned };

struct aloft_corosync {
    _Atomic int state;
    int wake;
    int error;
    const char *stage;
    int has_group, has_quorum;
    uint64_t group, quorum;
    int group_fd, quorum_fd;
    char group_name[128];
    struct aloft_corosync_facts facts;
    // While it dispatches.
    aloft_corosync_handler handler;
    void *context;
};

static struct aloft_corosync *of_group(uint64_t handle) {
    void *found = NULL;
    return api.cpg_context_get(handle, &found) == ok ? found : NULL;
}

static void tell(struct aloft_corosync *connection, const struct aloft_corosync_event *event) {
    if (connection && connection->handler) connection->handler(connection->context, event);
}

static void on_message(
    uint64_t handle, const struct group_name *group, uint32_t node, uint32_t process, void *bytes, size_t length) {
    (void)group;
    struct aloft_corosync_event event = {.kind = 1, .node = node, .process = process, .bytes = bytes, .length = length};
    tell(of_group(handle), &event);
}

static void on_members(
    uint64_t handle, const struct group_name *group, const struct address *members, size_t count,
    const struct address *left, size_t left_count, const struct address *joined, size_t joined_count) {
    (void)group, (void)left, (void)left_count, (void)joined, (void)joined_count;
    uint32_t pairs[2 * ALOFT_COROSYNC_NODES];
    if (count > ALOFT_COROSYNC_NODES) count = ALOFT_COROSYNC_NODES;
    for (size_t i = 0; i < count; i++) {
        pairs[2 * i] = members[i].node;
        pairs[2 * i + 1] = members[i].process;
    }
    struct aloft_corosync_event event = {.kind = 2, .count = (uint32_t)count, .members = pairs};
    tell(of_group(handle), &event);
}

static void on_ring(uint64_t handle, struct ring ring, uint32_t count, const uint32_t *nodes) {
    (void)count, (void)nodes;
    struct aloft_corosync_event event = {.kind = 3, .ring_sequence = ring.sequence, .ring_node = ring.node};
    tell(of_group(handle), &event);
}

static void on_quorum(uint64_t handle, uint32_t is_quorate, struct ring ring, uint32_t count, const uint32_t *nodes) {
    (void)count, (void)nodes;
    const void *found = NULL;
    if (api.quorum_context_get(handle, &found) != ok) return;
    struct aloft_corosync_event event = {
        .kind = 4, .is_quorate = is_quorate != 0, .ring_sequence = ring.sequence, .ring_node = ring.node};
    tell((struct aloft_corosync *)found, &event);
}

static void on_nodes(
    uint64_t handle, struct ring ring, uint32_t count, const uint32_t *nodes, uint32_t joined_count,
    const uint32_t *joined, uint32_t left_count, const uint32_t *left) {
    (void)handle, (void)ring, (void)count, (void)nodes, (void)joined_count, (void)joined, (void)left_count, (void)left;
}

// MARK: - Its thread

static void text(uint64_t map, const char *key, char *into, size_t size) {
    size_t length = size - 1;
    int type;
    if (api.cmap_get(map, key, into, &length, &type) != ok) length = 0;
    into[length < size ? length : size - 1] = 0;
}

static int number(uint64_t map, const char *key, int expected, uint32_t *value) {
    uint8_t bytes[8] = {0};
    size_t length = sizeof bytes;
    int type = 0;
    int error = api.cmap_get(map, key, bytes, &length, &type);
    if (error != ok || type != expected) return 0;
    if (type == value_u8) *value = bytes[0];
    if (type == value_u32) memcpy(value, bytes, sizeof *value);
    return 1;
}

static int survey(struct aloft_corosync *connection) {
    struct aloft_corosync_facts *facts = &connection->facts;
    uint64_t map;
    int error = api.cmap_initialize(&map);
    if (error != ok) return error;
    text(map, "quorum.provider", facts->provider, sizeof facts->provider);
    text(map, "quorum.device.model", facts->device, sizeof facts->device);
    number(map, "quorum.two_node", value_u8, &facts->is_two_node);
    uint64_t entries;
    error = api.cmap_iter_init(map, "nodelist.node.", &entries);
    if (error == ok) {
        char key[256];
        size_t length;
        int type;
        while (api.cmap_iter_next(map, entries, key, &length, &type) == ok) {
            unsigned position;
            int end = 0;
            uint32_t node, votes = 1;
            if (sscanf(key, "nodelist.node.%u.nodeid%n", &position, &end) != 1 || end == 0 || key[end] != 0) continue;
            if (!number(map, key, value_u32, &node) || facts->voter_count >= ALOFT_COROSYNC_NODES) continue;
            snprintf(key, sizeof key, "nodelist.node.%u.quorum_votes", position);
            number(map, key, value_u32, &votes);
            facts->voters[2 * facts->voter_count] = node;
            facts->voters[2 * facts->voter_count + 1] = votes;
            facts->voter_count++;
        }
        api.cmap_iter_finalize(map, entries);
    }
    api.cmap_finalize(map);
    return error;
}

static int connect_group(struct aloft_corosync *connection) {
    struct group_model model = {1, on_message, on_members, on_ring, with_first_ring};
    connection->stage = "cpg_model_initialize";
    int error = api.cpg_model_initialize(&connection->group, 1, &model, connection);
    if (error != ok) return error;
    connection->has_group = 1;
    unsigned node = 0;
    connection->stage = "cpg_local_get";
    if ((error = api.cpg_local_get(connection->group, &node)) != ok) return error;
    connection->facts.node = node;
    connection->stage = "cpg_fd_get";
    if ((error = api.cpg_fd_get(connection->group, &connection->group_fd)) != ok) return error;

    struct quorum_model quorum = {1, on_quorum, on_nodes};
    uint32_t type = 0;
    connection->stage = "quorum_model_initialize";
    if ((error = api.quorum_model_initialize(&connection->quorum, 1, &quorum, &type, connection)) != ok) return error;
    connection->has_quorum = 1;
    connection->stage = "quorum_fd_get";
    if ((error = api.quorum_fd_get(connection->quorum, &connection->quorum_fd)) != ok) return error;
    connection->stage = "quorum_trackstart";
    if ((error = api.quorum_trackstart(connection->quorum, current_and_changes)) != ok) return error;

    struct group_name name = {.length = (uint32_t)strlen(connection->group_name)};
    memcpy(name.value, connection->group_name, name.length);
    connection->stage = "cpg_join";
    // While a ring forms nobody is let in.
    for (int attempt = 0; attempt < 100; attempt++) {
        if ((error = api.cpg_join(connection->group, &name)) != try_again) break;
        nanosleep(&(struct timespec){0, 20 * 1000 * 1000}, NULL);
    }
    return error;
}

static void *finish(void *argument) {
    struct aloft_corosync *connection = argument;
    if (connection->has_quorum) api.quorum_finalize(connection->quorum);
    if (connection->has_group) api.cpg_finalize(connection->group);
    free(connection);
    return NULL;
}

static void *run(void *argument) {
    struct aloft_corosync *connection = argument;
    connection->stage = "cmap_initialize";
    int error = survey(connection);
    if (error == ok && connection->group_name[0]) error = connect_group(connection);
    connection->error = error == ok ? 0 : error;
    int wake = connection->wake;
    int expected = connecting;
    // From here on it is the caller's.
    if (!atomic_compare_exchange_strong(&connection->state, &expected, error == ok ? connected : failed)) {
        close(wake);
        return finish(connection);
    }
    uint64_t one = 1;
    // Nothing is lost when it cannot be written: the caller looks from time to time.
    if (write(wake, &one, sizeof one) < 0) errno = 0;
    close(wake);
    return NULL;
}

static int spawn(void *(*body)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_t thread;
    // Signals are the loop's.
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_attr_init(&attributes) != 0) return -ENOMEM;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attributes, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

struct aloft_corosync *aloft_corosync_begin(const char *group, int32_t wake) {
    struct aloft_corosync *connection = calloc(1, sizeof *connection);
    if (!connection) return NULL;
    connection->wake = fcntl(wake, F_DUPFD_CLOEXEC, 0);
    if (connection->wake < 0) {
        free(connection);
        return NULL;
    }
    if (group) snprintf(connection->group_name, sizeof connection->group_name, "%s", group);
    if (spawn(run, connection) == 0) return connection;
    close(connection->wake);
    free(connection);
    return NULL;
}

// MARK: - The caller's thread

int32_t aloft_corosync_state(struct aloft_corosync *connection, int32_t *error, const char **stage) {
    int state = atomic_load(&connection->state);
    if (state != connecting) {
        *error = connection->error;
        *stage = connection->stage;
    }
    return state;
}

const struct aloft_corosync_facts *aloft_corosync_facts(struct aloft_corosync *connection) {
    return &connection->facts;
}

int32_t aloft_corosync_descriptor(struct aloft_corosync *connection, int32_t service) {
    return service == 0 ? connection->group_fd : connection->quorum_fd;
}

int32_t aloft_corosync_dispatch(
    struct aloft_corosync *connection, int32_t service, uint32_t most, aloft_corosync_handler handler, void *context) {
    connection->handler = handler;
    connection->context = context;
    int error = ok;
    for (uint32_t i = 0; i < most && error == ok; i++)
        error = service == 0 ? api.cpg_dispatch(connection->group, one_without_waiting)
                             : api.quorum_dispatch(connection->quorum, one_without_waiting);
    connection->handler = NULL;
    return error == ok || error == try_again ? 0 : error;
}

int32_t aloft_corosync_send(struct aloft_corosync *connection, const uint8_t *bytes, uint64_t length) {
    struct iovec part = {(void *)bytes, length};
    int error = api.cpg_mcast_joined(connection->group, agreed, &part, 1);
    return error == ok ? 0 : error;
}

void aloft_corosync_end(struct aloft_corosync *connection) {
    int expected = connecting;
    if (atomic_compare_exchange_strong(&connection->state, &expected, abandoned)) return;
    // Leaving waits for corosync. Without a thread for it the connection is left to the end of the process.
    spawn(finish, connection);
}
