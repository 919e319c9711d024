// Corosync's client libraries (libcpg, libquorum, libcmap), found with dlopen(3) when a configuration names them: nothing is
// needed to build, and nothing to run without.
//
// Calls that wait for an answer of corosync block for as long as it is stopped: connecting, leaving, reading its configuration.
// They run on a thread of their own. What is left to the caller's thread does not wait: dispatching and sending.
//
// Own prototypes with stdint types only.
#ifndef ALOFT_CCOROSYNC_H
#define ALOFT_CCOROSYNC_H

#include <stdint.h>

/// As many nodes as a closed process group can have.
#define ALOFT_COROSYNC_NODES 128

/// What Corosync reports.
struct aloft_corosync_event {
    /// 1 a message, 2 the members of the group, 3 a ring, 4 quorum.
    uint32_t kind;
    /// The sender of a message.
    uint32_t node;
    uint32_t process;
    uint32_t is_quorate;
    uint64_t ring_sequence;
    uint32_t ring_node;
    /// Members: pairs of node and process.
    uint32_t count;
    const uint32_t *members;
    const uint8_t *bytes;
    uint64_t length;
};

typedef void (*aloft_corosync_handler)(void *context, const struct aloft_corosync_event *event);

/// What Corosync says of itself. Texts end with 0, and are empty when there is none.
struct aloft_corosync_facts {
    /// This node's id.
    uint32_t node;
    uint32_t is_two_node;
    char provider[64];
    char device[64];
    /// The node list: id and votes.
    uint32_t voter_count;
    uint32_t voters[2 * ALOFT_COROSYNC_NODES];
};

/// One connection, or the attempt at one.
struct aloft_corosync;

/// Loads the libraries, once in a process. 0, or -ENOENT with the reason in `reason`.
int32_t aloft_corosync_load(char *reason, uint64_t size);
/// Begins to connect on a thread of its own and, when `group` is not null, to join that group (1...127 bytes). `wake`, an
/// eventfd(2), becomes readable at the end. Null when there is no memory, no descriptor or no thread.
struct aloft_corosync *aloft_corosync_begin(const char *group, int32_t wake);
/// 0 while it connects, 1 connected, 2 failed: `error` is Corosync's, `stage` the call.
int32_t aloft_corosync_state(struct aloft_corosync *connection, int32_t *error, const char **stage);
const struct aloft_corosync_facts *aloft_corosync_facts(struct aloft_corosync *connection);
/// Readable when there is something to dispatch. 0: messages and membership; 1: quorum. The connection's.
int32_t aloft_corosync_descriptor(struct aloft_corosync *connection, int32_t service);
/// Hands out at most `most` reports, without waiting. Corosync's error, 0 when there is none.
int32_t aloft_corosync_dispatch(
    struct aloft_corosync *connection, int32_t service, uint32_t most, aloft_corosync_handler handler, void *context);
/// To all of the group, in agreed order, without waiting. Corosync's error, 0 when it was taken.
int32_t aloft_corosync_send(struct aloft_corosync *connection, const uint8_t *bytes, uint64_t length);
/// Ends it, now or when it has come about; on another thread.
void aloft_corosync_end(struct aloft_corosync *connection);

#endif
