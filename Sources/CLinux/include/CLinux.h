// The kernel calls that Swift cannot express: variadic, macro-shaped, or absent from the Glibc module.
//
// Own prototypes with stdint types only. A system header here (or _GNU_SOURCE) breaks the Glibc module,
// and not on every build; they go into the .c files.
//
// Every function returns 0 or a positive result, or -errno. None keeps state; none allocates.
#ifndef ALOFT_CLINUX_H
#define ALOFT_CLINUX_H

#include <stdint.h>

// MARK: poll.c - epoll(7), timerfd_create(2), eventfd(2)

struct aloft_event {
    uint64_t token;
    uint32_t events;
    uint32_t reserved;
};

int32_t aloft_epoll_create(void);
int32_t aloft_epoll_add(int32_t epoll, int32_t descriptor, uint32_t events, uint64_t token);
int32_t aloft_epoll_modify(int32_t epoll, int32_t descriptor, uint32_t events, uint64_t token);
int32_t aloft_epoll_remove(int32_t epoll, int32_t descriptor);
/// `milliseconds` as for epoll_wait(2): 0 polls, -1 waits. At most 256 events.
int32_t aloft_epoll_wait(int32_t epoll, struct aloft_event *events, int32_t capacity, int32_t milliseconds);
/// A timer on CLOCK_BOOTTIME.
int32_t aloft_timer_create(void);
/// Arms for the absolute boot time `nanoseconds`; 0 disarms.
int32_t aloft_timer_set(int32_t timer, int64_t nanoseconds);
int64_t aloft_boottime_ns(void);
int64_t aloft_realtime_ns(void);
int32_t aloft_eventfd(void);
/// Waits for one descriptor with poll(2). Returns its revents, 0 at the timeout.
int32_t aloft_poll_one(int32_t descriptor, int32_t for_write, int32_t milliseconds);

// MARK: signal.c - signalfd(2)

struct aloft_signal {
    uint32_t signal;
    int32_t code;
    uint32_t pid;
    uint32_t uid;
    int32_t status;
};

/// Blocks the signals whose bits (1 << (number - 1)) are set and opens a descriptor that reports them.
int32_t aloft_signalfd(uint64_t signals);
/// 1 with a signal, 0 when none is pending.
int32_t aloft_signalfd_read(int32_t descriptor, struct aloft_signal *signal);
int32_t aloft_signal_ignore(int32_t signal);

// MARK: process.c - clone(2), pidfd_open(2), waitid(2)

struct aloft_spawn {
    const char *path;
    const char *const *argv;
    const char *const *envp;
    const char *directory;
    /// Descriptors: child_fds[i] becomes a duplicate of own_fds[i]. Standard input is /dev/null unless 0 is mapped.
    const int32_t *child_fds;
    const int32_t *own_fds;
    int32_t fd_count;
    /// 0 inherits, 1 a new process group, 2 a new session.
    int32_t group_mode;
    int32_t set_identity;
    uint32_t uid;
    uint32_t gid;
    const uint32_t *groups;
    int32_t group_count;
    int32_t death_signal;
    int32_t limit_capabilities;
    uint64_t capabilities;
    int32_t no_new_privileges;
    int32_t umask;
    int32_t niceness;
    /// RLIMIT_NOFILE, soft and hard; 0 leaves it.
    uint64_t descriptor_soft;
    uint64_t descriptor_hard;
    // out
    int32_t pid;
    int32_t pidfd;
    /// Where it failed: an `aloft_spawn_stage`.
    int32_t stage;
};

enum aloft_spawn_stage {
    aloft_spawn_stage_clone = 0,
    aloft_spawn_stage_group = 1,
    aloft_spawn_stage_descriptors = 2,
    aloft_spawn_stage_directory = 3,
    aloft_spawn_stage_identity = 4,
    aloft_spawn_stage_capabilities = 5,
    aloft_spawn_stage_death_signal = 6,
    aloft_spawn_stage_exec = 7,
};

int32_t aloft_spawn_process(struct aloft_spawn *request);
int32_t aloft_pidfd_open(int32_t pid);
int32_t aloft_pidfd_signal(int32_t pidfd, int32_t signal);
int32_t aloft_kill_group(int32_t group, int32_t signal);
/// 1 when the process has ended and was reaped (`code` is CLD_EXITED 1, CLD_KILLED 2 or CLD_DUMPED 3), 0 when it runs.
int32_t aloft_pidfd_wait(int32_t pidfd, int32_t *code, int32_t *status);
int32_t aloft_getpid(void);
int32_t aloft_getppid(void);
int32_t aloft_parent_death_signal(int32_t signal);
int32_t aloft_set_name(const char *name);
/// Keeps only the capabilities in `keep` (bit = number, linux/capability.h), in the bounding set as well.
int32_t aloft_limit_capabilities(uint64_t keep);
uint64_t aloft_effective_capabilities(void);
/// The environment's value of `name`, or NULL.
const char *aloft_getenv(const char *name);

// MARK: schedule.c - sched(7), mlockall(2), setrlimit(2)

int32_t aloft_schedule_realtime(int32_t priority);
int32_t aloft_schedule_other(void);
/// The policy in the low byte, the priority above it.
int32_t aloft_schedule_current(void);
int32_t aloft_limit_rttime(uint64_t soft_microseconds, uint64_t hard_microseconds);
/// RLIMIT_NOFILE: reads it, and raises the soft limit to the hard one, and both to `wanted` where that is permitted.
int32_t aloft_raise_descriptors(uint64_t wanted, uint64_t *soft_before, uint64_t *hard_before);
int32_t aloft_descriptor_limit(uint64_t *soft, uint64_t *hard);
int32_t aloft_set_niceness(int32_t niceness);
int32_t aloft_set_affinity(const uint32_t *cpus, int32_t count);
/// Locks what is touched, now and later (MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT).
int32_t aloft_lock_memory(void);
int32_t aloft_unlock_memory(void);

// MARK: memory.c - memfd_create(2), mmap(2), and one shared word

int32_t aloft_memfd_create(const char *name, uint64_t size);
int64_t aloft_file_size(int32_t descriptor);
/// The seals of a memfd, or -errno.
int32_t aloft_memfd_seals(int32_t descriptor);
int32_t aloft_map_shared(int32_t descriptor, uint64_t size, void **address);
int32_t aloft_unmap(void *address, uint64_t size);
/// Unmaps the pages of this program's code; what is executed again comes back from the page cache.
int32_t aloft_release_code(void);
/// Keeps the pages of this program's code in memory, each from its next use on (MLOCK_ONFAULT).
int32_t aloft_lock_code(void);
uint64_t aloft_load_acquire(const void *word);
void aloft_store_release(void *word, uint64_t value);

// MARK: client.c - what asks servers: tcp(7), udp(7), icmp(7)

enum aloft_client_kind { aloft_client_stream = 1, aloft_client_datagram = 2, aloft_client_ping = 3 };

enum aloft_client_stage {
    aloft_client_stage_socket = 0,
    aloft_client_stage_interface = 1,
    aloft_client_stage_mark = 2,
    aloft_client_stage_source = 3,
    aloft_client_stage_connect = 4,
};

struct aloft_client {
    /// 4 or 6.
    int32_t family;
    /// An `aloft_client_kind`.
    int32_t kind;
    /// 4 or 16 bytes.
    uint8_t address[16];
    uint8_t source[16];
    int32_t has_source;
    uint16_t port;
    uint16_t source_port;
    uint32_t mark;
    /// A name, or NULL.
    const char *interface;
    /// out: where it failed, an `aloft_client_stage`.
    int32_t stage;
};

/// A non-blocking socket that is connected, or about to be: then it becomes writable. Or -errno.
int32_t aloft_client_open(struct aloft_client *client);
/// SO_ERROR: 0 or an errno, which is taken off the socket.
int32_t aloft_socket_error(int32_t descriptor);
int32_t aloft_shutdown_write(int32_t descriptor);

// MARK: network.c - ip(7), ipv6(7), packet(7), raw(7), netlink(7)

/// One datagram received. Addresses fill 4 or 16 bytes.
struct aloft_received {
    uint8_t source[16];
    uint8_t destination[16];
    uint32_t interface;
    int32_t hop_limit;
    uint32_t length;
    int32_t truncated;
};

/// One datagram to send: bytes [offset, offset + length) of the batch's buffer.
struct aloft_outgoing {
    uint32_t offset;
    uint32_t length;
    uint8_t source[16];
    uint8_t destination[16];
    uint32_t interface;
    /// -1 leaves it to the socket.
    int32_t hop_limit;
    int32_t has_source;
    /// out: 0 or an errno.
    int32_t result;
};

/// A raw socket of VRRP (protocol 112); `family` is 4 or 6, `interface` 0 for any.
/// It sends but never receives: its filter drops everything.
int32_t aloft_vrrp_send_socket(int32_t family, int32_t protocol, uint32_t interface, int32_t priority);
int32_t aloft_vrrp_receive_socket(int32_t family, int32_t protocol, uint32_t interface, int32_t buffer);
int32_t aloft_bind_address(int32_t descriptor, int32_t family, const uint8_t *address, uint32_t interface);
int32_t aloft_join_group(int32_t descriptor, int32_t family, const uint8_t *group, uint32_t interface);
int32_t aloft_leave_group(int32_t descriptor, int32_t family, const uint8_t *group, uint32_t interface);
/// Slot i of `buffer` starts at i * slot. At most 32 at a time. Returns how many, 0 when there is none.
int32_t aloft_receive_datagrams(int32_t descriptor, uint8_t *buffer, uint32_t slot,
                                struct aloft_received *received, int32_t count);
/// Sends all, in order; each gets its own result. Returns how many were sent.
int32_t aloft_send_datagrams(int32_t descriptor, int32_t family, const uint8_t *buffer,
                             struct aloft_outgoing *items, int32_t count);
/// A UDP socket of one family on every interface, for greetings: it tells hop limits, and sends with 255.
int32_t aloft_hello_socket(int32_t family, uint16_t port);
/// One datagram from `source` out of `interface` (0: the routing table's); 0 or -errno.
int32_t aloft_hello_send(int32_t descriptor, int32_t family, const uint8_t *destination, uint16_t port,
                         const uint8_t *source, uint32_t interface, const uint8_t *bytes, uint32_t length);
int32_t aloft_packet_socket(int32_t priority);
/// Hears frames of one Ethernet type that arrive on any interface and pass the filter of `aloft_claim_filter`, which it begins with.
int32_t aloft_claim_socket(uint16_t type, const uint8_t *addresses, uint32_t count, int32_t receive_buffer);
/// From here on the socket hears what claims one of `count` addresses: ARP (0x0806) of such a sender, addresses of 4 bytes, or neighbour
/// advertisements (0x86DD) for such a target, of 16. All of the kind, where there are none, more than 1024, or more than
/// net.core.optmem_max has room for.
int32_t aloft_claim_filter(int32_t descriptor, uint16_t type, const uint8_t *addresses, uint32_t count);
/// Up to `count` (32 at most) frames into slots of `slot` bytes, cut to that; their lengths and where they arrived. What left this host is not among them: its
/// length is 0. Returns how many the kernel had, or -errno.
int32_t aloft_receive_frames(int32_t descriptor, uint8_t *buffer, uint32_t slot, uint32_t *lengths, uint32_t *interfaces,
                             int32_t count);
/// Frames with their Ethernet header, out of `interface` of each.
int32_t aloft_send_frames(int32_t descriptor, const uint8_t *buffer, struct aloft_outgoing *items, int32_t count);

/// A non-blocking netlink socket with strict checking, capped acks and extended acks. `groups` is a legacy mask.
int32_t aloft_netlink_socket(int32_t protocol, uint32_t groups, int32_t receive_buffer);
int32_t aloft_netlink_send(int32_t descriptor, const uint8_t *bytes, uint64_t count);
/// The length of one datagram from the kernel; 0 for one from someone else, or cut off (`truncated`).
int64_t aloft_netlink_receive(int32_t descriptor, uint8_t *buffer, uint64_t capacity, int32_t *truncated);
int32_t aloft_receive_buffer_size(int32_t descriptor);
int32_t aloft_set_send_buffer(int32_t descriptor, int32_t bytes);
/// A socket of the present network namespace, for `aloft_ipvs_service_count`; or -errno.
int32_t aloft_ipvs_socket(void);
/// How many services of IPv4 ip_vs has; or -errno (ENOPROTOOPT where it is not loaded).
int64_t aloft_ipvs_service_count(int32_t descriptor);
uint32_t aloft_interface_index(const char *name);

// MARK: bpf.c - bpf(2), for the lease fence

/// The descriptor of a new map; numbers as in linux/bpf.h.
int32_t aloft_bpf_map_create(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags,
                             const char *name);
int32_t aloft_bpf_map_lookup(int32_t map, const void *key, void *value);
int32_t aloft_bpf_map_update(int32_t map, const void *key, const void *value);
int32_t aloft_bpf_map_delete(int32_t map, const void *key);
/// Verifies and loads a classifier of tc; its descriptor. With `log_size` above 0 the verifier explains itself in `log`.
int32_t aloft_bpf_load_classifier(const uint64_t *instructions, uint32_t count, const char *name, char *log,
                                  uint32_t log_size);
/// Before all other programs of tcx, until it is detached or the interface goes. EEXIST when it is there, EINVAL before
/// Linux 6.6.
int32_t aloft_bpf_tcx_attach(int32_t program, uint32_t interface, int32_t egress);
int32_t aloft_bpf_tcx_detach(int32_t program, uint32_t interface, int32_t egress);
/// How many program identifiers were written, in the order in which the programs run.
int32_t aloft_bpf_tcx_query(uint32_t interface, int32_t egress, uint32_t *identifiers, uint32_t capacity);
int32_t aloft_bpf_program_by_id(uint32_t identifier);
int32_t aloft_bpf_program_identity(int32_t program, uint32_t *identifier, uint8_t name[16]);
/// Runs a program on a frame that no interface has: its verdict, and the mean time of `repeat` runs.
int32_t aloft_bpf_test_run(int32_t program, const uint8_t *frame, uint32_t length, uint32_t repeat, int32_t *verdict,
                           uint32_t *nanoseconds);
/// For how many processors a per-CPU map holds values; 0 where the kernel does not say.
uint32_t aloft_processors(void);
/// ARPHRD_* of an interface.
int32_t aloft_link_type(uint32_t interface);

// MARK: datagram.c - udp(7), for a server

/// One datagram, received or to be sent: bytes [offset, offset + length) of the batch's buffer. Addresses fill 4 or 16 bytes.
struct aloft_datagram {
    uint32_t offset;
    uint32_t length;
    uint8_t peer[16];
    /// The address of this machine that is spoken to, or speaks.
    uint8_t own[16];
    int32_t has_own;
    uint32_t interface;
    uint16_t port;
    /// out: 0 or an errno.
    int32_t result;
};

/// A non-blocking socket bound to an address; `::` hears both families. `interface` is for link-local addresses.
int32_t aloft_datagram_listen(int32_t family, const uint8_t *address, uint16_t port, uint32_t interface, int32_t buffer);
/// Slot i of `buffer` starts at i * slot. At most 64 at a time. Returns how many, 0 when there is none.
int32_t aloft_datagrams_receive(int32_t descriptor, uint8_t *buffer, uint32_t slot, struct aloft_datagram *items,
                                int32_t count);
/// Sends all, in order; each gets its own result. Returns how many were sent.
int32_t aloft_datagrams_send(int32_t descriptor, int32_t family, const uint8_t *buffer, struct aloft_datagram *items,
                             int32_t count);
/// Empties the error queue of a socket (IP_RECVERR): the last errno that ICMP or the kernel left, or 0.
int32_t aloft_take_errors(int32_t descriptor);

// MARK: unix.c - unix(7)

/// `kind` is 1 stream, 2 datagram, 5 seqpacket. A path that begins with '@' is abstract.
int32_t aloft_unix_listen(const uint8_t *path, uint64_t length, int32_t kind, int32_t backlog, uint32_t mode);
int32_t aloft_unix_connect(const uint8_t *path, uint64_t length, int32_t kind);
int32_t aloft_unix_accept(int32_t descriptor);
int32_t aloft_unix_peer(int32_t descriptor, int32_t *pid, uint32_t *uid, uint32_t *gid);
int32_t aloft_socketpair(int32_t kind, int32_t *first, int32_t *second);
int64_t aloft_send(int32_t descriptor, const uint8_t *bytes, uint64_t count);
int64_t aloft_receive(int32_t descriptor, uint8_t *bytes, uint64_t capacity);

// MARK: file.c

struct aloft_file_status {
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint64_t size;
    uint64_t inode;
    uint64_t device;
    int64_t modified_ns;
};

/// `flags`: 0 read, 1 write (truncate, create), 2 write (exclusive create), 3 read and write (create), 4 write
/// without creating, 5 append without creating. Always O_CLOEXEC.
int32_t aloft_open(const char *path, int32_t flags, uint32_t mode);
int64_t aloft_read(int32_t descriptor, uint8_t *bytes, uint64_t capacity);
int64_t aloft_write(int32_t descriptor, const uint8_t *bytes, uint64_t count);
int32_t aloft_close(int32_t descriptor);
int32_t aloft_duplicate(int32_t descriptor);
int32_t aloft_set_nonblocking(int32_t descriptor);
int32_t aloft_set_inheritable(int32_t descriptor, int32_t inheritable);
int32_t aloft_pipe(int32_t *read_end, int32_t *write_end);
int32_t aloft_file_status(const char *path, int32_t follow, struct aloft_file_status *status);
int32_t aloft_rename(const char *from, const char *to);
int32_t aloft_unlink(const char *path);
int32_t aloft_make_directory(const char *path, uint32_t mode);
int32_t aloft_sync(int32_t descriptor);
/// fdatasync(2).
int32_t aloft_sync_data(int32_t descriptor);
/// Syncs the directory that `path` lies in, so that its name survives a crash.
int32_t aloft_sync_directory(const char *path);
int32_t aloft_truncate(int32_t descriptor, uint64_t length);
/// getrandom(2): all of `count` (at most 256) bytes.
int32_t aloft_random(uint8_t *bytes, uint64_t count);
/// Calls `each` with every name but . and .. until it returns 0.
int32_t aloft_list_directory(const char *path, void *context,
                             int32_t (*each)(void *context, const uint8_t *name, uint64_t length));
/// 1 when locked, 0 when another holds it (flock(2), exclusive, without waiting).
int32_t aloft_lock_file(int32_t descriptor);
int32_t aloft_access_executable(const char *path);
/// readlink(2) into `buffer`; the length.
int64_t aloft_read_link(const char *path, uint8_t *buffer, uint64_t capacity);
int32_t aloft_hostname(uint8_t *buffer, uint64_t capacity);
/// getcwd(3) into `buffer`; the length.
int32_t aloft_working_directory(uint8_t *buffer, uint64_t capacity);
/// strerror(3) into `buffer`; the length.
int32_t aloft_error_text(int32_t error, uint8_t *buffer, uint64_t capacity);

// MARK: namespace.c - setns(2), for tests and the lab

/// Moves the calling thread into the network namespace behind `descriptor`.
int32_t aloft_enter_network(int32_t descriptor);
int32_t aloft_unshare_network(void);

#endif
