#define _GNU_SOURCE
#include "CLinux.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

int32_t aloft_open(const char *path, int32_t flags, uint32_t mode) {
    static const int kinds[] = {O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_EXCL,
                                O_RDWR | O_CREAT, O_WRONLY, O_WRONLY | O_APPEND};
    if (flags < 0 || flags > 5) return -EINVAL;
    int descriptor;
    // O_NONBLOCK: opening a FIFO someone named as a file must not stop the daemon.
    do descriptor = open(path, kinds[flags] | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode);
    while (descriptor < 0 && errno == EINTR);
    return descriptor < 0 ? -errno : descriptor;
}

int64_t aloft_read(int32_t descriptor, uint8_t *bytes, uint64_t capacity) {
    ssize_t count;
    do count = read(descriptor, bytes, capacity);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int64_t aloft_write(int32_t descriptor, const uint8_t *bytes, uint64_t count) {
    ssize_t written;
    do written = write(descriptor, bytes, count);
    while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : written;
}

int32_t aloft_close(int32_t descriptor) { return close(descriptor) < 0 ? -errno : 0; }

int32_t aloft_duplicate(int32_t descriptor) {
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}

int32_t aloft_set_nonblocking(int32_t descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
    return 0;
}

int32_t aloft_set_inheritable(int32_t descriptor, int32_t inheritable) {
    return fcntl(descriptor, F_SETFD, inheritable ? 0 : FD_CLOEXEC) < 0 ? -errno : 0;
}

int32_t aloft_pipe(int32_t *read_end, int32_t *write_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

int32_t aloft_file_status(const char *path, int32_t follow, struct aloft_file_status *status) {
    struct stat found;
    if ((follow ? stat(path, &found) : lstat(path, &found)) < 0) return -errno;
    status->mode = found.st_mode;
    status->uid = found.st_uid;
    status->gid = found.st_gid;
    status->size = (uint64_t)found.st_size;
    status->inode = found.st_ino;
    status->device = found.st_dev;
    status->modified_ns = (int64_t)found.st_mtim.tv_sec * 1000000000 + found.st_mtim.tv_nsec;
    return 0;
}

int32_t aloft_rename(const char *from, const char *to) { return rename(from, to) < 0 ? -errno : 0; }
int32_t aloft_unlink(const char *path) { return unlink(path) < 0 ? -errno : 0; }
int32_t aloft_make_directory(const char *path, uint32_t mode) { return mkdir(path, mode) < 0 ? -errno : 0; }
int32_t aloft_sync(int32_t descriptor) { return fsync(descriptor) < 0 ? -errno : 0; }

int32_t aloft_list_directory(const char *path, void *context,
                             int32_t (*each)(void *context, const uint8_t *name, uint64_t length)) {
    DIR *directory = opendir(path);
    if (!directory) return -errno;
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(directory))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (!each(context, (const uint8_t *)entry->d_name, strlen(entry->d_name))) break;
    }
    closedir(directory);
    return 0;
}

int32_t aloft_lock_file(int32_t descriptor) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return 1;
    return errno == EWOULDBLOCK ? 0 : -errno;
}

int32_t aloft_access_executable(const char *path) { return access(path, X_OK) < 0 ? -errno : 0; }

int32_t aloft_hostname(uint8_t *buffer, uint64_t capacity) {
    if (gethostname((char *)buffer, capacity) < 0) return -errno;
    return (int32_t)strnlen((char *)buffer, capacity);
}

int32_t aloft_working_directory(uint8_t *buffer, uint64_t capacity) {
    if (!getcwd((char *)buffer, capacity)) return -errno;
    return (int32_t)strnlen((char *)buffer, capacity);
}

int32_t aloft_error_text(int32_t error, uint8_t *buffer, uint64_t capacity) {
    const char *text = strerror_r(error, (char *)buffer, capacity);  // the GNU one
    size_t length = strlen(text);
    if (length > capacity) length = capacity;
    memmove(buffer, text, length);
    return (int32_t)length;
}

int64_t aloft_read_link(const char *path, uint8_t *buffer, uint64_t capacity) {
    int64_t length = readlink(path, (char *)buffer, capacity);
    return length < 0 ? -errno : length;
}

int32_t aloft_sync_data(int32_t descriptor) { return fdatasync(descriptor) < 0 ? -errno : 0; }

int32_t aloft_sync_directory(const char *path) {
    const char *slash = strrchr(path, '/');
    char directory[4096];
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof directory) return -ENAMETOOLONG;
    memcpy(directory, path, length);
    directory[length] = 0;
    int descriptor = open(length ? directory : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return -errno;
    int result = fsync(descriptor) < 0 ? -errno : 0;
    close(descriptor);
    return result;
}

int32_t aloft_truncate(int32_t descriptor, uint64_t length) {
    return ftruncate(descriptor, (off_t)length) < 0 ? -errno : 0;
}

int32_t aloft_random(uint8_t *bytes, uint64_t count) {
    ssize_t got;
    do got = getrandom(bytes, count, 0);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : (uint64_t)got == count ? 0 : -EIO;
}
